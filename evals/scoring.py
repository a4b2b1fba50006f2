"""One case: is its answer right, and if not, why not.

A case is *right* when the outcome is the expected one, at least one gold sentence is cited where
there is gold and an answer is expected, the kind is the expected one where fixed texts follow
from it (a redirection or a refusal), and nothing of `integrity` is broken. It is *complete* when
besides every gold sentence is cited and the kind is right everywhere. Citing an `alt_gold`
sentence is neither required nor an error. An answer that cannot be read is wrong, never an
exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from assistant.types import Outcome, Span
from evals.cases import ANSWERED_KINDS, Case
from evals.integrity import Fault, count_unchecked, iter_faults
from evals.subject import Look, Observation
from evals.truth import Truth, parse_citation_span

NONE: Final = "none"


class Status(StrEnum):
    """Right and complete, right only, or wrong."""

    PASS = "pass"
    PARTIAL = "partial"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What was measured on one case.

    Attributes:
        answered: Answered in the sense of DESIGN section 5: a kind that may be answered, the
            outcome answered, at least one cited statement.
        cited: Every cited span in order of first use.
        gold_cited: How many gold sentences a citation overlaps.
        relevant_cited: How many citations overlap gold or alternative gold.
        unchecked: Statements of a language model, whose words are not checked.
        nearest: How many nearest passages are shown.
        observation: Without its answer where that could not be read.
        outcome: `none` where there is no readable answer; `kind` likewise.
        reasons: Why it is wrong or incomplete; empty for a pass.
    """

    observation: Observation
    status: Status
    reasons: tuple[str, ...]
    faults: tuple[Fault, ...]
    outcome: str
    kind: str
    answered: bool
    cited: tuple[Span, ...]
    statements: int
    gold_cited: int
    relevant_cited: int
    unchecked: int = 0
    nearest: int = 0

    @property
    def case(self) -> Case:
        return self.observation.case

    @property
    def look(self) -> Look | None:
        return self.observation.look

    @property
    def characters(self) -> int:
        """How many characters of the articles are quoted."""
        return sum(span.end - span.start for span in self.cited)

    @property
    def right(self) -> bool:
        return self.status is not Status.FAIL

    @property
    def outcome_right(self) -> bool:
        return self.outcome == self.case.expect_outcome

    @property
    def kind_right(self) -> bool:
        return self.kind == self.case.expect_kind


def score(observation: Observation, truth: Truth) -> CaseResult:
    """Judges one observation; a missing answer is wrong and counts as zero everywhere."""
    case, answer = observation.case, observation.answer
    faults: list[Fault] = []
    if answer is None:
        faults.append(Fault("no_answer", observation.error))
    else:
        faults.extend(iter_faults(answer, truth, case.question))
        if any(fault.name == "answer_not_readable" for fault in faults):
            answer = None
            observation = replace(observation, answer=None)
        else:
            faults.extend(_iter_not_found(answer, observation.look))
    outcome, kind = (answer["outcome"], answer["kind"]) if answer else (NONE, NONE)
    statements = answer["statements"] if answer else []
    cited = _cited(statements)
    if observation.repeatable is False:
        faults.append(Fault("not_repeatable", "asked again, the answer was another"))
    gold_cited = sum(any(gold.overlaps(span) for span in cited) for gold in case.gold)
    relevant = (*case.gold, *case.alt_gold)
    relevant_cited = sum(any(span.overlaps(gold) for gold in relevant) for span in cited)
    answered = outcome == Outcome.ANSWERED and kind in ANSWERED_KINDS and bool(cited)
    wrong = [f"integrity: {fault.name} ({fault.detail})" for fault in faults]
    wrong += _iter_wrong(case, outcome, kind, gold_cited, relevant_cited)
    doubts = list(_iter_incomplete(case, outcome, kind, gold_cited))
    status = Status.FAIL if wrong else Status.PARTIAL if doubts else Status.PASS
    return CaseResult(
        observation=observation,
        status=status,
        reasons=(*wrong, *doubts),
        faults=tuple(faults),
        outcome=outcome,
        kind=kind,
        answered=answered,
        cited=cited,
        statements=len(statements),
        gold_cited=gold_cited,
        relevant_cited=relevant_cited,
        unchecked=count_unchecked(answer) if answer else 0,
        nearest=len(answer["nearest"]) if answer else 0,
    )


def _cited(statements: list[Any]) -> tuple[Span, ...]:
    spans = (
        parse_citation_span(cited) for statement in statements for cited in statement["citations"]
    )
    return tuple(dict.fromkeys(span for span in spans if span is not None))


def _iter_not_found(answer: Mapping[str, Any], look: Look | None) -> Iterator[Fault]:
    """Nearest passages that lie in no passage found; nothing where the search is not known."""
    if look is None:
        return
    for citation in answer["nearest"]:
        span = parse_citation_span(citation["id"])
        if span is not None and not any(span.overlaps(hit) for hit in look.hits):
            yield Fault("nearest_not_found", citation["id"])


def _iter_wrong(
    case: Case, outcome: str, kind: str, gold_cited: int, relevant_cited: int
) -> Iterator[str]:
    if outcome != case.expect_outcome:
        yield f"outcome is {outcome}, expected {case.expect_outcome} (kind {kind})"
        return
    fixed_text = case.expect_outcome in (Outcome.REDIRECTED, Outcome.REFUSED)
    if fixed_text and kind != case.expect_kind:
        yield f"kind is {kind}, expected {case.expect_kind}"
    if case.expects_answer and case.gold and not gold_cited:
        also = ", only what is clearly relevant" if relevant_cited else ""
        yield f"none of {len(case.gold)} gold sentences is cited{also}"


def _iter_incomplete(case: Case, outcome: str, kind: str, gold_cited: int) -> Iterator[str]:
    if outcome != case.expect_outcome:
        return
    if case.expects_answer and 0 < gold_cited < len(case.gold):
        yield f"{gold_cited} of {len(case.gold)} gold sentences cited"
    if case.expect_outcome in (Outcome.ANSWERED, Outcome.ABSTAINED) and kind != case.expect_kind:
        yield f"kind is {kind}, expected {case.expect_kind}"
