"""The page without a browser: markup, sessions, routes, and what the command says."""

from __future__ import annotations

import asyncio
import html
import logging
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import HOSTILE, write_hostile_corpus
from page_double import (
    ABSTAINED,
    ANSWERED,
    ARRANGED,
    BROKEN,
    CONDITIONAL,
    CRISIS,
    DIAGNOSIS,
    DIFFERS,
    EMERGENCY,
    MODEL,
    OFF_TOPIC,
    REFUSED,
    REWORDED,
    STEPS,
    URGENT,
    PageDouble,
    loaded,
)

import ui
from assistant.articles import parse_article
from assistant.citations import make_citation
from assistant.corpus import load_corpus
from assistant.errors import CitationChangedError, StoreError
from assistant.leaving import ModelPlace, place_of_model
from assistant.page import reading, shell
from assistant.page.answer import MAX_SHOWN_CHARS, answer_as_text, render_answer, render_question
from assistant.page.article import render_article
from assistant.page.guard import CONTENT_POLICY, is_closed
from assistant.page.markup import escape, prose, showable
from assistant.page.session import (
    MAX_TURNS,
    POLL_SECONDS,
    Loader,
    Session,
    converse,
    country_of,
    welcome,
)
from assistant.page.statements import place_of
from assistant.settings import Settings
from assistant.types import DISCLAIMER, Answer, CitationContext, LeftOut, Span, Tell, Turn
from assistant.web.limits import Gate

QUESTIONS = (
    ANSWERED,
    DIFFERS,
    STEPS,
    ABSTAINED,
    EMERGENCY,
    CRISIS,
    URGENT,
    CONDITIONAL,
    OFF_TOPIC,
    REFUSED,
    DIAGNOSIS,
    REWORDED,
    ARRANGED,
    "",
    "   ",
    "\0",
    "😀" * 10,
)


@pytest.fixture(scope="module")
def double() -> PageDouble:
    return PageDouble()


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def cited_words(markup: str) -> str:
    return "".join(
        plain(piece) for piece in re.findall(r'<mark class="cited"[^>]*>(.*?)</mark>', markup, re.S)
    )


# ---- markup ----


def test_every_sentence_of_every_article_is_marked_exactly(double: PageDouble) -> None:
    checked = 0
    for article in double.articles.values():
        for sentence in article.sentences:
            marked = render_article(article, sentence.span)
            assert cited_words(marked) == article.quote(sentence.span)
            assert marked.count('id="cited"') == 1
            checked += 1
    assert checked > 150


SHOULDER = load_corpus(Path(__file__).parent / "corpora" / "shoulder")


@pytest.mark.parametrize("name", ["scapular-control", "after-a-dislocation"])
def test_a_pdfs_sentences_stand_below_the_number_of_their_page(name: str) -> None:
    article = SHOULDER[name]
    for sentence in article.sentences:
        citation = make_citation(article, sentence.span)
        marked = render_article(article, sentence.span)
        assert cited_words(marked) == citation.quote
        before = plain(marked.partition('<mark class="cited"')[0])
        pages = [int(number) for number in re.findall(r"Page (\d+)", before)]
        assert pages == list(range(2, (citation.page or 0) + 1))
        assert place_of(citation).endswith(f"Page {citation.page}")


def test_a_page_may_start_within_a_cited_sentence_and_may_hold_nothing() -> None:
    article = SHOULDER["rotator-cuff"]
    span = next(s.span for s in article.sentences if s.span.end - s.span.start > 40)
    start = span.start + 20
    paged = replace(article, pages=(0, start, start, len(article.text)))
    marked = render_article(paged, span)
    assert cited_words(marked) == article.quote(span)
    assert re.findall(r"Page (\d+)", plain(marked)) == ["3"]
    assert "Page" not in render_article(replace(article, pages=(0,)), span)
    assert "Page" not in render_article(article, span)


class Changed(PageDouble):
    """Whose articles have changed since its links were made."""

    def __init__(self, error: CitationChangedError | None = None) -> None:
        super().__init__()
        self.error = error

    def cite(self, citation_id: str) -> CitationContext:
        found, _, digits = citation_id.partition("@")
        if digits and self.error:
            raise self.error
        return replace(super().cite(found), moved_from=citation_id if digits else "")


