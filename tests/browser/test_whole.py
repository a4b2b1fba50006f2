"""The whole job: the real assistant behind the real page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from page_server import CHROMIUM, Server
from page_speed import (
    MAX_ANSWER_MS,
    MAX_HIGHLIGHT_MS,
    MAX_KILOBYTES,
    MAX_USABLE_MS,
    measure,
)

from assistant.pipeline import Assistant
from assistant.types import DISCLAIMER

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)
QUESTION = "what is it called when my hips drop to one side"


@pytest.fixture(scope="module")
def server(assistant: Assistant) -> Iterator[Server]:
    server = Server(lambda _: assistant)
    yield server
    server.stop()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_a_question_is_asked_read_and_its_citation_opened(
    browser: Any, server: Server, assistant: Assistant, width: int, scheme: str
) -> None:
    expected = assistant.ask(QUESTION)
    elsewhere: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on(
        "request",
        lambda r: r.url.startswith((server.address, "data:", "blob:")) or elsewhere.append(r.url),
    )
    page.set_default_timeout(30_000)
    page.goto(server.address)
    page.fill("textarea", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn a[data-cite]:visible")
    shown = " ".join(page.locator(".turn").last.inner_text().split())
    for statement in expected.statements:
        assert " ".join(statement.text.split()) in shown
    assert DISCLAIMER in shown
    for citation in expected.citations:
        page.locator(f"a[data-cite='{citation.id}']:visible").first.click()
        marked = page.locator("#cited")
        marked.wait_for(state="visible")
        page.wait_for_function(
            "words => document.querySelector('#cited').textContent === words", arg=citation.quote
        )
        assert marked.evaluate(
            "e => { const r = e.getBoundingClientRect();"
            " return r.top >= 0 && r.bottom <= innerHeight + r.height }"
        )
        if width < 600:
            page.keyboard.press("Escape")
    assert not elsewhere
    page.close()


def test_the_page_says_that_it_is_alive_and_ready(server: Server) -> None:
    for path in ("healthz", "readyz"):
        with urlopen(server.address + path) as reply:
            assert reply.status == 200


def test_the_page_is_light_and_fast(
    browser: Any, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    speed = measure(browser, server.address)
    with capsys.disabled():
        print(f"\n{speed}")
    assert speed.kilobytes <= MAX_KILOBYTES
    assert speed.usable_ms <= MAX_USABLE_MS * speed.slower
    assert speed.answer_ms <= MAX_ANSWER_MS * speed.slower
    assert speed.highlight_ms <= MAX_HIGHLIGHT_MS * speed.slower
