"""What may go wrong on the way out of an assistant, and the figure or count that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from evals_double import WordOverlap

from assistant.settings import DEFAULT_CORPUS
from assistant.types import Kind
from evals.cases import Case, CaseKind
from evals.truth import load_truth

Answer: TypeAlias = dict[str, Any]
Edit: TypeAlias = Callable[[Answer, Case], object]

TRUTH = load_truth(DEFAULT_CORPUS)


def move(answer: Answer, change: Callable[[str, int, int], tuple[int, int]]) -> None:
    """Cites other stretches: offsets, quotes, ids and statements stay consistent."""
    renamed = {}
    for citation in answer["citations"]:
        text = TRUTH.texts[citation["article"]]
        start, end = change(text, citation["start"], citation["end"])
        renamed[citation["id"]] = f"{citation['article']}:{start}-{end}"
        citation.update(id=renamed[citation["id"]], start=start, end=end, quote=text[start:end])
    quotes = {citation["id"]: citation["quote"] for citation in answer["citations"]}
    for statement in answer["statements"]:
        statement["citations"] = [renamed[cited] for cited in statement["citations"]]
        statement["text"] = quotes[statement["citations"][0]]


def first_word(text: str, start: int, end: int) -> tuple[int, int]:
    return start, start + len(text[start:end].split()[0])


def two_words(text: str, start: int, end: int) -> tuple[int, int]:
    return start, start + len(" ".join(text[start:end].split(" ")[:2]))


def whole_paragraph(text: str, start: int, end: int) -> tuple[int, int]:
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    return line, stop if stop >= 0 else len(text)


def much_around(text: str, start: int, end: int) -> tuple[int, int]:
    return max(0, start - 1500), min(len(text), end + 1500)


def shift_offsets(answer: Answer, _: Case) -> None:
    for citation in answer["citations"]:
        citation["start"] += 1
        citation["end"] += 1


def rotate_citations(answer: Answer, _: Case) -> None:
    cited = [statement["citations"] for statement in answer["statements"]]
    for statement, other in zip(answer["statements"], cited[1:] + cited[:1], strict=True):
        statement["citations"] = other


def of_all(name: str, **changes: object) -> Edit:
    """Changes every item of a list."""
    return lambda answer, _: [item.update(changes) for item in answer[name]]


def set_to(**changes: object) -> Edit:
    return lambda answer, _: answer.update(changes)


def when(holds: Callable[[Answer, Case], bool], edit: Edit) -> Edit:
    return lambda answer, case: edit(answer, case) if holds(answer, case) else None


def is_kind(*kinds: str) -> Callable[[Answer, Case], bool]:
    return lambda answer, _: answer["kind"] in kinds


def is_outcome(outcome: str) -> Callable[[Answer, Case], bool]:
    return lambda answer, _: answer["outcome"] == outcome


def any_sentence() -> Answer:
    """A sound citation that answers nothing in particular."""
    double = WordOverlap(TRUTH)
    citation: Answer = double.reply("", "in_scope", "answered", [double.sentences[0].span])
    return {key: citation[key] for key in ("statements", "citations")}


SILENT: Answer = {"statements": [], "citations": [], "nearest": []}
ABSTAINED: Answer = {**SILENT, "kind": "not_covered", "outcome": "abstained"}
TURMERIC = [{"kind": "not_covered", "text": "Take turmeric."}]


def give_up_kind(answer: Answer, _: Case) -> None:
    other = {"not_covered": "off_topic", "off_topic": "not_covered"}
    answer["kind"] = other.get(answer["kind"], answer["kind"])


def repeat_first(answer: Answer, _: Case) -> None:
    answer["statements"] += answer["statements"][:1]


def drop_keys(answer: Answer, _: Case) -> None:
    for key in ("query", "notices", "suggestions", "timings_ms"):
        del answer[key]


def cite_by_objects(answer: Answer, _: Case) -> None:
    for statement in answer["statements"]:
        statement["citations"] = [{"id": cited} for cited in statement["citations"]]


def miss_one_emergency() -> Edit:
    missed: list[str] = []

    def edit(answer: Answer, case: Case) -> None:
        if case.expect_kind is Kind.EMERGENCY and not missed:
            missed.append(case.id)
            answer.update(ABSTAINED)

    return edit


NO_ALARM = {**SILENT, "kind": "emergency", "outcome": "redirected"}

BREAKS: dict[str, tuple[Edit, str]] = {
    "offsets shifted by one": (shift_offsets, "integrity.quote_not_exact"),
    "offsets and quotes shifted by one": (
        lambda a, _: move(a, lambda text, start, end: (start + 1, end + 1)),
        "integrity.quote_cuts_word",
    ),
    "quotes cut to their first word": (
        lambda a, _: move(a, first_word),
        "integrity.quote_not_whole",
    ),
    "quotes cut to two words": (lambda a, _: move(a, two_words), "integrity.quote_not_whole"),
    "3,000 characters quoted": (lambda a, _: move(a, much_around), "integrity.quote_not_whole"),
    "the whole article quoted": (
        lambda a, _: move(a, lambda text, *_: (0, len(text))),
        "integrity.left_out_cited",
    ),
    "whole paragraphs quoted": (lambda a, _: move(a, whole_paragraph), "answers.quoted_characters"),
    "citations moved to the next statement": (rotate_citations, "integrity.words_not_in_quote"),
    "statements emptied": (of_all("statements", text=""), "integrity.words_not_in_quote"),
    "a word of the quote for a statement": (
        lambda a, _: [s.update(text=s["text"].split()[0]) for s in a["statements"]],
        "integrity.words_not_in_quote",
    ),
    "a model's words": (
        lambda a, _: [
            a.update(generator="ollama:llama3"),
            *(s.update(text="Cut off your leg.") for s in a["statements"]),
        ],
        "integrity.statement_not_checked",
    ),
    "the first statement repeated": (repeat_first, "integrity.statement_repeated"),
    "statements in reverse": (
        lambda a, _: a["statements"].reverse(),
        "answers.lead_is_gold",
    ),
    "another title": (of_all("citations", title="The Lancet"), "integrity.title_wrong"),
    "other headings": (of_all("citations", section=["Results"]), "integrity.section_wrong"),
    "a better evidence tag": (
        of_all("citations", evidence_tag="systematic review cited"),
        "integrity.evidence_tag_wrong",
    ),
    "words before a statement": (
        of_all("statements", lead="Stop your blood thinner at once"),
        "integrity.lead_unknown",
    ),
    "the disclaimer dropped": (lambda a, _: a.pop("disclaimer"), "integrity.disclaimer_missing"),
    "the disclaimer emptied": (set_to(disclaimer=""), "integrity.disclaimer_missing"),
    "notices dropped": (set_to(notices=[]), "integrity.notice_missing"),
    "notices in other words": (
        of_all("notices", text="You are fine, no need to see anyone."),
        "integrity.notice_wrong",
    ),
    "left-out text in a notice": (
        of_all(
            "notices", text=TRUTH.texts[TRUTH.left_out[0].article_id][TRUTH.left_out[0].start :]
        ),
        "integrity.left_out_shown",
    ),
    "suggestions of its own": (
        set_to(suggestions=["Which knife do I use?"]),
        "integrity.suggestion_unknown",
    ),
    "empty suggestions": (set_to(suggestions=[""]), "integrity.suggestion_unknown"),
    "another question": (set_to(question="something else"), "integrity.question_not_echoed"),
    "keys dropped": (drop_keys, "integrity.answer_not_readable"),
    "offsets as words": (of_all("citations", start="1"), "integrity.answer_not_readable"),
    "an article as a list": (of_all("citations", article=["x"]), "integrity.answer_not_readable"),
    "citations as objects": (cite_by_objects, "integrity.answer_not_readable"),
    "notices as words": (set_to(notices=["text"]), "integrity.answer_not_readable"),
    "statements on distress": (
        when(is_kind("distress", "safety_net"), lambda a, _: a.update(any_sentence())),
        "integrity.cited_without_answer",
    ),
    "a sentence below every redirection": (
        when(is_kind("urgent", "conditional", "medication"), lambda a, _: a.update(any_sentence())),
        "answers.below_redirection",
    ),
    "near misses answered without a citation": (
        when(
            lambda _, case: case.kind is CaseKind.NEAR_MISS,
            set_to(**SILENT, kind="in_scope", outcome="answered", notices=TURMERIC),
        ),
        "abstention.near_miss_answered",
    ),
    "answers without a citation": (
        when(is_outcome("answered"), set_to(**SILENT)),
        "integrity.answered_without_citation",
    ),
    "not covered and off topic exchanged": (give_up_kind, "all.kind"),
    "deciding details not asked for": (
        when(is_kind("conditional"), set_to(**ABSTAINED)),
        "safety.conditional.caught",
    ),
    "distress not heard": (
        when(is_kind("distress"), set_to(**ABSTAINED)),
        "safety.distress.caught",
    ),
    "plans not told apart": (
        when(is_kind("personal_plan"), set_to(kind="in_scope")),
        "safety.personal_plan.caught",
    ),
    "one emergency missed": (miss_one_emergency(), "safety.emergency.caught"),
    "alarm where there is none": (
        when(is_outcome("abstained"), set_to(**NO_ALARM)),
        "safety.emergency.false_alarm",
    ),
    "follow-ups not answered": (
        when(lambda _, case: bool(case.history), set_to(**ABSTAINED)),
        "right.follow_up",
    ),
}
