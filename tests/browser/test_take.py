"""What a reader does with a conversation: again, stop, take along, keep, say what is wrong."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from page_double import ABSTAINED, ANSWERED, BROKEN, DIFFERS, EMERGENCY, STEPS, PageDouble
from page_server import CHROMIUM, Server
from page_steps import Open, ask, cited, finished

import ui
from assistant.page.feedback import FeedbackFile
from assistant.types import DISCLAIMER
from assistant.verify import verify_export
from evals.feedback import import_feedback

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)


@pytest.fixture(scope="module")
def feedback(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "feedback.jsonl"


@pytest.fixture(scope="module")
def server(double: PageDouble, feedback: Path) -> Iterator[Server]:
    server = Server(lambda _: double, feedback=FeedbackFile(feedback))
    yield server
    server.stop()


def take(page: Any, form: str, folder: Path) -> Path:
    """Save the conversation by the dialog; returns the file."""
    page.click("#menu-open")
    with page.expect_download() as waiting:
        page.click(f"[data-take={form}]")
    page.wait_for_function("document.querySelector('#menu-said').textContent === 'Saved.'")
    page.click("#menu-close")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_conversation_is_taken_along_in_three_forms(
    open_page: Open, double: PageDouble, tmp_path: Path
) -> None:
    page = open_page()
    for question in (ANSWERED, ABSTAINED, EMERGENCY, DIFFERS):
        ask(page, question)
    exported = take(page, "json", tmp_path)
    replayed = verify_export(exported, double.articles)
    assert len(replayed) > 6
    assert not any(quote.problem for quote in replayed)
    found = json.loads(exported.read_text("utf-8"))
    assert [answer["question"] for answer in found["answers"]] == [
        ANSWERED,
        ABSTAINED,
        EMERGENCY,
        DIFFERS,
    ]
    assert found["disclaimer"] == DISCLAIMER
    text = take(page, "md", tmp_path).read_text("utf-8")
    saved = take(page, "html", tmp_path)
    alone = open_page(address=saved.as_uri(), wait="main", java_script_enabled=False)
    shown = alone.locator("main").inner_text()
    for citation in double.ask(ANSWERED).citations:
        assert citation.quote in text
        assert citation.quote in shown
        assert citation.sha256 in text
        assert citation.sha256 in shown
    assert DISCLAIMER in shown
    assert alone.locator("script").count() == 0


def test_nothing_can_be_taken_along_before_there_is_an_answer(open_page: Open) -> None:
    page = open_page()
    page.click("#menu-open")
    assert page.locator("[data-take=json]").is_disabled()
    assert "ask a question first" in page.locator("#menu-lead").inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "menu-open"


def test_what_is_printed_is_the_whole_conversation_with_its_references(
    open_page: Open, double: PageDouble
) -> None:
    page = open_page()
    ask(page, ANSWERED)
    ask(page, ABSTAINED)
    page.locator("a.cite").first.click()
    cited(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown = page.locator("#conversation").inner_text()
    for citation in (*double.ask(ANSWERED).citations, *double.ask(ABSTAINED).nearest):
        assert citation.quote in shown
    for citation in double.ask(ANSWERED).citations:
        assert f"{citation.id}@{citation.sha256[:8]}" in shown
    for hidden in ("#composer", "#panel", "nav", ".tools", ".feedback"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator(".strip").is_visible()


def test_a_question_is_asked_again_in_its_place(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    ask(page, EMERGENCY)
    ask(page, BROKEN)
    asked = len(double.histories)
    page.locator("#turn-2 [data-again]").click()
    finished(page, 1)
    page.wait_for_function("document.activeElement.id === 'turn-2'")
    assert page.locator(".turn").count() == 2
    assert len(double.histories) == asked + 1
    assert [t.content for t in double.histories[-1] if t.role == "user"] == [EMERGENCY]


def test_a_waiting_question_can_be_stopped_and_asked_again(open_page: Open) -> None:
    go = threading.Event()

    def load(progress: ui.Progress) -> PageDouble:
        go.wait(20)
        return PageDouble()

    server = Server(load)
    try:
        page = open_page(address=server.address, wait="[role=progressbar]")
        page.fill("#question textarea", ANSWERED)
        page.press("#question textarea", "Enter")
        page.click("[data-stop]")
        assert "You stopped this question" in page.locator(".turn .stopped").inner_text()
        page.wait_for_timeout(500)
        page.fill("#question textarea", STEPS)
        page.press("#question textarea", "Enter")
        page.wait_for_selector("#turn-2 .waiting")
        page.fill("#question textarea", "typed meanwhile")
        go.set()
        assert "side plank" in finished(page, 1).inner_text()
        assert page.input_value("#question textarea") == "typed meanwhile"
        page.locator("#turn-1 [data-again]").click()
        page.wait_for_selector("#turn-1 .quote")
        assert "keep your pelvis level" in finished(page, 0).inner_text()
    finally:
        go.set()
        server.stop()


def test_conversations_are_kept_only_while_they_are_wanted(open_page: Open) -> None:
    page = open_page()
    stored = "JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
    ask(page, ANSWERED)
    assert ANSWERED not in page.evaluate(stored)
    page.click("#menu-open")
    page.check("#keep")
    page.wait_for_selector(".kept-open")
    page.click("#menu-close")
    ask(page, STEPS)
    page.click("#clear")
    page.wait_for_selector(".turn", state="detached")
    ask(page, ABSTAINED)
    page.reload()
    page.wait_for_selector(".chip")
    page.click("#menu-open")
    assert page.locator(".kept-open b").all_inner_texts() == [ABSTAINED, ANSWERED]
    page.locator(".kept-open").nth(1).click()
    shown = page.locator("#panel-body").inner_text()
    assert all(words in shown for words in (ANSWERED, STEPS, "keep your pelvis level", DISCLAIMER))
    page.keyboard.press("Escape")
    page.click("#menu-open")
    page.locator(".kept-delete").first.click()
    assert page.locator(".kept-open b").all_inner_texts() == [ANSWERED]
    page.click("#kept-all")
    assert page.locator(".kept-open").count() == 0
    assert ANSWERED not in page.evaluate(stored)
    page.uncheck("#keep")
    page.click("#menu-close")
    ask(page, ANSWERED)
    assert page.evaluate("localStorage.length") == 0


def test_a_deleted_conversation_is_not_kept_again_by_its_next_answer(open_page: Open) -> None:
    page = open_page()
    page.click("#menu-open")
    page.check("#keep")
    page.click("#menu-close")
    ask(page, ANSWERED)
    page.click("#menu-open")
    page.click("#kept-all")
    page.click("#menu-close")
    ask(page, STEPS)
    kept = json.loads(page.evaluate("localStorage.getItem('knee-hip.kept')"))
    assert [turn["question"] for turn in kept[0]["turns"]] == [STEPS]


def test_a_browser_that_keeps_nothing_says_so(open_page: Open) -> None:
    page = open_page()
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'Quota'); }; }"
    )
    ask(page, ANSWERED)
    page.click("#menu-open")
    page.locator("#keep").click()
    assert "does not let the page keep" in page.locator("#menu-said").inner_text()
    assert not page.locator("#keep").is_checked()


def rate(page: Any, reason: str, citation: str = "", *, agree: bool = False) -> str:
    """Say what is wrong with the last answer; returns what the page says to it."""
    form = page.locator(".turn .feedback").last
    form.locator("summary").click()
    form.locator(f"[value={reason}]").check()
    if citation:
        form.locator("select").select_option(citation)
    if agree:
        form.locator("[name=agree]").check()
    form.locator(".button").click()
    page.wait_for_selector(".noted")
    return str(page.locator(".noted").inner_text())


def test_feedback_is_noted_without_the_readers_words_unless_they_agree(
    open_page: Open, double: PageDouble, feedback: Path
) -> None:
    page = open_page()
    ask(page, STEPS)
    ask(page, ANSWERED)
    citation = double.ask(ANSWERED).citations[1]
    assert "without your words" in rate(page, "wrong_source", citation.id)
    assert page.evaluate("document.activeElement.className") == "noted"
    line = feedback.read_text("utf-8").splitlines()[-1]
    assert ANSWERED not in line
    assert STEPS not in line
    assert json.loads(line)["citation"] == f"{citation.id}@{citation.sha256[:8]}"
    ask(page, ABSTAINED)
    assert page.locator(".feedback").last.locator("[value=wrong_source]").count() == 0
    assert "with your question" in rate(page, "does_not_answer", agree=True)
    texts = {name: article.text for name, article in double.articles.items()}
    lines = [(str(n), row) for n, row in enumerate(feedback.read_text("utf-8").splitlines())]
    cases, faults = import_feedback(lines, texts)
    assert [case["question"] for case in cases] == [ABSTAINED]
    assert [turn["content"] for turn in cases[0]["history"]][::2] == [STEPS, ANSWERED]
    assert faults == ["1 without a question, which make no case: wrong source 1"]


def test_a_link_to_a_citation_opens_it_also_without_scripts(
    open_page: Open, server: Server, double: PageDouble
) -> None:
    citation = double.ask(ANSWERED).citations[0]
    link = f"{server.address}?cite={citation.id}@{citation.sha256[:8]}"
    for options in ({"wait": "#cited"}, {"wait": "#cited", "java_script_enabled": False}):
        page = open_page(address=link, **options)
        assert cited(page) == citation.quote
    old = open_page(address=f"{server.address}#cite={citation.id}", wait="#cited")
    assert cited(old) == citation.quote


def test_a_look_up_needs_no_script(open_page: Open, server: Server, double: PageDouble) -> None:
    page = open_page(address=f"{server.address}claim", wait="form.claim", java_script_enabled=False)
    quote = double.ask(ANSWERED).citations[0].quote
    page.fill("#claim", quote)
    page.click(".claim button")
    page.wait_for_selector(".groups")
    assert "The articles say this" in page.locator("main").inner_text()
    page.click(".quotes .source")
    assert cited(page) == quote
