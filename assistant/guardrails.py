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
from assistant.minilm import Array
from assistant.reader import CRITERIA, KINDS, Impression, Reader, load_reader
from assistant.screening.data import Policy, load_policy, word_rule
from assistant.screening.hits import Hit
from assistant.screening.language import is_greeting, is_unclear
from assistant.screening.marks import Mark
from assistant.screening.normalise import drop_repeats, find_encoded
from assistant.screening.output import find_fault
from assistant.screening.reading import RuleReader
from assistant.screening.rules import Rule
from assistant.screening.weigh import (
    LEVELS,
    READ_AS,
    Weighing,
    flag_odds,
    log_odds,
    parse_weighing,
)
from assistant.screening.windows import MAX_WINDOWS, kind_of, windows
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
_SEVERE: Final[tuple[Kind, ...]] = (Kind.EMERGENCY, Kind.CRISIS)
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
_KEPT_BESIDE: Final = frozenset({"urgent", "conditional", "crisis", "injection"})
# Rows of the red-flag table whose text is kept under the name of an emergency rule.
_TEXT_OF_ROW: Final = {"WB": "WB-E", "PED": "PED-E"}
# Signs may be split over this many turns.
_TURNS_JOINED: Final = 4
_SENTENCE: Final = re.compile(r"[^.!?\n]*[.!?\n]*", re.DOTALL)
_PIECE: Final = re.compile(r"(?:[:;,]|\s-\s|\b(?:and|then|also|but|plus)\b)\s*", re.IGNORECASE)
_MAX_PIECES: Final = 40
# What the network reads at once is cut here; it reads about 1,000 characters.
_MAX_CHARS: Final = 2_000


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


@dataclass(frozen=True, slots=True)
class _Look:
    """What rules and network see in some turns taken together; `read` has the network's pieces."""

    rules: tuple[Rule, ...]
    hits: tuple[Hit, ...]
    read: tuple[Impression, ...]
    kind: Array

    @property
    def fired(self) -> dict[Kind, list[Rule]]:
        """The rules that fired, by their kinds."""
        found: dict[Kind, list[Rule]] = {}
        for rule in self.rules:
            found.setdefault(Kind(rule.level), []).append(rule)
        return found

    @property
    def red_flags(self) -> list[Rule]:
        """The rules for red flags that fired."""
        return _red_flags(self.rules)


