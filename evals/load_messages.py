"""What the load asks: visits of a page, messages of a program, look-ups; all of the dev split.

A visit is a few questions asked one after another on one page. What was answered to each alone is
kept here, so that the same can be expected of it in a crowd.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from assistant.errors import StoreError
from assistant.types import Turn
from evals.bench import choose_spaced
from evals.cases import Case, CaseKind
from evals.load_clients import Page, Program, Reply

PER_KIND: Final[Mapping[CaseKind, int]] = {
    CaseKind.ANSWERABLE: 18,
    CaseKind.MULTI_ARTICLE: 6,
    CaseKind.NEAR_MISS: 12,
    CaseKind.NOISE_TRAP: 4,
    CaseKind.OFF_TOPIC: 8,
    CaseKind.FOLLOW_UP: 12,
    CaseKind.SAFETY: 18,
    CaseKind.INJECTION: 4,
}
QUESTIONS_OF_A_VISIT: Final = 3
CITED: Final = 20

Key = tuple[str, int, int]
"""Names one thing that is asked: its way, its place among those, the question within a visit."""


@dataclass(slots=True)
class Messages:
    """All that can be asked, and the answer that each gets alone.

    `cited` are ids that answers have given, `claims` sentences to be traced.
    """

    visits: Sequence[tuple[str, ...]]
    asked: Sequence[tuple[str, tuple[Turn, ...]]]
    claims: Sequence[str]
    cited: Sequence[str] = ()
    alone: dict[Key, str] = field(default_factory=dict)

    def count(self, way: str) -> int:
        """How many different things are asked that way."""
        rows: Mapping[str, Sequence[object]] = {
            "page": self.visits,
            "ask": self.asked,
            "claim": self.claims,
        }
        return len(rows.get(way, self.cited))

    def differs(self, key: Key, reply: Reply) -> bool:
        """Whether this answer is another one than alone."""
        return reply.state == "answered" and reply.said != self.alone[key]


def choose_messages(cases: Sequence[Case], share: float = 1.0) -> Messages:
    """Of every kind some, evenly spaced.

    Args:
        share: how many of `PER_KIND` are taken, at least one of each kind.
    """
    chosen: list[Case] = []
    for kind, number in PER_KIND.items():
        dev = [case for case in cases if case.split == "dev" and case.kind is kind]
        chosen += choose_spaced(dev, max(1, round(share * number)))
    follow_ups = [case for case in chosen if case.history]
    alone = [case.question for case in chosen if not case.history]
    random.Random(1).shuffle(alone)
    size = QUESTIONS_OF_A_VISIT
    visits = [tuple(alone[start : start + size]) for start in range(0, len(alone), size)]
    for case in follow_ups:
        before = (turn.content for turn in case.history if turn.role == "user")
        visits.append((*before, case.question))
    # Some sentences of the articles, and some that only sound like them.
    quotes = [case.question for case in chosen if case.kind is CaseKind.ANSWERABLE]
    return Messages(
        visits=visits,
        asked=[(case.question, case.history) for case in chosen],
        claims=[*quotes[:4], "Weak hips can cause knee pain", "The hip never causes knee pain"],
    )


async def iter_replies(
    messages: Messages, way: str, number: int, client: httpx.AsyncClient
) -> AsyncIterator[tuple[Key, Reply]]:
    """What one thing that is asked gets: one reply, or one for each question of a visit.

    A visit ends early at a question without an answer: what follows would be asked of another
    conversation than alone.
    """
    if way != "page":
        yield (way, number, 0), await _ask_program(messages, way, number, Program(client))
        return
    page = Page(client)
    try:
        failed = await page.open()
        if failed:
            yield (way, number, 0), failed
            return
        for step, question in enumerate(messages.visits[number]):
            reply = await page.ask(question)
            yield (way, number, step), reply
            if reply.state != "answered":
                return
    finally:
        await page.leave()


async def _ask_program(messages: Messages, way: str, number: int, program: Program) -> Reply:
    if way == "ask":
        return await program.ask(*messages.asked[number])
    if way == "claim":
        return await program.claim(messages.claims[number])
    look_up = program.cite if way == "cite" else program.read
    return await look_up(messages.cited[number])


async def ask_alone(messages: Messages, client: httpx.AsyncClient) -> AsyncIterator[Reply]:
    """Every message once, one at a time; keeps what is answered, and what is cited.

    Raises:
        StoreError: one of them got no answer.
    """
    cited: dict[str, None] = {}
    for way in ("ask", "cite", "read", "claim", "page"):
        for number in range(messages.count(way)):
            async for key, reply in iter_replies(messages, way, number, client):
                if reply.state != "answered":
                    raise StoreError(
                        f"load: alone, {way} {number} got no answer ({reply.why}); "
                        "start the page and ask it"
                    )
                messages.alone[key] = reply.said
                if way == "ask":
                    found = json.loads(reply.said)["citations"]
                    cited.update(dict.fromkeys(citation["id"] for citation in found))
                yield reply
        if way == "ask":
            messages.cited = choose_spaced([*cited], CITED)
