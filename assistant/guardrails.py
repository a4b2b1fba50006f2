"""The safety policy over every question, article and reply: what kind of message is it?

Rules over the words of a message (``screening``, data in ``data/``) and a small network
(``reader``) are weighed together. Urgency is decided first and apart. No text is generated here:
all of them are constants.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from assistant.errors import SettingsError
from assistant.reader import Impression, Reader, load_reader
from assistant.screening.data import Policy, load_policy
from assistant.screening.joint import MAX_SENTENCES, SEVERE, JointReader, Look, is_foreign
from assistant.screening.language import is_greeting, is_unclear
from assistant.screening.marks import Mark
from assistant.screening.notices import iter_texts
from assistant.screening.output import find_fault
from assistant.screening.rules import Rule
from assistant.screening.weigh import LEVELS
from assistant.types import (
    Answer,
    Article,
    Decision,
    Kind,
    Notice,
    Outcome,
    Turn,
    Verdict,
)

DATA_DIR: Final = Path(__file__).parent / "data"
_ORDER: Final = (
    *LEVELS,
    Kind.INJECTION,
    Kind.HARMFUL,
    Kind.ABOUT_ASSISTANT,
    Kind.SAFETY_NET,
    Kind.PERSONAL_PLAN,
    Kind.DIAGNOSIS,
    Kind.MEDICATION,
    Kind.DISTRESS,
    Kind.UNCLEAR,
)
ANY_CORPUS: Final[Mapping[str, str]] = {
    "articles": "the articles here",
    "example": "What do the articles say about exercise?",
}
"""What the texts say of a corpus of which nothing is known."""
_KEPT_BESIDE: Final = frozenset({"urgent", "conditional", "crisis", "injection"})
# Of a message with more sentences only so many at each end are searched for a question.
_SEARCHED: Final = MAX_SENTENCES // 2
_SENTENCE: Final = re.compile(r"[^.!?\n]*[.!?\n]*", re.DOTALL)
_PIECE: Final = re.compile(r"(?:[:;,]|\s-\s|\b(?:and|then|also|but|plus)\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Screening:
    """What the policy says about one message.

    `kind` is None when nothing matched and an answer may be looked for. `rest` is what is left
    to answer once instructions to the assistant are taken out. `verdicts` names whatever spoke for
    each kind, the deciding one first.
    """

    kind: Kind | None
    notices: tuple[Notice, ...]
    rest: str
    verdicts: tuple[Verdict, ...]


class Guardrails:
    """The checks on questions, articles and answers.

    Args:
        country: ISO 3166 code for the help lines; None or unknown gives the general line.
        data_dir: another folder of rules and texts, for tests.
        reader: another network, for tests.
        gaps: what the texts say of the corpus: `articles` and `example`.

    Raises:
        SettingsError: a data file is missing or one of its rows cannot be used.
        ModelError: the network is missing or damaged.
    """

    def __init__(
        self,
        country: str | None = None,
        data_dir: Path | None = None,
        reader: Reader | None = None,
        gaps: Mapping[str, str] = ANY_CORPUS,
    ) -> None:
        self._country = country
        self._gaps = dict(gaps)
        self._policy = _load(data_dir or DATA_DIR)
        self._reader = JointReader(self._policy, reader or load_reader())
        self._help = self._policy.helpline(country)
        self._fixed_texts = self._policy.fixed_texts(self._help)

    def in_country(self, country: str) -> Guardrails:
        """The same with the help lines of a country that is only guessed, and a word for any other.

        Itself where the operator has set a country, or where there are no lines for this one.
        """
        guess = None if self._country else self._policy.guessed(country)
        if guess is None:
            return self
        there = copy.copy(self)
        there._help, there._fixed_texts = guess, self._policy.fixed_texts(guess)
        return there

    def impressions(self, texts: Sequence[str], ahead: Sequence[str] = ()) -> list[Impression]:
        """What the network makes of each text by itself, in order.

        Args:
            ahead: texts of which the encoder will soon be asked for the vectors: read in the same
                run as these they cost little, and no result changes.
        """
        return self._reader.impressions(texts, ahead)

    def read_ahead(
        self, messages: Iterable[tuple[str, Sequence[Turn]]], ahead: Sequence[str] = ()
    ) -> None:
        """Read many messages in one go, so that `screen` finds them read; it changes no result."""
        asked = ((_clean(text), _asked(history)) for text, history in messages)
        self._reader.read_ahead(asked, ahead)

    def screen(
        self, question: str, history: Sequence[Turn] = (), ahead: Sequence[str] = ()
    ) -> Screening:
        """The kind of message, its notices and what is left to answer.

        Reads every user turn whole. Never raises, whatever the text; the same input always gives
        the same result. With nothing to read the kind is `Kind.UNCLEAR`.

        Args:
            ahead: as `impressions` has it.
        """
        question = _clean(question)
        earlier = _asked(history)
        if earlier:
            self._reader.read_ahead([(question, earlier)], ahead)
        own = self._reader.look(question, () if earlier else ahead)
        kinds = self._reader.kinds(own)
        if earlier and not is_foreign(kinds):
            kinds.pop(Kind.UNCLEAR, None)  # "and the foot?" may go on from what was said.
        hypothetical = self._if_it_were(own, kinds)
        before, standing = self._earlier(earlier, question, kinds)
        if not kinds.keys() - {Kind.UNCLEAR}:
            self._unreadable(question, own.text, not earlier, kinds)
        self._settle(kinds, question)
        # Of an emergency and a crisis the one that was decided on stands first in `kinds`.
        severe = [one for one in kinds if one in SEVERE]
        kind = next((one for one in (*severe, *_ORDER) if one in kinds), None)
        rest = self._rest(question) if Kind.INJECTION in kinds else question
        texts = iter_texts(self._policy, kind, kinds, own.hits, not question.strip(), hypothetical)
        notices = list(dict.fromkeys(Notice(of, self._text(name)) for of, name in texts))
        if standing and kind not in SEVERE:
            kind = Kind(standing[0].level)
            kinds[kind] = standing
            notices = [*before, *(n for n in notices if n.kind in _KEPT_BESIDE)]
        else:
            notices.extend(n for n in before if n.text not in {m.text for m in notices})
        return Screening(kind, tuple(notices), rest, _verdicts(kind, kinds))

    def check_answer(self, answer: Answer, articles: Mapping[str, Article]) -> Verdict:
        """Whether a reply may leave. FAIL means: show `safe_answer` instead."""
        if any(self.is_instruction(statement.text) for statement in answer.statements):
            fault: tuple[str, str] | None = (
                "instruction",
                "a statement gives instructions to the assistant",
            )
        else:
            fault = find_fault(answer, articles, self._fixed_texts)
        if fault is None:
            return Verdict("output", Decision.PASS, "every check of the policy passed")
        return Verdict(f"output.{fault[0]}", Decision.FAIL, fault[1])

    def notice(self, name: str, **words: str) -> Notice:
        """The fixed text called `name`, its gaps filled with `words`.

        Raises:
            SettingsError: there is no such text.
        """
        kind = name.split("_")[0] if name in _VARIANTS else name
        return Notice(kind, self._policy.text(name, self._help, **{**self._gaps, **words}))

    def safe_answer(self, question: str, screening: Screening | None = None) -> Answer:
        """What is shown in place of a reply that failed `check_answer`.

        Args:
            screening: what was found of the question in its conversation; without it the question
                is screened by itself.
        """
        screening = screening or self.screen(question)
        if screening.kind in LEVELS:
            return Answer(
                question=question,
                query="",
                kind=screening.kind,
                outcome=Outcome.REDIRECTED,
                notices=screening.notices,
            )
        return Answer(
            question=question,
            query="",
            kind=Kind.NOT_COVERED,
            outcome=Outcome.ABSTAINED,
            notices=(Notice("error", self._text("safe_answer")),),
        )

    def is_instruction(self, sentence: str) -> bool:
        """Whether a sentence (of an article, of an answer) speaks to an assistant."""
        return self._reader.rules.is_instruction(sentence)

    def _text(self, name: str) -> str:
        return self._policy.text(name, self._help, **self._gaps)

    def _if_it_were(self, look: Look, kinds: dict[Kind, list[Rule]]) -> bool:
        """Whether an emergency is asked about as one that may come: then it is conditional."""
        if any(kind in kinds for kind in (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT)):
            return False
        maybe = self._policy.flags.fired(look.hits, Mark.HYPOTHETICAL)
        maybe = [
            replace(rule, level=Kind.CONDITIONAL.value)
            for rule in maybe
            if rule.level == Kind.EMERGENCY
        ]
        if not maybe or self._reader.level(look, maybe) is None:
            return False
        new = Kind.CONDITIONAL not in kinds
        kinds.setdefault(Kind.CONDITIONAL, []).extend(maybe)
        return new

    def _earlier(
        self, earlier: Sequence[str], question: str, kinds: dict[Kind, list[Rule]]
    ) -> tuple[list[Notice], list[Rule]]:
        """Earlier turns: their red flags as notices, and signs split over turns joined.

        The second value names the emergency or crisis of an earlier turn that still stands: it
        keeps the present message's kind. An emergency stands until a later turn tells that it has
        been looked at, a crisis to the end.
        """
        if not earlier:
            return [], []
        past: dict[Kind, list[Rule]] = {}
        latest: dict[Kind, int] = {}
        for number, turn in enumerate(earlier, 1):
            for kind, rules in self._reader.kinds(self._reader.look(turn)).items():
                if kind in LEVELS:
                    past.setdefault(kind, []).extend(rules)
                    latest[kind] = number
        self._split_signs(earlier, question, past, kinds)
        told = [kind for kind in SEVERE if kind in past and kind not in kinds]
        if not told and Kind.URGENT in past and Kind.URGENT not in kinds:
            told = [Kind.URGENT]
        notices = [Notice(f"earlier_{kind}", self._text(f"earlier_{kind}")) for kind in told]
        emergency = Kind.EMERGENCY
        if emergency in past and self._been_seen([*earlier[latest[emergency] :], question]):
            del past[emergency]
        standing = next((kind for kind in SEVERE if kind in past), None)
        return notices, past[standing] if standing else []

    def _split_signs(
        self,
        earlier: Sequence[str],
        question: str,
        past: Mapping[Kind, Sequence[Rule]],
        kinds: dict[Kind, list[Rule]],
    ) -> None:
        """Raise the present message where it is a red flag together with those before it only."""
        look = self._reader.look_at_all(question, earlier)
        found = self._reader.level(look)
        if found is None:
            return
        level, row = found
        known = [kind for kind in LEVELS if kind in past or kind in kinds]
        if any(LEVELS.index(kind) <= LEVELS.index(level) for kind in known):
            return
        kinds[level] = [*look.fired.get(level, ()), row]

    def _been_seen(self, later: Sequence[str]) -> bool:
        """Whether somebody was seen by professionals and told that it was all right."""
        for text in later:
            hits = self._reader.rules.read_message(text, decode=False).hits
            said = {h.concept for h in hits if not h.marks & ~(Mark.RESOLVED | Mark.PAST)}
            if {"been_seen", "all_clear"} <= said:
                return True
        return False

    def _unreadable(
        self, question: str, readable: str, alone: bool, kinds: dict[Kind, list[Rule]]
    ) -> None:
        """A greeting, or what has no meaning that could be looked for."""
        if is_greeting(readable):
            kinds.clear()
            kinds[Kind.ABOUT_ASSISTANT] = [self._policy.greeting_rule]
        elif is_unclear(readable if is_unclear(question) else question, alone):
            kinds.setdefault(Kind.UNCLEAR, []).append(self._policy.unclear_rule)

    def _settle(self, kinds: dict[Kind, list[Rule]], question: str) -> None:
        """Where two kinds claim one message, the table's meaning decides."""
        if Kind.INJECTION in kinds and Kind.ABOUT_ASSISTANT in kinds:
            del kinds[Kind.ABOUT_ASSISTANT]
        if Kind.CRISIS in kinds:
            for quieter in (Kind.DISTRESS, Kind.HARMFUL):
                kinds.pop(quieter, None)
        if Kind.DISTRESS in kinds and len(kinds) == 1 and "?" in question:
            kinds[Kind.IN_SCOPE] = kinds.pop(Kind.DISTRESS)

    def _rest(self, question: str) -> str:
        """The question without the sentences, or parts of them, that instruct the assistant."""
        sentences = [s.strip() for s in _split_sentences(question)]
        if len(sentences) > 2 * _SEARCHED:
            sentences = [*sentences[:_SEARCHED], *sentences[-_SEARCHED:]]
        kept: list[str] = []
        for sentence, orders in zip(sentences, self._reader.are_orders(sentences), strict=True):
            if not orders:
                kept.append(sentence)
                continue
            pieces = [p.strip() for p in _PIECE.split(sentence) if p.strip()]
            if len(pieces) > 1:
                good = zip(pieces, self._reader.are_orders(pieces), strict=True)
                kept.extend(p for p, order in good if not order and len(p.split()) >= 3)
        rest = " ".join(k for k in kept if k)
        return "" if rest and self._reader.are_orders([rest])[0] else rest


_VARIANTS: Final = frozenset({"safe_answer"})


@lru_cache(maxsize=4)
def _load(data_dir: Path) -> Policy:
    return load_policy(data_dir)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8", "replace")


def _asked(history: Sequence[Turn]) -> list[str]:
    return [_clean(t.content) for t in history if t.role == "user" and t.content.strip()]


def _split_sentences(text: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(text):
        if match.group().strip():
            yield match.group()


def _verdicts(kind: Kind | None, kinds: Mapping[Kind, Sequence[Rule]]) -> tuple[Verdict, ...]:
    ordered = sorted(kinds, key=lambda k: (k is not kind, _ORDER.index(k) if k in _ORDER else 99))
    out: list[Verdict] = []
    for one in ordered:
        for rule in kinds[one]:
            slots = " + ".join("|".join(sorted(s)[:4]) for s in rule.slots)
            verdict = Verdict(rule.id, Decision.FAIL, f"{one.value}: {slots}"[:300])
            if verdict not in out:
                out.append(verdict)
    return tuple(out)


__all__ = ["DATA_DIR", "Guardrails", "Screening", "SettingsError"]
