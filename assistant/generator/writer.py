"""A model arranges or rephrases quotes; what of it may be shown is decided here, in code.

Whatever it does, the sentence that was found to answer stays, and so does what takes a chosen quote
back. Where less than half of what it gave can be used the extractive answer stands.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

from assistant.errors import ChatError
from assistant.generator.checks import Claimed, check_statement
from assistant.generator.model import Budget
from assistant.generator.prompts import CHARS_A_TOKEN, Prompt, rewrite_prompt, write_prompt
from assistant.support import Entailment
from assistant.text import plain
from assistant.types import REPHRASE, Choice, Decision, Statement, StatementRole, Tell, Verdict

MAX_QUERY_CHARS: Final = 300

_log = logging.getLogger("assistant.generator")


class Asks(Protocol):
    """A model: `ChatModel`."""

    name: str
    max_input_tokens: int

    def budget(self) -> Budget: ...
    def ask(self, prompt: Prompt, budget: Budget) -> str: ...


@dataclass(slots=True)
class Tally:
    """What has become of the model's replies: counts since the start.

    `kept` statements passed every check, `replaced` ones gave way to their quote, `dropped` ones
    to nothing. `fallen_back` answers are the extractive ones after all.
    """

    asked: int = 0
    written: int = 0
    fallen_back: int = 0
    kept: int = 0
    replaced: int = 0
    dropped: int = 0
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class _Draft:
    """The statements so far, and how many of the model's were kept, replaced and dropped."""

    statements: list[Statement]
    kept: int = 0
    replaced: int = 0
    dropped: int = 0

    @property
    def holds(self) -> bool:
        """Whether at least half of what the model gave can be used as it gave it."""
        return bool(self.kept) and self.kept >= self.replaced + self.dropped


class Generator:
    """Writes answers with a model; for many threads.

    Args:
        entailment: an inference model that may stop a statement, beside the support check.
    """

    def __init__(
        self, model: Asks, mode: str, max_statements: int, entailment: Entailment | None = None
    ) -> None:
        self.name = f"{mode}: {model.name}"
        self._model = model
        self._mode = mode
        self._max_statements = max_statements
        self._entailment = entailment
        self._tally = Tally()
        self._lock = threading.Lock()

    def budget(self) -> Budget:
        """The time and money of a new question."""
        return self._model.budget()

    @property
    def tally(self) -> Tally:
        """The counts by now."""
        with self._lock:
            return Tally(**{f.name: getattr(self._tally, f.name) for f in fields(Tally)})

    def note(self, budget: Budget) -> None:
        """Count what a question has taken, once it is answered."""
        self._count(
            requests=budget.requests,
            tokens_in=budget.tokens_in,
            tokens_out=budget.tokens_out,
            cost=budget.cost,
        )

    def rewrite(self, question: str, draft: str, asked: Sequence[str], budget: Budget) -> str:
        """The follow-up as a question of its own, in the model's words; empty where it fails.

        Args:
            draft: what the rules made of it.
            asked: the reader's earlier messages, oldest first.
        """
        from assistant.generator.replies import Rewritten, parse_reply

        try:
            text = self._model.ask(rewrite_prompt(question, draft, asked), budget)
        except ChatError as error:
            _log.warning("a follow-up is read by rules: %s", error)
            return ""
        reply = parse_reply(text, Rewritten)
        query = plain(reply.query) if reply else ""
        return query if len(query) <= MAX_QUERY_CHARS else ""

    def write(
        self,
        query: str,
        choices: Sequence[Choice],
        may_say: Callable[[Statement], Verdict],
        budget: Budget,
        tell: Tell,
    ) -> tuple[Statement, ...] | None:
        """The statements of the answer; None where the extractive ones stand.

        Args:
            query: what was searched.
            choices: what may be quoted; the first is what was found to answer.
            may_say: the check that every statement of every answer has to pass.
        """
        choices = _fitting(choices, self._tokens_left(query))
        self._count(asked=1)
        tell(f"reading {len(choices)} passages")
        if self._mode == REPHRASE:
            sentences = [citation.quote for choice in choices for citation in choice.sentences]
        else:
            sentences = [choice.statement.text for choice in choices]
        prompt = write_prompt(self._mode, query, sentences, self._max_statements)
        try:
            text = self._model.ask(prompt, budget)
        except ChatError as error:
            _log.warning("an answer is extractive: %s", error)
            self._count(fallen_back=1)
            return None
        draft = (
            self._rephrased(text, choices, may_say, tell)
            if self._mode == REPHRASE
            else self._arranged(text, choices)
        )
        self._count(kept=draft.kept, replaced=draft.replaced, dropped=draft.dropped)
        if not draft.holds:
            _log.warning("an answer is extractive: too little of the model's reply holds")
            self._count(fallen_back=1)
            return None
        self._count(written=1)
        return tuple(_whole(draft.statements, choices))

    def _arranged(self, text: str, choices: Sequence[Choice]) -> _Draft:
        from assistant.generator.replies import Arranged, parse_reply

        reply = parse_reply(text, Arranged)
        draft = _Draft([])
        for number in dict.fromkeys(reply.sentences if reply else ()):
            if not 0 < number <= len(choices):
                draft.dropped += 1
            elif len(draft.statements) < self._max_statements:
                draft.kept += 1
                draft.statements.append(choices[number - 1].statement)
        return draft

    def _rephrased(
        self,
        text: str,
        choices: Sequence[Choice],
        may_say: Callable[[Statement], Verdict],
        tell: Tell,
    ) -> _Draft:
        from assistant.generator.replies import Rephrased, parse_reply

        reply = parse_reply(text, Rephrased)
        said = reply.statements[: self._max_statements] if reply else []
        draft = _Draft([])
        if said:
            tell(f"checking {len(said)} statements" if len(said) > 1 else "checking 1 statement")
        sentences = [citation for choice in choices for citation in choice.sentences]
        homes = [choice for choice in choices for _ in choice.sentences]
        for one in said:
            claimed = Claimed(one.text, tuple(one.sentences), tuple(one.words))
            statement, _ = check_statement(claimed, sentences, self._entailment)
            named = [homes[n - 1] for n in one.sentences if 0 < n <= len(homes)]
            if statement and may_say(statement).decision is Decision.PASS:
                draft.kept += 1
            elif named:
                draft.replaced += 1
                statement = named[0].statement
            else:
                draft.dropped += 1
                continue
            if not _said(statement, draft.statements):
                draft.statements.append(statement)
        return draft

    def _tokens_left(self, query: str) -> int:
        """How many tokens are left for sentences."""
        empty = write_prompt(self._mode, query, (), self._max_statements)
        return self._model.max_input_tokens - empty.tokens

    def _count(self, **more: float) -> None:
        with self._lock:
            for name, value in more.items():
                setattr(self._tally, name, getattr(self._tally, name) + value)


