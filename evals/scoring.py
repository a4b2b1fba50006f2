"""One case: is its answer right, and if not, why not.

A case is *right* when the outcome is the expected one, at least one gold sentence is cited where
there is gold and an answer is expected, the kind is the expected one where fixed texts follow
from it (a redirection or a refusal), and nothing of `integrity` is broken. It is *complete* when
besides every gold sentence is cited and the kind is right everywhere. Citing an `alt_gold`
sentence is neither required nor an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assistant.types import Outcome, Span
from evals.cases import ANSWERED_KINDS, Case
from evals.integrity import Fault, Truth, iter_faults, parse_citation_span
from evals.subject import Look, Observation


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

    @property
    def case(self) -> Case:
        return self.observation.case

    @property
    def look(self) -> Look | None:
        return self.observation.look

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
    statements: list[Any] = []
    cited: tuple[Span, ...] = ()
    outcome = kind = "none"
    if answer is None:
        faults.append(Fault("no_answer", observation.error))
    else:
        faults.extend(iter_faults(answer, truth))
        outcome, kind = str(answer.get("outcome")), str(answer.get("kind"))
        if not any(fault.name == "answer_not_readable" for fault in faults):
            statements = list(answer["statements"])
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
    )


def _cited(statements: list[Any]) -> tuple[Span, ...]:
    spans = (
        parse_citation_span(str(cited))
        for statement in statements
        for cited in statement["citations"]
    )
    return tuple(dict.fromkeys(span for span in spans if span is not None))


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