def test_a_link_to_words_that_have_moved_opens_them_and_says_so() -> None:
    double = Changed()
    id_ = double.ask(ANSWERED).citations[0].id
    found = reading.read_link(double, f"{id_}@00000000")
    assert "The same words now stand here." in plain(found.body)
    assert cited_words(found.body) == double.ask(ANSWERED).citations[0].quote
    assert "now stand here" not in plain(reading.read_link(double, id_).body)


def test_a_link_to_words_that_have_changed_shows_both() -> None:
    now = PageDouble().ask(ANSWERED).citations[0]
    error = CitationChangedError("x", "It <said> this.", now.quote, now.id)
    found = reading.read_link(Changed(error), f"{now.id}@00000000")
    assert found.status == 404
    assert "It <said> this." in plain(found.body)
    assert now.quote in plain(found.body)
    assert "<said>" not in found.body
    gone = CitationChangedError("x", "It said this.", "", "")
    assert "much like that" in plain(reading.read_link(Changed(gone), f"{now.id}@00000000").body)


def test_left_out_text_is_in_no_rendering_and_its_kind_is_named(double: PageDouble) -> None:
    for article in double.articles.values():
        shown = plain(render_article(article))
        for item in article.left_out:
            assert article.quote(item.span).strip() not in shown
            assert item.kind in shown


def test_left_out_text_inside_a_sentence_is_cut_out_of_it(double: PageDouble) -> None:
    shown = plain(render_article(double.articles["fix-the-hip"]))
    assert "knee_patella" not in shown
    assert "Patellofemoral Pain Syndrome [left out: an image's file name]" in shown


def test_the_other_citations_are_marked_lightly(double: PageDouble) -> None:
    article = double.articles["fix-the-hip"]
    first, second = article.sentences[2].span, article.sentences[3].span
    marked = render_article(article, first, [second])
    assert cited_words(marked) == article.quote(first)
    assert f'<mark class="also">{escape(article.quote(second))}' in marked


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_answer_shows_its_disclaimer_once(double: PageDouble, question: str) -> None:
    answer = double.ask(question)
    assert plain(render_answer(answer, 1)).count(DISCLAIMER) == 1
    assert answer_as_text(answer).count(DISCLAIMER) == 1


@pytest.mark.parametrize("question", [EMERGENCY, CRISIS, URGENT, CONDITIONAL])
def test_a_care_card_stands_before_anything_else(double: PageDouble, question: str) -> None:
    markup = render_answer(double.ask(question), 1)
    assert re.search(r'</h2></div><div class="care care-', markup)


def test_what_is_nearest_is_folded_and_labelled_as_no_answer(double: PageDouble) -> None:
    markup = render_answer(double.ask(ABSTAINED), 1)
    assert '<details class="nearest">' in markup
    assert "This does not answer it." in markup
    assert 'class="cite"' not in markup


def test_numbers_follow_the_answers_citations(double: PageDouble) -> None:
    answer = double.ask(ANSWERED)
    markup = render_answer(answer, 1)
    shown = re.findall(r'<a class="cite" [^>]*data-cite="([^"]+)"[^>]*>(\d+)</a>', markup)
    expected = {c.id: str(n) for n, c in enumerate(answer.citations, start=1)}
    assert {html.unescape(id_): number for id_, number in shown} == expected


def test_copied_text_resolves_its_references(double: PageDouble) -> None:
    answer = double.ask(ANSWERED)
    copied = answer_as_text(answer)
    for number, citation in enumerate(answer.citations, start=1):
        assert f"“{citation.quote}” [{number}]" in copied
        assert f"{citation.id}@{citation.sha256[:8]}" in copied