def _fitting(choices: Sequence[Choice], tokens: int) -> list[Choice]:
    """The first choices, as many as fit; at least one, which the model then refuses."""
    kept: list[Choice] = []
    for choice in choices:
        tokens -= len(choice.statement.text) // CHARS_A_TOKEN + 3
        if kept and tokens < 0:
            break
        kept.append(choice)
    return kept


def _said(statement: Statement, others: Iterable[Statement]) -> bool:
    """Whether one of the others says it: the same words, or another quote of the same place."""
    return any(
        statement.text.casefold() == other.text.casefold()
        or (not statement.reworded and _cites(other, statement))
        for other in others
    )


def _cites(statement: Statement, quote: Statement) -> bool:
    return any(
        ours.span.overlaps(theirs.span)
        for ours in statement.citations
        for theirs in quote.citations
    )


def _whole(statements: Sequence[Statement], choices: Sequence[Choice]) -> list[Statement]:
    """With the sentence that was found to answer, and after each what belongs to it."""
    best = choices[0].statement
    if not any(_cites(statement, best) for statement in statements):
        statements = [best, *statements]
    whole: list[Statement] = []
    for statement in statements:
        whole.append(statement)
        for choice in choices:
            if _cites(statement, choice.statement):
                whole += [
                    s for s in choice.along if not any(_cites(other, s) for other in statements)
                ]
    return [_placed(statement, whole[0]) for statement in dict.fromkeys(whole)]


def _placed(statement: Statement, first: Statement) -> Statement:
    """A quote from another article than the first with the lead that says so."""
    citation = statement.citations[0]
    elsewhere = citation.span.article_id != first.citations[0].span.article_id
    if statement.reworded or statement.role is StatementRole.QUALIFIES:
        return statement
    if not elsewhere:
        return replace(statement, role=StatementRole.ANSWER)
    lead = statement.lead or f"Also in “{citation.title}”"
    return replace(statement, role=StatementRole.ALSO, lead=lead)
