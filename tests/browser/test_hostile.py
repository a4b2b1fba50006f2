"""Sixty hostile strings in every place a word can come from: they stay text on the page."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from hostile import HOSTILE, write_hostile_corpus
from page_double import PageDouble
from page_server import CHROMIUM, Server
from page_steps import Open, ask

from assistant.corpus import load_corpus
from assistant.page.markup import showable

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> PageDouble:
    folder = tmp_path_factory.mktemp("hostile")
    write_hostile_corpus(folder)
    return PageDouble({**PageDouble().articles, **load_corpus(folder)})


def harm(page: Any) -> list[str]:
    """What ran, came in, or lies above the box, header and footer."""
    found: list[str] = page.evaluate(
        """() => {
        const found = window.hit === undefined ? [] : ['ran'];
        const strange = `iframe, object, embed, video, marquee, math, animate,
            base:not([href='./']), meta[http-equiv=refresh], #welcome :is(img, script),
            #conversation :is(img, script, style, link, form, input),
            #panel :is(img, script, style, link, meta, input)`;
        for (const one of document.querySelectorAll(strange)) found.push(one.outerHTML);
        for (const name of ['#question textarea', '.strip span', 'footer.foot']) {
            const part = document.querySelector(name);
            const box = part.getBoundingClientRect();
            const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
            const top = document.elementFromPoint(x, y);
            if (!part.contains(top)) found.push(name + ' lies under ' + top?.outerHTML);
        }
        return found; }"""
    )
    return found


def test_there_are_sixty_of_them() -> None:
    assert len(set(HOSTILE)) >= 60


def test_hostile_questions_are_shown_as_text(open_page: Open) -> None:
    page = open_page()
    for number, text in enumerate(HOSTILE):
        turn = ask(page, text)
        assert turn.locator(".question *:not(bdi):not(.sr)").count() == 0
        typed = re.sub("[\x00-\x08\x0b-\x1f]", "\ufffd", text)
        shown = turn.locator("bdi").text_content()
        assert shown.replace("\ufffd", "") == showable(typed).strip().replace("\ufffd", "")
        if number % 10 == 9:
            assert harm(page) == []
            page.click("#clear")
            page.wait_for_selector(".turn", state="detached")


def test_hostile_articles_titles_and_file_names_are_shown_as_text(
    open_page: Open, double: PageDouble
) -> None:
    page = open_page()
    listed = " ".join(page.locator("#welcome .articles").inner_text().split())
    for text in HOSTILE[:10]:
        assert text in listed
    for article in list(double.articles.values())[-len(HOSTILE) :]:
        span = article.sentences[-1].span
        page.evaluate("id => { location.hash = '#cite=' + encodeURIComponent(id) }", span.id)
        page.wait_for_function(
            "id => document.querySelector('[data-cited]')?.dataset.cited.startsWith(id)",
            arg=showable(span.id),
        )
        words = "".join(page.locator("mark.cited").all_text_contents())
        assert words == showable(article.quote(span))
    assert harm(page) == []


def test_hostile_citation_ids_open_nothing(open_page: Open) -> None:
    page = open_page()
    for text in HOSTILE:
        for link in (f"{text}:1-2", text):
            page.evaluate("link => { location.hash = '#cite=' + link }", link)
            page.evaluate("link => { location.hash = '#cite=' + encodeURIComponent(link) }", link)
    page.wait_for_timeout(500)
    assert harm(page) == []
    page.click("nav .place-button:has-text('Check')")
    for text in HOSTILE:
        page.fill("#claim", text)
        page.click(".claim button")
        page.wait_for_function(
            "words => document.querySelector('.asked-claim')?.textContent.includes(words)"
            " || document.querySelector('.said')",
            arg=showable(text.strip()).split("\ufffd")[0][:20],
        )
    assert harm(page) == []


def test_hostile_links_to_the_page_open_nothing(open_page: Open, server: Server) -> None:
    for text in HOSTILE[::12]:
        page = open_page(address=f"{server.address}?cite={quote(text)}:1-2")
        assert harm(page) == []
        page.close()
        page = open_page(
            address=f"{server.address}?cite={quote(text)}:1-2",
            java_script_enabled=False,
            wait=".noscript .reading",
        )
        assert page.locator(".noscript :is(img, script, style, iframe, form, input)").count() == 0
        page.close()


@pytest.fixture
def kept() -> list[Any]:
    """What may lie in the browser's storage, put there by whoever."""
    good = [{"question": text, "answer": text} for text in HOSTILE]
    return [
        {"id": "a", "at": 1, "turns": good},
        {"id": "<img src=x onerror=window.hit=1>", "at": 1, "turns": good},
        {"id": "b", "at": "<b>", "turns": good},
        {"id": "c", "at": 1e300, "turns": good},
        {"id": "d", "at": 1, "turns": [{"question": {"toString": 1}, "answer": []}]},
        {"id": "e", "at": 1, "turns": []},
        {"id": "__proto__", "at": 2, "turns": good[:1]},
        None,
        7,
        "x",
        [],
    ]


def test_what_lies_in_the_storage_is_shown_as_text(open_page: Open, kept: list[Any]) -> None:
    page = open_page()
    for stored in (json.dumps(kept), "{", "null", '"x"', "[" * 5000, '{"length": 5}'):
        page.evaluate("words => localStorage.setItem('knee-hip.kept', words)", stored)
        page.click("#menu-open")
        page.wait_for_selector("#menu[open]")
        if stored.startswith("[{"):
            assert page.locator(".kept-open").count() == 2
            page.click(".kept-open >> nth=0")
            page.wait_for_selector(".kept-answer")
            shown = page.locator(".kept-answer").all_text_contents()
            assert shown[0] == HOSTILE[0]
            assert len(shown) == len(HOSTILE)
            assert harm(page) == []
        else:
            assert page.locator(".kept-open").count() == 0
            page.click("#menu-close")
    assert page.evaluate("window.hit") is None