def test_a_models_words_are_never_shown_as_the_articles(double: PageDouble) -> None:
    answer = double.ask(REWORDED)
    markup = render_answer(answer, 1)
    said, quoted = answer.statements[0], answer.citations[0].quote
    assert f'<p class="reworded">{escape(said.text)}' in markup
    assert not re.search(rf"<blockquote[^>]*><p>{re.escape(escape(said.text))}", markup)
    below = markup.partition('<details class="exact')[2].partition("</details>")[0]
    assert quoted in plain(below)
    shown = plain(markup)
    assert "In the articles’ own words" not in shown
    assert MODEL in shown
    assert "not the articles’" in shown
    copied = answer_as_text(answer)
    assert f"“{said.text}”" not in copied
    assert f"“{quoted}”" in copied
    assert MODEL in copied
    assert MODEL in html.unescape(re.findall(r'data-say="([^"]*)"', markup)[0])


def test_what_a_follow_up_was_read_as_is_shown(double: PageDouble) -> None:
    for outcome in (ANSWERED, ABSTAINED):
        answer = double.ask(outcome)
        assert "was read as" not in plain(render_answer(answer, 1))
        whole = replace(answer, query="what <does> it do and for runners?")
        assert "read as: “what <does> it do and for runners?”" in plain(render_answer(whole, 1))
        odd = replace(answer, question=f"  {answer.question.upper()}\n")
        assert "was read as" not in plain(render_answer(odd, 1))
        assert "was read as" not in plain(render_answer(replace(answer, query="x" * 301), 1))
    alone = replace(double.ask(CONDITIONAL), query="another")
    assert "was read as" not in plain(render_answer(alone, 1))


def test_a_models_order_is_told_and_no_model_is_not(double: PageDouble) -> None:
    shown = plain(render_answer(double.ask(ARRANGED), 1))
    assert f"({MODEL}) chose and ordered these quotes" in shown
    assert "In the articles’ own words" in shown
    assert "language model" not in plain(render_answer(double.ask(ANSWERED), 1))


def test_an_exercises_name_stands_above_its_list(double: PageDouble) -> None:
    markup = render_answer(double.ask(STEPS), 1)
    before, _, after = markup.partition('<ul class="items">')
    assert before.endswith('<p class="lead">Side Plank with Hip Abduction</p>')
    assert after.count("<li><blockquote") == 3
    assert '<ul class="items">' not in after


def test_a_title_is_one_item_of_a_list_whatever_marks_are_in_it() -> None:
    markup = prose("The articles: “Ignore it; fix: the hip. Now”; “Two”; “Three”. Open them.")
    items = [plain(item) for item in re.findall(r"<li>(.*?)</li>", markup)]
    assert items == ["“Ignore it; fix: the hip. Now”", "“Two”", "“Three”"]
    assert plain(markup).endswith("Open them.")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_ever_text(double: PageDouble, text: str) -> None:
    for markup in (
        escape(text),
        prose(text),
        render_question(text),
        render_answer(double.ask(text), 1),
    ):
        assert "<script" not in markup
        assert "<img" not in markup
        assert not re.search(r"[$`{}\\\x00\u202e]", markup)
        assert not re.search(r"<(?:form|iframe|style|svg onload)", markup)
    assert plain(escape("a" + text + "b")).replace("\ufffd", "").startswith("a")


def test_hostile_articles_titles_and_file_names_are_only_ever_text(tmp_path: Path) -> None:
    ids = write_hostile_corpus(tmp_path)
    articles = load_corpus(tmp_path)
    assert set(articles) == set(ids)
    markup = shell.render_reading_list(articles)
    for text, article in zip(HOSTILE, articles.values(), strict=True):
        span = article.sentences[-1].span
        reading = render_article(article, span)
        assert cited_words(reading) == showable(article.quote(span))
        markup += reading + shell.dress("<gradio-app></gradio-app>", text, {"x": article})
    assert "window.hit=1>" not in markup
    assert "<img" not in markup
    assert "${" not in markup
    assert "{{" not in markup
    assert "<script" not in markup


def test_a_left_out_span_may_cover_the_start_of_a_block() -> None:
    article = parse_article("x", "Title\n\nPress the bell. The hip moves when you walk on it.\n")
    cut = LeftOut(Span("x", 7, 22), "sales", "test")
    markup = render_article(
        type(article)(
            **{
                name: getattr(article, name)
                for name in ("id", "title", "text", "sha256", "blocks", "sentences")
            },
            left_out=(cut,),
        )
    )
    assert "Press the bell" not in markup
    assert "left out: sales" in plain(markup)
    assert "The hip moves when you walk on it." in markup


