"""What is taken along and what is said of an answer, without a browser."""

from __future__ import annotations

import asyncio
import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hostile import HOSTILE
from page_double import (
    ABSTAINED,
    ANSWERED,
    BROKEN,
    CRISIS,
    DIFFERS,
    EMERGENCY,
    MODEL,
    REFUSED,
    REWORDED,
    STEPS,
    PageDouble,
    loaded,
    talk,
)

from assistant.errors import SettingsError, UsageError
from assistant.page import handover
from assistant.page.answer import render_answer
from assistant.page.export import FORMS, export
from assistant.page.feedback import FeedbackFile, feedback_row
from assistant.page.session import Loader, Session, ask_again, converse
from assistant.types import DISCLAIMER, Turn
from assistant.verify import verify_export

AT = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
ALL = (ANSWERED, DIFFERS, STEPS, ABSTAINED, EMERGENCY, CRISIS, REFUSED)


@pytest.fixture(scope="module")
def double() -> PageDouble:
    return PageDouble()


class Tags(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


# ---- export ----


@pytest.mark.parametrize("form", FORMS)
def test_an_export_holds_quotes_headings_hashes_date_and_disclaimer(
    double: PageDouble, form: str
) -> None:
    answers = [double.ask(question) for question in ALL]
    file = export(answers, form, AT)
    words = json.dumps(json.loads(file.text), ensure_ascii=False) if form == "json" else file.text
    words = html.unescape(words).replace("\u200b", "").replace("\\", "")
    for answer in answers:
        assert answer.question in words
        for citation in (*answer.citations, *answer.nearest):
            assert citation.sha256 in words
            assert citation.section[-1].strip() in words
    assert "2026" in words
    assert DISCLAIMER in words
    assert file.name.endswith(form)


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_models_words_stand_in_no_quote_of_an_export(double: PageDouble, form: str) -> None:
    answer = double.ask(REWORDED)
    said, quote = answer.statements[0].text, answer.citations[0].quote
    page = html.unescape(export([answer], form, AT).text)
    lines = [line for line in page.splitlines() if line.startswith(("> ", "<blockquote"))]
    assert not any(said in line for line in lines)
    assert any(quote.splitlines()[0] in line for line in lines)
    assert MODEL in page
    assert said in page


def test_the_json_is_verified_against_the_files(double: PageDouble, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    exported = export([double.ask(question) for question in ALL], "json", AT).text
    path.write_text(exported, "utf-8")
    replayed = verify_export(path, double.articles)
    assert len(replayed) > 8
    assert not any(quote.problem for quote in replayed)
    path.write_text(exported.replace("keep your pelvis level", "keep your pelvis"), "utf-8")
    assert any(quote.problem for quote in verify_export(path, double.articles))


def test_a_conversation_without_a_quote_is_verified_too(double: PageDouble, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(export([double.ask(EMERGENCY)], "json", AT).text, "utf-8")
    assert verify_export(path, double.articles) == ()
    path.write_text('{"answers": []}', "utf-8")
    with pytest.raises(UsageError, match="no citation"):
        verify_export(path, double.articles)


@pytest.mark.parametrize("form", FORMS)
def test_an_export_of_nothing_still_says_what_the_answers_are(form: str) -> None:
    assert DISCLAIMER in export([], form, AT).text


def test_the_page_that_is_taken_along_runs_and_loads_nothing(double: PageDouble) -> None:
    page = Tags(export([double.ask(text) for text in HOSTILE], "html", AT).text)
    assert page.names <= {
        *"html head meta title style body main h1 h2 h3 p b bdi blockquote".split()
    }
    assert page.attributes <= {*"lang charset http-equiv content name class".split()}
    for text in HOSTILE[:50]:
        assert text.strip().replace("\t", " ")[:12] in page.words.replace("\t", " ")


def test_no_word_is_markup_in_the_markdown_that_is_taken_along(double: PageDouble) -> None:
    text = export([double.ask(text) for text in HOSTILE], "md", AT).text
    bare = re.sub(r"\\.|(?<= )\[\d+\]|^\[\d+\] ", "", text, flags=re.M)
    assert "<" not in bare
    assert not re.search(r"[\[\]`$]", bare.replace("> ", ""))
    listed = export([double.ask("1. one\n- two\n+ three\n# four\n\n    five")], "md", AT).text
    assert not re.search(r"^(?:\d+[.)]|[-+*] |#(?!#? ))", listed.split("## ")[1], re.M)


def test_a_file_is_handed_over_whole_and_an_unknown_form_is_said(double: PageDouble) -> None:
    session = talk(loaded(double), ANSWERED)
    first, second = handover.hand_file(session, "md"), handover.hand_file(session, "md")
    assert first != second
    assert "data-body" in first
    assert not re.search(r"[<>${}`]", first[3:-5])
    assert "cannot save" in handover.hand_file(session, "<exe>")


# ---- again and stop ----


def test_a_question_asked_again_takes_its_own_place(double: PageDouble) -> None:
    loader = loaded(double)
    session = talk(loader, EMERGENCY, BROKEN, ANSWERED)

    async def again(number: int) -> str:
        return [shown async for shown in ask_again(number, session, loader)][-1]

    markup = asyncio.run(again(2))
    assert [e.question for e in session.exchanges] == [EMERGENCY, BROKEN, ANSWERED]
    assert markup.count('class="turn"') == 3
    assert [t.content for t in double.histories[-1] if t.role == "user"] == [EMERGENCY]
    assert asyncio.run(again(99)) == markup


def test_a_stopped_question_is_given_up_and_still_counts_as_said() -> None:
    loader = Loader(lambda _: PageDouble())
    session = Session()

    async def run() -> str:
        said = []
        async for shown in converse(EMERGENCY, session, loader):
            said.append(shown)
            session.stop()
        return said[-1]

    assert "You stopped this question" in asyncio.run(run())
    assert session.answers == ()
    assert session.before(99) == (Turn("user", EMERGENCY),)


# ---- feedback ----


def test_feedback_holds_no_word_of_the_reader_unless_they_agree(double: PageDouble) -> None:
    answer = double.ask(ANSWERED)
    silent = feedback_row(answer, "unclear", "", None)
    assert silent is not None
    assert ANSWERED not in json.dumps(silent)
    assert silent["rating"] == "down"
    spoken = feedback_row(answer, "unclear", answer.citations[0].id, (Turn("user", STEPS),))
    assert spoken is not None
    assert spoken["question"] == ANSWERED
    assert spoken["history"] == [{"role": "user", "content": STEPS}]
    assert feedback_row(answer, "other", "", None) is None
    assert feedback_row(answer, "unclear", "fix-the-hip:1-2", None) is None


def test_feedback_of_many_readers_at_once_is_whole_lines(
    double: PageDouble, tmp_path: Path
) -> None:
    path = tmp_path / "feedback.jsonl"
    files = [FeedbackFile(path) for _ in range(4)]
    row = feedback_row(double.ask("x" * 3000), "unclear", "", ())
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda n: files[n % 4].add({**row, "n": n}), range(400)))
    lines = path.read_text("utf-8").splitlines()
    assert sorted(json.loads(line)["n"] for line in lines) == list(range(400))
    assert path.stat().st_mode & 0o077 == 0


def test_a_full_or_missing_file_takes_no_feedback(double: PageDouble, tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    small = FeedbackFile(path, max_bytes=100)
    assert small.add({"a": 1})
    assert not small.add({"a": "x" * 100})
    path.unlink()
    path.mkdir()
    assert not small.add({"a": 1})
    with pytest.raises(SettingsError, match="name a file in a folder that exists"):
        FeedbackFile(tmp_path / "none" / "feedback.jsonl")


def test_the_same_feedback_is_noted_once(double: PageDouble, tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    file, session = FeedbackFile(path), talk(loaded(double), ANSWERED)
    for _ in range(50):
        assert "Thank you" in handover.note_feedback(session, file, 1, "unclear", "", False)
    assert len(path.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("turn", "reason", "citation"),
    [(7, "unclear", ""), (1, "<b>", ""), (1, "unclear", "x:1-2"), (1, "", "")],
)
def test_feedback_on_what_is_not_there_is_not_taken(
    double: PageDouble, tmp_path: Path, turn: int, reason: str, citation: str
) -> None:
    file, session = FeedbackFile(tmp_path / "f.jsonl"), talk(loaded(double), ANSWERED)
    said = handover.note_feedback(session, file, turn, reason, citation, True)
    assert "could not be noted" in said
    assert (tmp_path / "f.jsonl").read_text("utf-8") == ""


def test_without_a_file_nobody_is_asked_for_feedback(double: PageDouble) -> None:
    assert "feedback" not in render_answer(double.ask(ANSWERED), 1)
    session = talk(loaded(double), ANSWERED, feedback=False)
    assert "could not" in handover.note_feedback(session, None, 1, "unclear", "", False)
