"""What answers are held against, and the checks on one answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evals_double import WordOverlap

from assistant.errors import CorpusError
from assistant.settings import DEFAULT_CORPUS
from assistant.types import DISCLAIMER, Kind
from evals import integrity
from evals.integrity import iter_faults
from evals.notices import OWN_TEXTS
from evals.sentences import find_edges
from evals.truth import LEFT_OUT_FILE, Truth, iter_runs, load_truth, parse_citation_span

QUESTION = "what is a Trendelenburg gait drop of the pelvis"


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEFAULT_CORPUS)


def answered(truth: Truth) -> dict[str, Any]:
    return WordOverlap(truth).answer(QUESTION)


def faults(answer: object, truth: Truth, question: str = QUESTION) -> set[str]:
    return {fault.name for fault in iter_faults(answer, truth, question)}


def test_every_sentence_of_the_articles_is_whole(truth: Truth) -> None:
    for name, article in truth.articles.items():
        for sentence in article.sentences:
            span = sentence.span
            assert truth.edges[name].fits(article.text, span.start, span.end), article.quote(span)


def test_a_quote_is_whole_sentences_of_one_paragraph() -> None:
    text = "Hips help, e.g. here. See Dr. A. Smith. Why?\n\n • Rest well.\n • Sleep.\n"
    edges = find_edges(text, ())

    def fits(quote: str) -> bool:
        start = text.index(quote)
        return edges.fits(text, start, start + len(quote))

    for whole in ("Hips help, e.g. here.", "See Dr. A. Smith. Why?", "Rest well.", "Sleep."):
        assert fits(whole), whole
    for part in ("Hips", "help, e.g. here.", "See Dr.", "Why", "Why?\n\n • Rest well."):
        assert not fits(part), part
    assert not fits("Rest well.\n • Sleep.")


def test_words_that_mark_left_out_text_have_to_be_there(tmp_path: Path) -> None:
    marks = tmp_path / "left_out.jsonl"
    lines = LEFT_OUT_FILE.read_text("utf-8")
    marks.write_text(lines.replace("6 thoughts on", "7 thoughts on"), "utf-8")
    with pytest.raises(CorpusError, match=r"left_out.jsonl:8: '7 thoughts on.* is not in fix-the"):
        load_truth(DEFAULT_CORPUS, marks)
    marks.write_text(lines.replace("rehabilitation program?", "rehabilitation?"), "utf-8")
    with pytest.raises(CorpusError, match=r"left_out.jsonl:7: 'rehabilitation\?' is not in"):
        load_truth(DEFAULT_CORPUS, marks)
    marks.write_text(lines + "{oops\n", "utf-8")
    with pytest.raises(CorpusError, match=r"left_out.jsonl:11"):
        load_truth(DEFAULT_CORPUS, marks)


def test_left_out_text_of_an_article_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    shutil.copy(DEFAULT_CORPUS / "fix-the-hip.txt", tmp_path)
    assert {span.article_id for span in load_truth(tmp_path).left_out} == {"fix-the-hip"}


def test_no_text_that_may_be_shown_is_taken_for_left_out_text(truth: Truth) -> None:
    shown = [*truth.notices, *(truth.known_questions or ()), DISCLAIMER]
    assert [text for text in shown if truth.left_out_runs & set(iter_runs(text))] == []


def test_the_disclaimer_is_the_policys() -> None:
    assert integrity.DISCLAIMER == DISCLAIMER


def test_every_kind_has_a_text_in_the_policys_data(truth: Truth) -> None:
    assert set(OWN_TEXTS) == set(Kind) - {Kind.IN_SCOPE}


def test_help_lines_are_those_of_the_place() -> None:
    texts = load_truth(DEFAULT_CORPUS, country="GB").notices
    assert any("116 123" in text and "988" not in text for text in texts)


@pytest.mark.parametrize("no_id", ["", "a", "a:1", "a:5-5", "a:9-1", "a:²-³", "a:-1-3", ":1-2"])
def test_what_is_no_citation_id_is_none(no_id: str) -> None:
    assert parse_citation_span(no_id) is None


def test_a_sound_answer_has_no_fault(truth: Truth) -> None:
    assert faults(answered(truth), truth) == set()
    assert faults(answered(truth), truth, "another question") == {"question_not_echoed"}


@pytest.mark.parametrize(
    "value", [None, [], "answer", 7, {}, {"kind": []}, {"disclaimer": DISCLAIMER}]
)
def test_what_is_no_answer_is_a_fault_and_no_exception(value: object, truth: Truth) -> None:
    assert "answer_not_readable" in faults(value, truth)


def spoil_citation(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda answer: [c.update({key: value}) for c in answer["citations"]]


@pytest.mark.parametrize(
    "spoil",
    [
        *[lambda answer, key=key: answer.pop(key) for key in ("question", "query", "nearest")],
        *[lambda answer, key=key: answer.update({key: None}) for key in ("kind", "notices")],
        lambda answer: answer.update(kind=["in_scope"]),
        lambda answer: answer.update(outcome="perhaps"),
        lambda answer: answer.update(statements=["text"]),
        lambda answer: answer["statements"][0].pop("text"),
        lambda answer: answer["statements"][0].update(citations=[{"id": "x"}]),
        lambda answer: answer.update(notices=["text"]),
        lambda answer: answer.update(suggestions=[None]),
        spoil_citation("start", "1"),
        spoil_citation("start", True),
        spoil_citation("article", ["fix-the-hip"]),
        spoil_citation("section", "heading"),
        spoil_citation("title", None),
    ],
)
def test_a_malformed_answer_is_a_fault_and_no_exception(
    spoil: Callable[[dict[str, Any]], object], truth: Truth
) -> None:
    answer = json.loads(json.dumps(answered(truth)))
    spoil(answer)
    assert faults(answer, truth) == {"answer_not_readable"}


@pytest.mark.parametrize("span", [(-5, -1), (5, 5), (10, 4), (0, 10**9)])
def test_offsets_that_are_none_are_a_fault_and_no_exception(
    span: tuple[int, int], truth: Truth
) -> None:
    answer = json.loads(json.dumps(answered(truth)))
    for citation in answer["citations"]:
        citation.update(start=span[0], end=span[1])
        citation["quote"] = truth.texts[citation["article"]][span[0] : span[1]]
    assert "quote_not_exact" in faults(answer, truth)


@pytest.mark.parametrize(
    ("kind", "outcome", "notices", "fault"),
    [
        ("emergency", "redirected", [], "notice_missing"),
        ("emergency", "redirected", [("emergency", "urgent")], "notice_wrong"),
        ("emergency", "redirected", [("urgent", "urgent")], "notice_missing"),
        ("not_covered", "abstained", [("emergency", "emergency")], "notice_wrong"),
        ("in_scope", "abstained", [], "notice_missing"),
        ("diagnosis", "redirected", [("diagnosis", "diagnosis")], "notice_wrong"),
        ("diagnosis", "redirected", [("diagnosis", "diagnosis_alone")], ""),
        ("emergency", "redirected", [("emergency", "emergency_CES")], ""),
        ("unclear", "abstained", [("unclear", "empty"), ("pregnant", "pregnant")], ""),
        ("emergency", "redirected", [("emergency", "emergency_line")], "notice_wrong"),
    ],
)
def test_each_kind_has_its_own_fixed_text(
    kind: str, outcome: str, notices: list[tuple[str, str]], fault: str, truth: Truth
) -> None:
    text_of = {name: text for text, name in truth.notices.items()}
    answer = WordOverlap(truth).reply(QUESTION, kind, outcome, [])
    answer["notices"] = [{"kind": called, "text": text_of[name]} for called, name in notices]
    found = faults(answer, truth)
    assert fault in found if fault else found == set()


def test_left_out_words_are_found_in_anything_shown(truth: Truth) -> None:
    left = truth.left_out[0]
    words = truth.texts[left.article_id][left.start : left.start + 80]
    for edit in (
        {"suggestions": [words]},
        {"notices": [{"kind": "x", "text": words}]},
        {"statements": [{"text": words, "citations": []}]},
    ):
        assert "left_out_shown" in faults({**answered(truth), **edit}, truth)