def test_a_very_long_question_is_shown_short() -> None:
    assert "none of it was read" in render_question("knee " * 1000, read=False)
    markup = render_question("knee " * 200_000)
    assert len(markup) < MAX_SHOWN_CHARS + 1500
    assert "1,000,000 characters" in markup


# ---- one conversation ----


def collect(question: str, session: Session, loader: Loader) -> list[str]:
    async def run() -> list[str]:
        return [shown async for shown in converse(question, session, loader)]

    return asyncio.run(run())


def test_the_question_is_shown_at_once_and_then_answered() -> None:
    session, loader = Session(), loaded(PageDouble())
    first, last = collect(ANSWERED, session, loader)
    assert "waiting" in first
    assert "waiting" not in last
    assert 'class="quote"' in last


class Telling(PageDouble):
    """Says what it is doing, as a language model is waited for."""

    def ask(self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None) -> Answer:
        assert tell
        for message in ("reading 6 passages", "checking <4> statements"):
            tell(message)
            time.sleep(3 * POLL_SECONDS)
        return super().ask(question, history)


def test_what_is_being_done_is_shown_while_a_model_works() -> None:
    shown = [plain(markup) for markup in collect(ANSWERED, Session(), loaded(Telling()))]
    assert len(shown) == 4
    for said, markup in zip(
        ("Looking in the articles…", "reading 6 passages", "checking <4> statements"),
        shown,
        strict=False,
    ):
        assert said in markup
        assert "keep your pelvis level" not in markup
    assert "passages" not in shown[-1]
    assert "keep your pelvis level" in shown[-1]


def test_each_question_gets_all_earlier_turns() -> None:
    double = PageDouble()
    session, loader = Session(), loaded(double)
    for question in (EMERGENCY, ANSWERED, STEPS):
        collect(question, session, loader)
    assert [turn.content for turn in double.histories[2] if turn.role == "user"] == [
        EMERGENCY,
        ANSWERED,
    ]
    assert DISCLAIMER in double.histories[2][1].content


def test_a_failure_is_a_sentence_and_the_question_is_in_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    session, loader = Session(), loaded(PageDouble())
    shown = plain(collect(BROKEN, session, loader)[-1])
    assert "Something went wrong on our side" in shown
    assert DISCLAIMER in shown
    assert BROKEN not in caplog.text
    assert "RuntimeError" in caplog.text
    assert 'class="quote"' in collect(ANSWERED, session, loader)[-1]


def test_an_answer_to_a_cleared_conversation_is_dropped() -> None:
    session, loader = Session(), loaded(PageDouble(seconds=0.2))

    async def run() -> list[str]:
        shown = []
        async for markup in converse(ANSWERED, session, loader):
            shown.append(markup)
            session.clear()
        return shown

    assert asyncio.run(run())[-1] == ""
    assert session.exchanges == []


def test_an_empty_box_asks_nothing_in_a_conversation() -> None:
    session, loader = Session(), loaded(PageDouble())
    assert collect("", session, loader)[-1].count('class="turn') == 1
    asked = collect(ANSWERED, session, loader)[-1]
    assert collect(" \n", session, loader) == [asked]
    assert len(session.exchanges) == 2


def test_questions_in_a_row_are_answered_in_turn_and_the_same_one_once() -> None:
    session, loader = Session(), loaded(PageDouble(seconds=0.1))

    async def run() -> None:
        async def ask(question: str) -> None:
            async for _ in converse(question, session, loader):
                pass

        await asyncio.gather(*map(ask, (ANSWERED, ANSWERED, STEPS, OFF_TOPIC)))

    asyncio.run(run())
    assert [exchange.question for exchange in session.exchanges] == [ANSWERED, STEPS, OFF_TOPIC]
    double = loader.assistant
    assert isinstance(double, PageDouble)
    assert [len(history) for history in double.histories] == [0, 2, 4]


def test_an_answer_is_there_when_a_lost_reader_is_back() -> None:
    session, loader = Session(), loaded(PageDouble(seconds=0.2))

    async def run() -> None:
        stream = converse(ANSWERED, session, loader)
        await anext(stream)
        await stream.aclose()
        for _ in range(100):
            if not session.exchanges[0].waiting:
                return
            await asyncio.sleep(0.02)

    asyncio.run(run())
    assert session.exchanges[0].answer
    assert "keep your pelvis level" in session.markup()