class Guardrails:
    """The checks on questions, articles and answers.

    Args:
        country: ISO 3166 code for the help lines; None or unknown gives the general line.
        data_dir: another folder of rules and texts, for tests.
        reader: another network, for tests.

    Raises:
        SettingsError: a data file is missing or one of its rows cannot be used.
        ModelError: the network is missing or damaged.
    """

    def __init__(
        self,
        country: str | None = None,
        data_dir: Path | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._country = country
        self._policy = _load(data_dir or DATA_DIR)
        self._rules = RuleReader(self._policy)
        self._reader = reader or load_reader()
        self._weighing = _weighing(self._reader)
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

    def prepare(self, text: str) -> str:
        """The text as rules and network read it: normalised, disguises removed."""
        return self._rules.prepare(text)

    def impressions(self, texts: Sequence[str]) -> list[Impression]:
        """What the network makes of each text by itself, in order; of a long one, its beginning."""
        return self._reader.read([self.prepare(text)[:_MAX_CHARS] for text in texts])

    def read_ahead(self, messages: Iterable[tuple[str, Sequence[Turn]]]) -> None:
        """Read many messages in one go, so that `screen` finds them read; it changes no result."""
        pieces: list[str] = []
        for question, history in messages:
            question, earlier = _clean(question), _asked(history)
            pieces += self._pieces(self._prepared(question, find_encoded(question)))
            if earlier:
                pieces += self._pieces([self.prepare(_joined([*earlier, question]))])
                for turn in earlier:
                    pieces += self._pieces([self.prepare(turn)])
        self._reader.read(pieces)

    def screen(self, question: str, history: Sequence[Turn] = ()) -> Screening:
        """The kind of message, its notices and what is left to answer.

        Reads every user turn whole. Never raises, whatever the text; the same input always gives
        the same result. With nothing to read the kind is `Kind.UNCLEAR`.
        """
        question = _clean(question)
        earlier = _asked(history)
        own = self._look(self._prepared(question, find_encoded(question)))
        kinds = self._kinds(own)
        if earlier and not _is_foreign(kinds):
            kinds.pop(Kind.UNCLEAR, None)  # "and the foot?" may go on from what was said.
        hypothetical = self._if_it_were(own, kinds)
        before, standing = self._earlier(earlier, question, kinds)
        if not kinds.keys() - {Kind.UNCLEAR}:
            self._unreadable(question, not earlier, kinds)
        self._settle(kinds, question)
        # Of an emergency and a crisis the one that was decided on stands first in `kinds`.
        kind = next((k for k in (*kinds, *_ORDER) if k in kinds and k in _SEVERE), None)
        kind = kind or next((k for k in _ORDER if k in kinds), None)
        rest = self._rest(question) if Kind.INJECTION in kinds else question
        notices = self._notices(kind, kinds, own, question, hypothetical)
        if standing and kind not in (Kind.EMERGENCY, Kind.CRISIS):
            kind = Kind(standing[0].level)
            kinds[kind] = standing
            notices = [*before, *(n for n in notices if n.kind in _KEPT_BESIDE)]
        else:
            notices.extend(n for n in before if n.text not in {m.text for m in notices})
        return Screening(kind, tuple(notices), rest, _verdicts(kind, kinds))

    def check_answer(self, answer: Answer, articles: Mapping[str, Article]) -> Verdict:
        """Whether a reply may leave. FAIL means: show `safe_answer` instead."""
        fault = find_fault(answer, articles, self._fixed_texts)
        if fault is None:
            for statement in answer.statements:
                if self.is_instruction(statement.text):
                    fault = ("instruction", "a statement gives instructions to the assistant")
                    break
        if fault is None:
            return Verdict("output", Decision.PASS, "every check of the policy passed")
        return Verdict(f"output.{fault[0]}", Decision.FAIL, fault[1])

    def notice(self, name: str, **words: str) -> Notice:
        """The fixed text called `name`, its gaps filled with `words`.

        Raises:
            SettingsError: there is no such text.
        """
        kind = name.split("_")[0] if name in _VARIANTS else name
        return Notice(kind, self._policy.text(name, self._help, **words))

    def safe_answer(self, question: str) -> Answer:
        """What is shown in place of a reply that failed `check_answer`."""
        screening = self.screen(question)
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
        return self._rules.is_instruction(sentence)

    def _text(self, name: str) -> str:
        return self._policy.text(name, self._help)

    def _prepared(self, text: str, encoded: Sequence[str] = ()) -> list[str]:
        """What was typed, and all that was encoded in it, as rules and network read them."""
        return [self.prepare(text), *([self.prepare("\n".join(encoded))] if encoded else [])]

    def _look(self, prepared: Sequence[str]) -> _Look:
        """What was typed, and what was encoded in it."""
        reading = self._rules.read_prepared(prepared)
        read = self._reader.read(self._pieces(prepared))
        typed = len(self._windows(prepared[0]))
        rules = (*reading.urgent, *reading.messages)
        return _Look(rules, tuple(reading.hits), tuple(read), kind_of(read[:typed], read[typed:]))

    def _windows(self, prepared: str) -> list[str]:
        if len(prepared) > _MAX_CHARS:
            prepared = drop_repeats(prepared)
        return windows(prepared, self._reader.alarm, MAX_WINDOWS)

    def _pieces(self, prepared: Sequence[str]) -> list[str]:
        return [piece for text in prepared for piece in self._windows(text)]

    def _level(
        self, read: Sequence[Impression], fired: Sequence[Rule]
    ) -> tuple[Kind, Impression] | None:
        """The most severe level of all pieces, with the piece that has it."""
        levels = [
            (level, one) for one in read if (level := self._weighing.level(one, fired)) is not None
        ]
        return min(levels, key=lambda found: _ORDER.index(found[0]), default=None)

    def _kinds(self, look: _Look) -> dict[Kind, list[Rule]]:
        """The kinds that rules and network together make of it, each with what spoke for it."""
        kinds: dict[Kind, list[Rule]] = {}
        fired = look.fired
        if found := self._level(look.read, look.red_flags):
            level, read = found
            kinds[level] = [*fired.get(level, ()), _row_of(read, level)]
            for other in _SEVERE:
                if level in _SEVERE and other in fired:
                    kinds.setdefault(other, fired[other])
        for name in self._weighing.other_kinds(look.kind, fired):
            kind = READ_AS[name]
            odds = log_odds(look.kind[KINDS.index(name)])
            rule = word_rule(f"READ-{name}", kind, f"reads like {name}, log-odds {odds:.1f}")
            kinds.setdefault(kind, []).extend([*fired.get(kind, ()), rule])
        return kinds

    def _if_it_were(self, look: _Look, kinds: dict[Kind, list[Rule]]) -> bool:
        """Whether an emergency is asked about as one that may come: then it is conditional."""
        if any(kind in kinds for kind in (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT)):
            return False
        maybe = self._policy.flags.fired(look.hits, Mark.HYPOTHETICAL)
        maybe = [
            replace(rule, level=Kind.CONDITIONAL.value)
            for rule in maybe
            if rule.level == Kind.EMERGENCY
        ]
        if not maybe or self._level(look.read, [*look.red_flags, *maybe]) is None:
            return False
        new = Kind.CONDITIONAL not in kinds
        kinds.setdefault(Kind.CONDITIONAL, []).extend(maybe)
        return new

    def _earlier(
        self, earlier: Sequence[str], question: str, kinds: dict[Kind, list[Rule]]
    ) -> tuple[list[Notice], list[Rule]]:
        """Earlier turns: their red flags as notices, and signs split over turns joined.

        The second value names the emergency or crisis of an earlier turn that still stands: it
        keeps the present message's kind, until a later turn tells that it has been looked at.
        """
        if not earlier:
            return [], []
        past: dict[Kind, list[Rule]] = {}
        for turn in earlier:
            for kind, rules in self._kinds(self._look(self._prepared(turn))).items():
                if kind in LEVELS:
                    past.setdefault(kind, []).extend(rules)
        self._split_signs(earlier, question, past, kinds)
        notices: list[Notice] = []
        for kind, name in (
            (Kind.EMERGENCY, "earlier_emergency"),
            (Kind.CRISIS, "earlier_crisis"),
            (Kind.URGENT, "earlier_urgent"),
        ):
            if kind in past and kind not in kinds:
                notices.append(Notice(name, self._text(name)))
                break
        standing = next((k for k in (Kind.EMERGENCY, Kind.CRISIS) if k in past), None)
        if standing is None or self._been_seen([*earlier[1:], question]):
            return notices, []
        return notices, past[standing]

    def _split_signs(
        self,
        earlier: Sequence[str],
        question: str,
        past: Mapping[Kind, Sequence[Rule]],
        kinds: dict[Kind, list[Rule]],
    ) -> None:
        """Raise the present message where it is a red flag together with those before it only."""
        rules = self._rules.read_prepared([self.prepare(turn) for turn in (*earlier, question)])
        # "It" may be an earlier turn's hip: what the present turn adds has to be a sign of its own.
        adds = any(hit.turn == len(earlier) and not hit.marks for hit in rules.hits)
        joined = self.prepare(_joined([*earlier, question]))
        red = _red_flags((*rules.urgent, *rules.messages)) if adds else []
        found = self._level(self._reader.read(self._windows(joined)), red)
        if found is None:
            return
        level, read = found
        known = [kind for kind in LEVELS if kind in past or kind in kinds]
        if any(_ORDER.index(kind) <= _ORDER.index(level) for kind in known):
            return
        own = [rule for rule in red if rule.level == level]
        kinds[level] = [*own, _row_of(read, level)]

    def _been_seen(self, later: Sequence[str]) -> bool:
        """Whether somebody was seen by professionals and told that it was all right."""
        for text in later:
            hits = self._rules.read_prepared([self.prepare(text)]).hits
            said = {h.concept for h in hits if not h.marks & ~(Mark.RESOLVED | Mark.PAST)}
            if {"been_seen", "all_clear"} <= said:
                return True
        return False

    def _unreadable(self, question: str, alone: bool, kinds: dict[Kind, list[Rule]]) -> None:
        """A greeting, or what has no meaning that could be looked for."""
        readable = self.prepare(question)
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

    def _notices(
        self,
        kind: Kind | None,
        kinds: Mapping[Kind, Sequence[Rule]],
        own: _Look,
        question: str,
        hypothetical: bool,
    ) -> list[Notice]:
        notices: list[Notice] = []

        def add(notice_kind: str, name: str) -> None:
            notice = Notice(notice_kind, self._text(name))
            if notice not in notices:
                notices.append(notice)

        if Kind.EMERGENCY in kinds:
            name = f"emergency_{kinds[Kind.EMERGENCY][0].id}"
            add("emergency", name if self._policy.has_text(name) else "emergency")
        if Kind.CRISIS in kinds:
            rules = [rule for rule in kinds[Kind.CRISIS] if rule.gap]
            other = bool(rules) and all("suicide_other" in rule.slots[0] for rule in rules)
            add("crisis", "crisis_other" if other else "crisis")
        if kind in (Kind.EMERGENCY, Kind.CRISIS):
            if Kind.INJECTION in kinds:
                add("injection", "injection")
            return notices
        if Kind.URGENT in kinds:
            hopeless = [r for r in kinds[Kind.URGENT] if r.id in ("MH-HOPELESS", "MH")]
            if len(hopeless) < len(kinds[Kind.URGENT]):
                add("urgent", "urgent")
            if hopeless:
                add("urgent", "urgent_hopeless")
        elif Kind.CONDITIONAL in kinds:
            add("conditional", "conditional_if" if hypothetical else "conditional")
        if Kind.INJECTION in kinds:
            add("injection", "injection")
        if Kind.HARMFUL in kinds:
            add("harmful", "harmful")
            return notices
        for other_kind in (
            Kind.ABOUT_ASSISTANT,
            Kind.SAFETY_NET,
            Kind.DIAGNOSIS,
            Kind.MEDICATION,
            Kind.PERSONAL_PLAN,
            Kind.DISTRESS,
        ):
            if other_kind in kinds:
                add(other_kind.value, other_kind.value)
        if Kind.IN_SCOPE in kinds:
            add("distress", "distress")
        if Kind.UNCLEAR in kinds:
            name = "foreign" if _is_foreign(kinds) else "unclear"
            add("unclear", name if question.strip() else "empty")
        for concept, name in self._policy.special_groups:
            if any(h.concept == concept and not h.marks & ~Mark.PAST for h in own.hits):
                if not (name == "child" and any(h.concept == "adult" for h in own.hits)):
                    add(name, name)
        return notices

    def _rest(self, question: str) -> str:
        """The question without the sentences, or parts of them, that instruct the assistant."""
        sentences = [s.strip() for s in _split_sentences(question)]
        kept: list[str] = []
        for sentence, orders in zip(sentences, self._are_orders(sentences), strict=True):
            if not orders:
                kept.append(sentence)
                continue
            pieces = [p.strip() for p in _PIECE.split(sentence) if p.strip()]
            if len(pieces) > 1:
                good = zip(pieces, self._are_orders(pieces), strict=True)
                kept.extend(p for p, order in good if not order and len(p.split()) >= 3)
        rest = " ".join(k for k in kept if k)
        return "" if rest and self._are_orders([rest])[0] else rest

    def _are_orders(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text speaks to the assistant, by the rules or by the network."""
        found = [self.is_instruction(text) for text in texts]
        if len(texts) <= _MAX_PIECES:
            read = self.impressions(
                [text for text, rule in zip(texts, found, strict=True) if not rule]
            )
            doubts = iter(read)
            found = [rule or self._is_order(next(doubts)) for rule in found]
        return found

    def _is_order(self, impression: Impression) -> bool:
        return "injection" in self._weighing.other_kinds(impression.kind, ())


_VARIANTS: Final = frozenset({"safe_answer"})


@lru_cache(maxsize=4)
def _load(data_dir: Path) -> Policy:
    return load_policy(data_dir)


@lru_cache(maxsize=4)
def _weighing(reader: Reader) -> Weighing:
    return parse_weighing(reader.facts)


def _is_foreign(kinds: Mapping[Kind, Sequence[Rule]]) -> bool:
    """Whether a message is unclear because it is in another language."""
    return any(rule.id == "READ-foreign" for rule in kinds.get(Kind.UNCLEAR, ()))


def _red_flags(rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if Kind(rule.level) in LEVELS]


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8", "replace")


def _asked(history: Sequence[Turn]) -> list[str]:
    return [_clean(t.content) for t in history if t.role == "user" and t.content.strip()]


def _joined(turns: Sequence[str]) -> str:
    return "\n".join(turns[-_TURNS_JOINED:])


def _row_of(impression: Impression, level: Kind) -> Rule:
    """The row of the red-flag table that the network thinks of, in the form of a rule."""
    row = CRITERIA[int(impression.criterion.argmax())]
    name = _TEXT_OF_ROW.get(row, row) if level is Kind.EMERGENCY else row
    reason = f"reads like {row}, log-odds of a red flag {flag_odds(impression):.1f}"
    return word_rule(name, level, reason)


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
