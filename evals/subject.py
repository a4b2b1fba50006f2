"""What is measured: anything that answers in the JSON form of DESIGN section 5.

The eval reads the public form and not the objects behind it, so that a fault of the rendering is
found too, and tests can break one thing at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from assistant.errors import AssistantError
from assistant.types import Span, Turn
from evals.cases import Case

if TYPE_CHECKING:
    from assistant.pipeline import Assistant

AnswerJson: TypeAlias = Mapping[str, Any]
Message: TypeAlias = tuple[str, Sequence[Turn]]

BATCH: Final = 64
RETRIEVED: Final = 20
REPEATED: Final = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What stood behind an answer.

    Attributes:
        answerability: In [0, 1], higher is more likely answered by the articles.
        similarity: Cosine of the nearest of all passages in [-1, 1]; None if there is none.
        hits: The passages found for the query really searched, best first; what would have been
            found where the message was stopped before the search.
        searched: Whether the assistant searched at all.
        seconds: How long asking took, without this look; None where it was not timed.
    """

    answerability: float
    similarity: float | None
    hits: tuple[Span, ...]
    searched: bool = True
    seconds: float | None = None


class Subject(Protocol):
    """An assistant that can be measured."""

    def answers(self, messages: Sequence[Message]) -> Iterator[AnswerJson]:
        """One answer a message, in order."""
        ...

    def explain(self, message: Message) -> tuple[AnswerJson, Look]:
        """The answer to one message and what stood behind it."""
        ...


class AssistantSubject:
    """The project's own assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant

    @property
    def language_model(self) -> dict[str, Any]:
        """What the model that writes answers has given so far; empty without one."""
        generator = self.assistant.generator
        return {"generator": generator.name, **asdict(generator.tally)} if generator else {}

    def answers(self, messages: Sequence[Message]) -> Iterator[AnswerJson]:
        from assistant.render import answer_to_json

        if len(messages) == 1:
            yield answer_to_json(self.assistant.ask(*messages[0]))
            return
        for answer in self.assistant.ask_many(messages):
            yield answer_to_json(answer)

    def explain(self, message: Message) -> tuple[AnswerJson, Look]:
        from assistant.render import answer_to_json

        started = time.perf_counter()
        explanation = self.assistant.explain(*message)
        answer = answer_to_json(explanation.answer)
        seconds = time.perf_counter() - started
        hits = explanation.evidence.hits
        query = explanation.evidence.query or message[0]
        look = Look(
            answerability=float(explanation.answerability),
            similarity=self._nearest(query),
            hits=tuple(
                hit.passage.span
                for hit in hits or self.assistant.retriever.retrieve(query, RETRIEVED).hits
            ),
            searched=bool(hits),
            seconds=seconds,
        )
        return answer, look

    def _nearest(self, query: str) -> float | None:
        """The cosine of the passage nearest to a query, over every passage of the index."""
        import numpy as np

        index = self.assistant.retriever.index
        if not index.passages:
            return None
        vector = self.assistant.retriever.encoder.encode([query])[0]
        return float(index.similarities(vector, np.arange(len(index.passages))).max())


@dataclass(frozen=True, slots=True)
class Observation:
    """What one case brought to light.

    Attributes:
        answer: None where an exception came instead, which `error` then names.
        look: None for cases whose score and search are not measured.
        seconds: How long asking took where it was searched for; None for all others.
        repeatable: Whether asking again gave the same; None where it was not asked again.
    """

    case: Case
    answer: AnswerJson | None
    error: str = ""
    look: Look | None = None
    seconds: float | None = None
    repeatable: bool | None = None


def observe(
    subject: Subject, cases: Sequence[Case], progress: Callable[[int], None] | None = None
) -> list[Observation]:
    """Asks every case, and a spaced sample again.

    Cases whose search is measured are asked one by one with a clock, the others in batches; of
    the first a sample is asked again in a batch, of the others one by one, so that both ways
    have to give the same.

    Args:
        progress: Called with the number of cases done since the last call.

    Raises:
        AssistantError: What only the operator can repair. Any other exception is the subject's
            failure and becomes an observation without an answer.
    """
    observations: list[Observation] = []
    step = max(1, len(cases) // REPEATED)
    for start in range(0, len(cases), BATCH):
        part = cases[start : start + BATCH]
        found = {case.id: _observe_alone(subject, case) for case in part if needs_look(case)}
        together = [case for case in part if case.id not in found]
        for case, (answer, error) in zip(together, _answers(subject, together), strict=True):
            found[case.id] = Observation(case, answer, error)
        sampled = part[-start % step :: step]
        again = _ask_again(subject, sampled)
        for case in part:
            observation = found[case.id]
            if case.id in again and observation.answer is not None:
                same = comparable(again[case.id]) == comparable(observation.answer)
                observation = replace(observation, repeatable=same)
            observations.append(observation)
        if progress is not None:
            progress(len(part))
    return observations


def needs_look(case: Case) -> bool:
    """Whether retrieval or the abstention score of this case is measured."""
    return bool(case.gold) or case.expect_outcome in ("answered", "abstained")


def _observe_alone(subject: Subject, case: Case) -> Observation:
    try:
        answer, look = subject.explain((case.question, case.history))
    except AssistantError:
        raise
    except Exception as error:  # noqa: BLE001 - the subject's failure is what is measured
        return Observation(case, None, _words_of(error))
    return Observation(case, answer, look=look, seconds=look.seconds if look.searched else None)


def _ask_again(subject: Subject, cases: Sequence[Case]) -> dict[str, AnswerJson | None]:
    looked = [case for case in cases if needs_look(case)]
    others = [case for case in cases if not needs_look(case)]
    again = {
        case.id: answer for case, (answer, _) in zip(looked, _answers(subject, looked), strict=True)
    }
    return again | {case.id: _answer(subject, (case.question, case.history))[0] for case in others}


def _answers(subject: Subject, cases: Sequence[Case]) -> list[tuple[AnswerJson | None, str]]:
    return answer_batch(subject, [(case.question, case.history) for case in cases])


def answer_batch(
    subject: Subject, messages: Sequence[Message]
) -> list[tuple[AnswerJson | None, str]]:
    """One answer a message, or None and what was raised; asked together if none raises.

    Raises:
        AssistantError: what only the operator can repair.
    """
    try:
        together: list[tuple[AnswerJson | None, str]] = [
            (answer, "") for answer in subject.answers(messages)
        ]
        if len(together) == len(messages):
            return together
    except AssistantError:
        raise
    except Exception:  # noqa: BLE001, S110 - found again below, with the case it belongs to
        pass
    return [_answer(subject, message) for message in messages]


def _answer(subject: Subject, message: Message) -> tuple[AnswerJson | None, str]:
    try:
        return next(iter(subject.answers([message]))), ""
    except AssistantError:
        raise
    except Exception as error:  # noqa: BLE001 - the subject's failure is what is measured
        return None, _words_of(error)


def _words_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def comparable(answer: object) -> str:
    """An answer without its times as text, whatever it is."""
    if isinstance(answer, Mapping):
        answer = {str(key): value for key, value in answer.items() if key != "timings_ms"}
    return json.dumps(answer, sort_keys=True, ensure_ascii=False, default=repr)