def test_a_full_conversation_says_so() -> None:
    session, loader = Session(), loaded(PageDouble())
    for _ in range(MAX_TURNS + 3):
        shown = collect(OFF_TOPIC, session, loader)
    assert len(shown) == 1
    assert len(session.exchanges) == MAX_TURNS + 1
    assert "Start a new conversation" in shown[0]
    session.clear()
    assert "Start a new conversation" not in collect(OFF_TOPIC, session, loader)[-1]


def test_too_long_a_question_or_conversation_is_said_and_kept_nowhere() -> None:
    double = PageDouble()
    session, loader = Session(max_question_chars=100), loaded(double)
    for length, said in ((100, ""), (101, "more than this page reads"), (100, "")):
        shown = collect("x" * length, session, loader)[-1]
        assert said in plain(shown)
        assert DISCLAIMER in plain(shown)
        assert f"You asked: {'x' * length}" in plain(shown)
        assert "(nothing typed)" not in shown
    assert [len(e.question) for e in session.exchanges] == [100, 0, 100]
    collect("x" * 100, session, loader)
    collect("x" * 99, session, loader)
    assert "become too long" in plain(collect("xx", session, loader)[-1])
    assert len(double.histories) == 4
    session.clear()
    assert "too long" not in plain(collect("xx", session, loader)[-1])


@pytest.mark.parametrize(
    ("gate", "said"), [(Gate(1, 1, 0.05), "took too long"), (Gate(1, -1, 5), "Too many people")]
)
def test_the_pages_answers_have_their_place_and_their_time(gate: Gate, said: str) -> None:
    session, loader = Session(), loaded(PageDouble(seconds=0.4))

    async def run() -> list[str]:
        return [shown async for shown in converse(ANSWERED, session, loader, gate=gate)]

    shown = plain(asyncio.run(run())[-1])
    assert said in shown
    assert DISCLAIMER in shown
    assert session.answers == ()


def test_the_start_shows_progress_until_the_assistant_is_there() -> None:
    go = threading.Event()

    def load(progress: ui.Progress) -> PageDouble:
        progress("Reading <the> articles", 0.4)
        go.wait(5)
        return PageDouble()

    loader = Loader(load)
    loader.start()

    async def run() -> list[str]:
        shown = []
        async for markup in welcome(loader):
            shown.append(markup)
            if "articles · 40" in plain(markup):
                go.set()
        return shown

    shown = asyncio.run(run())
    assert "Reading <the> articles · 40 %" in plain(shown[-2])
    assert 'aria-valuenow="40"' in shown[-2]
    assert 'class="chip"' in shown[-1]


def test_what_cannot_be_loaded_is_said_in_one_sentence() -> None:
    def load(_: ui.Progress) -> PageDouble:
        raise StoreError("index/: damaged; delete it and start again")

    loader = Loader(load)
    loader.start()
    session = Session()
    shown = collect(ANSWERED, session, loader)[-1]
    assert "index/: damaged; delete it and start again" in plain(shown)


# ---- routes ----


@pytest.fixture(scope="module")
def client(double: PageDouble):
    from fastapi.testclient import TestClient

    with TestClient(ui.build_app(lambda _: double)) as client:
        for _ in range(100):
            if client.get("/readyz").status_code == 200:
                break
            time.sleep(0.05)
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/healthz",
        "/readyz",
        "/read",
        "/read/fix-the-hip",
        "/page/page.css",
        "/theme.css",
        "/gradio_api/upload",
        "/nowhere",
        "/config",
    ],
)
def test_every_response_carries_the_policy_and_the_headers(client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=https://example.org/",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/runs",
        "/gradio_api/run-history/records",
        "/gradio_api/vibe-edit",
        "/gradio_api/stream/x",
        "/gradio_api/process_recording",
        "/gradio_api/component_server",
        "/gradio_api/deep_link",
        "/monitoring",
        "/file=/etc/passwd",
        "//gradio_api/upload",
        "/gradio_api//upload",
        "/gradio_api/custom_component/x/y/z/w",
        "/openapi.json",
        "/manifest.json",
    ],
)
def test_what_the_page_does_not_need_is_shut(client, path: str) -> None:
    assert is_closed(path)
    for method in ("GET", "POST"):
        assert client.request(method, path).status_code == 404


