"""The page in a real browser: what a reader sees, by mouse, by keyboard, on a phone.

Every request to another machine fails the test that made it (``conftest.open_page``).
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from page_double import (
    ABSTAINED,
    ANSWERED,
    BROKEN,
    CRISIS,
    DIFFERS,
    EMERGENCY,
    OFF_TOPIC,
    STEPS,
    URGENT,
    PageDouble,
)
from page_server import CHROMIUM, Server
from page_steps import Open, ask, cited, finished, in_view

import ui
from assistant.types import DISCLAIMER

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)


def test_ask_read_and_open_each_citation(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    turn = ask(page, ANSWERED)
    answer = double.ask(ANSWERED)
    assert turn.locator(".disclaimer").inner_text().endswith(DISCLAIMER)
    assert page.locator(".strip").inner_text() == double.emergency_line
    assert page.input_value("#question textarea") == ""
    for number, citation in enumerate(answer.citations, start=1):
        turn.locator(f".statements a.cite:text-is('{number}')").click()
        page.wait_for_selector(f"[data-cited^='{citation.id}@']")
        assert cited(page) == citation.quote
        assert in_view(page)
        title = page.locator("#panel-title").inner_text().replace("\xa0", " ")
        assert title == citation.title
        style = page.evaluate(
            "(s => [s.backgroundColor, s.textDecorationLine, s.fontWeight])"
            "(getComputedStyle(document.querySelector('#cited')))"
        )
        assert style == ["rgb(255, 224, 138)", "underline", "600"]


def test_twenty_sentences_through_the_page(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    sentences = [
        (article, sentence.span)
        for article in double.articles.values()
        for sentence in article.sentences
    ]
    for article, span in sentences[:: max(1, len(sentences) // 20)]:
        page.evaluate(f"location.hash = '#cite={article.id}:{span.start}-{span.end}'")
        page.wait_for_selector(f"[data-cited^='{span.id}@']")
        assert cited(page) == article.quote(span)
        assert page.evaluate("document.querySelector('#cited').getBoundingClientRect().top") > 0


def test_all_of_it_by_keyboard(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    page.wait_for_function("document.activeElement.matches('#question textarea')")
    page.keyboard.type(ANSWERED)
    page.keyboard.press("Enter")
    turn = finished(page, 0)
    turn.locator("a.cite").first.focus()
    page.keyboard.press("Tab")
    assert page.locator("#tip").is_visible()
    assert double.ask(ANSWERED).citations[1].title in page.locator("#tip").inner_text()
    page.keyboard.press("Enter")
    assert cited(page) == double.ask(ANSWERED).citations[1].quote
    assert page.evaluate("document.querySelector('#panel').contains(document.activeElement)")
    page.keyboard.press("ArrowRight")
    third = double.ask(ANSWERED).citations[2]
    page.wait_for_selector(f"[data-cited^='{third.id}@']")
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert page.evaluate("document.activeElement.dataset.cite") == third.id


def test_every_control_has_a_name_and_a_generous_target(open_page: Open) -> None:
    page = open_page(360, 740)
    ask(page, ANSWERED)
    ask(page, ABSTAINED)
    page.click(".articles-button")
    page.wait_for_selector(".reading.list")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, .articles a, .button')].filter(e => {
        const b = e.getBoundingClientRect(); const name = e.innerText || e.ariaLabel || '';
        return e.checkVisibility() && (!name.trim() || b.height < 40 || b.width < 40); })
        .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert small == []


def test_on_a_phone_the_article_is_a_sheet_that_goes_back(open_page: Open) -> None:
    page = open_page(360, 740, has_touch=True)
    turn = ask(page, ANSWERED)
    before = page.evaluate("scrollY")
    turn.locator("a.cite").nth(1).tap()
    assert cited(page)
    assert in_view(page)
    assert page.locator("#panel").get_attribute("role") == "dialog"
    assert page.evaluate("document.querySelector('gradio-app').inert")
    assert page.locator(".strip").is_visible()
    page.go_back()
    page.wait_for_selector("#panel", state="hidden")
    assert abs(page.evaluate("scrollY") - before) < 5
    turn.locator("a.cite").nth(1).tap()
    page.click("#panel-close")
    assert page.locator("#panel").is_hidden()
    assert page.locator(".turn").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 390, 768, 1440])
def test_nothing_scrolls_sideways_and_what_matters_stays_in_sight(
    open_page: Open, width: int, scheme: str
) -> None:
    page = open_page(width, 740, color_scheme=scheme)
    for question in (ANSWERED, DIFFERS, STEPS, ABSTAINED, EMERGENCY, "knee" * 300):
        ask(page, question)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for part in (".strip", "footer.foot", "#question textarea", "#send"):
            box = page.locator(part).bounding_box()
            assert box
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 741
    page.locator("a.cite").first.click()
    page.wait_for_selector("#cited")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("question", [EMERGENCY, CRISIS, URGENT])
def test_a_care_card_comes_first_and_is_in_view(open_page: Open, question: str) -> None:
    page = open_page(360, 740)
    turn = ask(page, question)
    first = turn.locator(".asked + *")
    assert "care" in (first.get_attribute("class") or "")
    top = first.bounding_box()["y"]
    assert 0 < top < 400


def test_a_finished_answer_is_announced_once(open_page: Open) -> None:
    page = open_page()
    page.evaluate(
        """() => { window.said = []; for (const id of ['live', 'live-now'])
        new MutationObserver(() => said.push([id, document.getElementById(id).textContent]))
        .observe(document.getElementById(id), {childList: true, characterData: true,
        subtree: true}); }"""
    )
    ask(page, ANSWERED)
    ask(page, EMERGENCY)
    page.wait_for_timeout(300)
    said = page.evaluate("said")
    assert [where for where, _ in said] == ["live", "live-now"]
    assert "keep your pelvis level" in said[0][1]
    assert "Call your local emergency number" in said[1][1]


def test_chips_ask_and_questions_can_be_edited(open_page: Open) -> None:
    page = open_page()
    page.click(f".chip:text-is('{ANSWERED}')")
    turn = finished(page, 0)
    assert ANSWERED in turn.locator(".question").inner_text()
    turn.locator(".chip").first.click()
    finished(page, 1)
    page.locator(".turn").first.hover()
    page.locator(".edit").first.click()
    assert page.input_value("#question textarea") == ANSWERED
    page.keyboard.type(" Really?")
    page.keyboard.press("Enter")
    assert f"{ANSWERED} Really?" in finished(page, 2).locator(".question").inner_text()


def test_new_conversation_begins_anew(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    ask(page, EMERGENCY)
    page.click("#clear")
    page.wait_for_selector(".welcome .chip")
    assert page.locator(".turn").count() == 0
    ask(page, ANSWERED)
    assert double.histories[-1] == ()


def test_the_numbers_of_the_emergency_line_can_be_called(
    open_page: Open, double: PageDouble
) -> None:
    page = open_page(360, 740)
    page.wait_for_selector("#emergency-line a")
    line = page.locator("#emergency-line")
    assert line.inner_text() == double.emergency_line
    called = [link.get_attribute("href") for link in line.locator("a").all()]
    assert called == ["tel:" + number for number in re.findall(r"\d+", double.emergency_line)]


def test_sessions_do_not_see_each_other(open_page: Open, double: PageDouble) -> None:
    one, other = open_page(), open_page()
    ask(one, EMERGENCY)
    ask(other, ANSWERED)
    assert double.histories[-1] == ()
    assert other.locator(".turn").count() == 1


def test_copying_gives_the_answer_with_its_references(open_page: Open, double: PageDouble) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, ANSWERED).locator("[data-copy]").click()
    page.wait_for_selector("[data-copy]:has-text('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert all(c.quote in copied and c.id in copied for c in double.ask(ANSWERED).citations)
    assert DISCLAIMER in copied
    page.locator("a.cite").first.click()
    page.wait_for_selector("#cited")
    page.click("#panel-link")
    page.wait_for_selector("#panel-link.done")
    link = page.evaluate("navigator.clipboard.readText()")
    again = open_page(address=link)
    assert cited(again) == double.ask(ANSWERED).citations[0].quote


def test_the_articles_can_be_read_without_asking(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    page.click(".articles-button")
    page.wait_for_selector(".reading.list")
    for article in double.articles.values():
        page.click(f"#panel .article-link:has-text('{article.title[:30]}')")
        page.wait_for_selector("article.reading")
        assert page.locator(".left-out").count() >= 1
        shown = page.locator("#panel-body").inner_text()
        assert "+1" not in shown or "phone" not in shown
        for item in article.left_out:
            assert article.quote(item.span).strip()[:60] not in shown
        page.click("#panel-all")
        page.wait_for_selector(".reading.list")


def test_a_sentence_is_looked_up_in_the_panel(open_page: Open, double: PageDouble) -> None:
    page = open_page()
    citation = double.ask(ANSWERED).citations[0]
    page.click("nav .place-button:has-text('Check')")
    page.fill("#claim", citation.quote)
    page.click(".claim button")
    assert "The articles say this" in page.locator("#panel .groups").inner_text()
    page.click("#panel .quotes .source")
    assert cited(page) == citation.quote


def test_without_scripts_the_articles_and_the_emergency_line_are_there(
    open_page: Open, double: PageDouble
) -> None:
    page = open_page(java_script_enabled=False, wait=".noscript .article-link")
    assert page.locator(".strip").inner_text() == double.emergency_line
    page.locator(".article-link").first.click()
    page.wait_for_selector("main article.reading")
    assert page.locator("footer.foot").is_visible()


def test_an_error_is_a_sentence_and_the_box_stays_usable(open_page: Open) -> None:
    page = open_page()
    turn = ask(page, BROKEN)
    assert "Something went wrong on our side" in turn.inner_text()
    assert page.locator("#question textarea").is_enabled()
    assert "keep your pelvis level" in ask(page, ANSWERED).inner_text()


@pytest.mark.parametrize("text", ["", "   ", "x" * 100_000, "\u200b\u202e\u0007", "😀" * 500])
def test_odd_questions_get_an_answer(open_page: Open, text: str) -> None:
    page = open_page()
    ask(page, text)
    assert page.locator("#question textarea").is_enabled()


def test_progress_is_shown_and_a_question_is_taken_meanwhile(open_page: Open) -> None:
    go = threading.Event()

    def load(progress: ui.Progress) -> PageDouble:
        progress("Building the index", 0.6)
        go.wait(20)
        return PageDouble()

    server = Server(load)
    try:
        page = open_page(address=server.address, wait="[role=progressbar]")
        page.wait_for_selector("[aria-valuenow='60']")
        assert "Building the index" in page.locator(".loading").inner_text()
        page.fill("#question textarea", ANSWERED)
        page.press("#question textarea", "Enter")
        page.wait_for_selector(".waiting")
        assert "Getting ready" in page.locator(".waiting").inner_text()
        go.set()
        assert "keep your pelvis level" in finished(page, 0).inner_text()
    finally:
        go.set()
        server.stop()


def test_a_question_sent_while_another_is_answered_is_asked_after_it(open_page: Open) -> None:
    server = Server(lambda _: PageDouble(seconds=1))
    try:
        page = open_page(address=server.address)
        page.fill("#question textarea", ANSWERED)
        page.press("#question textarea", "Enter")
        page.wait_for_selector(".waiting")
        page.press("#question textarea", "Enter")  # The box is empty by now.
        for question in (EMERGENCY, OFF_TOPIC):
            page.fill("#question textarea", question)
            page.press("#question textarea", "Enter")
            page.wait_for_function("!document.querySelector('#question textarea').value")
        assert "keep your pelvis level" in finished(page, 0).inner_text()
        assert "emergency" in finished(page, 1).inner_text()
        finished(page, 2)
        assert page.locator(".turn").count() == 3
    finally:
        server.stop()


def test_a_lost_connection_is_said_and_found_again(open_page: Open) -> None:
    page = open_page()
    ask(page, ANSWERED)
    page.route("**/healthz", lambda route: route.abort())
    page.wait_for_selector("#connection.lost", timeout=15_000)
    assert page.locator(".turn").count() == 1
    page.unroute("**/healthz")
    page.wait_for_selector("#connection:not(.lost):has-text('back')")
    ask(page, OFF_TOPIC)


def test_a_server_that_starts_again_is_told_and_answers(
    open_page: Open, double: PageDouble
) -> None:
    server = Server(lambda _: double)
    page = open_page(address=server.address)
    turn = ask(page, ANSWERED)
    server.stop()
    page.wait_for_selector("#connection.lost", timeout=15_000)
    turn.locator("a.cite").first.click()
    page.wait_for_selector("#panel:has-text('because the connection is lost')")
    page.keyboard.press("Escape")
    page.fill("#question textarea", OFF_TOPIC)
    page.press("#question textarea", "Enter")
    page.wait_for_timeout(500)
    assert page.locator(".toast-body").all() == [] or page.locator(".toast-wrap").is_hidden()
    assert turn.locator(".quote").first.is_visible()
    again = Server(lambda _: double, port=server.port)
    try:
        page.wait_for_selector(".chip", timeout=20_000)  # Gradio has loaded the page anew.
        page.wait_for_selector("#connection:has-text('has started again')", timeout=20_000)
        ask(page, OFF_TOPIC)
        assert page.locator("#connection").is_hidden()
        page.reload()
        page.wait_for_selector(".chip")
        assert page.locator("#connection").is_hidden()
    finally:
        again.stop()


def test_fifty_chats_at_once_answer_as_one_by_one(server: Server) -> None:
    questions = [(ANSWERED, STEPS, ABSTAINED)[number % 3] for number in range(50)]
    alone = {question: chat(server, question) for question in questions[:3]}
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(lambda question: chat(server, question), questions))
    assert together == [alone[question] for question in questions]


def chat(server: Server, question: str) -> str:
    """One question through Gradio's own queue, as the page sends it."""
    import httpx

    with httpx.Client(base_url=server.address, timeout=60) as client:
        events = client.get("config").json()["dependencies"]
        event = next(e["id"] for e in events if len(e["targets"]) == 2 and len(e["inputs"]) == 2)
        session = uuid.uuid4().hex
        joined = client.post(
            "gradio_api/queue/join",
            json={"data": [question, None], "fn_index": event, "session_hash": session},
        )
        assert joined.status_code == 200
        with client.stream("GET", f"gradio_api/queue/data?session_hash={session}") as stream:
            shown = ""
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "process_generating":
                    shown = str(message["output"]["data"][0])
                if message.get("msg") == "process_completed":
                    assert message["success"]
                    return shown
    raise AssertionError("the stream ended without an answer")