def test_the_page_names_no_other_host(client) -> None:
    page = client.get("/").text
    hosts = set(re.findall(r"(?:https?:)?//([\w-]+(?:\.[\w-]+)+)", page))
    assert hosts <= {"www.w3.org"}
    assert 'run_history":false' in page
    assert "manifest" not in page
    assert 'analytics_enabled":false' in page
    assert DISCLAIMER.split(". ")[0] in plain(page)


def test_too_large_a_body_is_refused_in_a_sentence(client) -> None:
    answer = client.post("/gradio_api/queue/join", content=b"x" * 9_000_000)
    assert answer.status_code == 413
    assert "Send less" in answer.text


def test_health_and_readiness(client) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["status"] == "ready"


def test_a_citation_opens_in_its_article_with_and_without_script(client, double) -> None:
    citation = double.ask(ANSWERED).citations[0]
    address = f"/read/{citation.span.article_id}?at={citation.span.start}-{citation.span.end}"
    for page in (
        client.get(address),
        client.get(f"{address}&part=1"),
        client.get(f"{address}@{citation.sha256[:8]}"),
    ):
        assert page.status_code == 200
        assert cited_words(page.text) == citation.quote
    assert client.get(address).text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "address",
    [
        "/read/none",
        "/read/fix-the-hip?at=5",
        "/read/fix-the-hip?at=9-3",
        "/read/fix-the-hip?at=1-99999999",
        "/read/fix-the-hip?at=36-626@00000000",
        "/read/fix-the-hip?at=730-740",
        "/read/..%2f..%2fetc%2fpasswd",
        "/read/%3Cscript%3E",
    ],
)
def test_a_place_that_is_not_there_is_a_sentence_and_the_list(client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Fix the Hip!" in plain(answer.text)
    assert "<script>" not in answer.text.replace("<script defer", "")


def test_other_citations_that_are_not_there_are_left_out(client) -> None:
    answer = client.get("/read/fix-the-hip?also=1-9,x,9-1,5-99999999999,٣-٤&part=1")
    assert answer.status_code == 200


def test_a_sentence_is_traced_to_who_says_it(client, double) -> None:
    citation = double.ask(ANSWERED).citations[0]
    found = client.post("/claim", data={"claim": citation.quote})
    assert citation.title in html.unescape(found.text)
    assert "The articles say this" in found.text
    assert DISCLAIMER in plain(found.text)
    nobody = plain(client.post("/claim?part=1", data={"claim": "<b>Bananas cure it"}).text)
    assert "No sentence was found that says just this." in nobody
    assert "<b>Bananas cure it" in nobody


@pytest.mark.parametrize(
    "form",
    [
        "{id}",
        "{id}@{hash}",
        "http://h/#cite={id}@{hash}",
        "http://h/?cite={quoted}%40{hash}",
        "https://h/deep/read/{article}?at={place}@{hash}&also=1-2#cited",
        "http://h/read/{article}?at={place}",
    ],
)
def test_a_citation_is_looked_up_by_id_and_by_link(client, double, form: str) -> None:
    citation = double.ask(ANSWERED).citations[0]
    given = form.format(
        id=citation.id,
        hash=citation.sha256[:8],
        quoted=citation.id.replace(":", "%3A"),
        article=citation.span.article_id,
        place=citation.id.partition(":")[2],
    )
    assert cited_words(client.post("/claim", data={"claim": given}).text) == citation.quote


def test_a_link_to_a_citation_is_read_without_scripts(client, double) -> None:
    citation = double.ask(ANSWERED).citations[0]
    page = client.get("/", params={"cite": f"{citation.id}@{citation.sha256[:8]}"}).text
    assert (
        cited_words(page.partition("<noscript>")[2].partition("</noscript>")[0]) == citation.quote
    )
    for odd in ("", "x", "fix-the-hip:9-3", "none:1-2", "<script>", "a" * 5000):
        page = client.get("/", params={"cite": odd})
        assert page.status_code == 200
        assert "article-link" in page.text


def test_there_is_a_place_to_look_a_sentence_up(client) -> None:
    page = client.get("/claim")
    assert page.status_code == 200
    assert '<form class="claim" method="post" action="claim">' in page.text


@pytest.mark.parametrize("claim", ["", "x" * 1_000_000, "\0", *HOSTILE])
def test_odd_claims_get_a_page(client, claim: str) -> None:
    found = client.post("/claim?part=1", data={"claim": claim})
    assert found.status_code == 200
    assert "<img" not in found.text
    assert len(found.text) < 20_000


@pytest.mark.parametrize("body", [b"a=1&" * 200_000, b"&" * 900_000, b"\xff=%00%", b"a"])
def test_another_form_than_the_claims_is_one_without_a_claim(client, body: bytes) -> None:
    start = time.perf_counter()
    found = client.post("/claim?part=1", content=body)
    assert found.status_code == 200
    assert "Check a sentence" in plain(found.text)
    assert time.perf_counter() - start < 1


def test_a_claim_of_many_megabytes_is_not_read(client) -> None:
    assert client.post("/claim", content=b"claim=" + b"a" * 2_000_000).status_code == 413


FAR = ModelPlace("openai:a-model", "models.example.org", here=False)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "goes to the computer that runs this page, and nowhere else."),
        (ModelPlace("ollama:x", "127.0.0.1:1", here=True), "A language model (ollama:x)"),
        (FAR, "also sent to a language model: models.example.org"),
        (ModelPlace("openai:x", "", here=False), "also sent to a language model: openai"),
    ],
)
def test_the_page_says_where_questions_go(model: ModelPlace | None, said: str) -> None:
    shown = plain(shell.render_leaves(model))
    assert said in shown
    assert ("nowhere else" in shown) == (model is None or model.here)
    assert ("What that service keeps is its own affair" in shown) == bool(model and not model.here)


@pytest.mark.parametrize("mode", ["arrange", "rephrase"])
def test_exact_sentences_are_promised_only_where_no_model_rewords_them(mode: str) -> None:
    model = place_of_model(Settings(chat_model="openai:x", chat_mode=mode))
    assert model
    loader = loaded(PageDouble())

    async def run() -> list[str]:
        return [plain(shown) async for shown in welcome(loader, model.rewords)]

    for shown in (*asyncio.run(run()), plain(shell.render_progress("x", 0.5, model.rewords))):
        assert ("exact sentences" in shown) == (mode == "arrange")


def test_where_questions_go_stands_at_the_question_box() -> None:
    from fastapi.testclient import TestClient

    with TestClient(ui.build_app(lambda _: PageDouble(), model=FAR)) as client:
        parts = client.get("/config").json()["components"]
    (shown,) = (p["props"]["value"] for p in parts if p["props"].get("elem_id") == "leaves")
    assert "models.example.org" in plain(shown)


def test_the_command_hands_the_page_the_place_of_its_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = []

    def build(*arguments: object) -> None:
        given.append(arguments[-1])
        raise StoreError("enough")

    monkeypatch.setattr(ui, "build_app", build)
    monkeypatch.setenv("ASSISTANT_CHAT_URL", "https://models.example.org/v1")
    for model in ([], ["--chat-model", "openai:a-model"]):
        assert ui.main([*model, "--port", "0"]) == 1
    assert given == [None, FAR]


# ---- the command ----


def test_a_port_in_use_is_one_clear_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ui.main(["--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use" in said


@pytest.mark.parametrize("given", [["--port", "70000"], ["--host", "no.such.host.invalid"]])
def test_an_address_that_cannot_be_used_is_one_clear_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ui.main(given) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("languages", "country"),
    [
        ("en-GB,en;q=0.8", "GB"),
        ("en, de-CH;q=0.5", "CH"),
        ("zh-Hant-TW", "TW"),
        ("en", ""),
        ("", ""),
        ("*;q=0.1, ;;,-", ""),
    ],
)
def test_the_country_comes_from_the_browsers_language(languages: str, country: str) -> None:
    assert country_of(languages) == country
