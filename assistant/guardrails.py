"""The safety layer: what kind of message this is, before and apart from everything else.

`Guardrails.screen` reads every user turn and says what the policy asks for; `check_answer`
reads every reply before it leaves. Both are code over readable data (``assistant/data``), with
no model, no network and no state. It does not find answers, and it never lowers an urgency.
No clinician has reviewed it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from assistant.errors import SettingsError
from assistant.screening.data import Policy, load_policy
from assistant.screening.language import is_greeting, is_unclear
from assistant.screening.marks import Mark
from assistant.screening.output import find_fault
from assistant.screening.reading import Reader, Reading
from assistant.screening.rules import Rule
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
_URGENT_KINDS: Final = (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT, Kind.CONDITIONAL)
_ORDER: Final = (
    Kind.EMERGENCY,
    Kind.CRISIS,
    Kind.URGENT,
    Kind.CONDITIONAL,
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
_SENTENCE: Final = re.compile(r"[^.!?\n]*[.!?\n]*", re.DOTALL)
_PIECE: Final = re.compile(r"(?:[:;,]|\s-\s|\b(?:and|then|also|but|plus)\b)\s*", re.IGNORECASE)
_QUESTION_WORD: Final = re.compile(
    r"\?|\b(?:what|which|how|why|when|where|who|can|could|should|does|do|is|are|tell|show|explain|"
    r"give|list|help)\b"
)


@dataclass(frozen=True, slots=True)
class Screening:
    """What the policy says about one message.

    `kind` is None when nothing matched and an answer may be looked for. `rest` is what is left
    to answer once instructions to the assistant are taken out. `verdicts` names every rule that
    fired, the deciding one first. `explained` says that there are signs of illness in it, but that
    each is denied, long past, somebody else's or only asked about.
    """

    kind: Kind | None
    notices: tuple[Notice, ...]
    rest: str
    verdicts: tuple[Verdict, ...]
    explained: bool = False


class Guardrails:
    """The checks on questions, articles and answers.

    Args:
        country: ISO 3166 code for the help lines; None or unknown gives the general line.
        data_dir: another folder of rules and texts, for tests.

    Raises:
        SettingsError: a data file is missing or one of its rows cannot be used.
    """

    def __init__(self, country: str | None = None, data_dir: Path | None = None) -> None:
        self._policy = _load(data_dir or DATA_DIR)
        self._reader = Reader(self._policy)
        self._help = self._policy.helpline(country)
        self._fixed_texts = self._policy.fixed_texts(self._help)

    def screen(self, question: str, history: Sequence[Turn] = ()) -> Screening:
        """The kind of message, its notices and what is left to answer.

        Reads every user turn whole. Never raises, whatever the text; the same input always gives
        the same result. With nothing to read the kind is `Kind.UNCLEAR`.
        """
        question = question.encode("utf-8", "replace").decode("utf-8", "replace")
        own = self._reader.read_message(question)
        earlier = [t.content for t in history if t.role == "user" and t.content.strip()]
        kinds: dict[Kind, list[Rule]] = {}
        for rule in own.urgent + own.messages:
            kinds.setdefault(Kind(rule.level), []).append(rule)
        hypothetical = False
        if not any(k in kinds for k in (Kind.EMERGENCY, Kind.CRISIS, Kind.URGENT)):
            maybe = self._policy.flags.fired(own.hits, Mark.HYPOTHETICAL)
            maybe = [r for r in maybe if r.level == Kind.EMERGENCY]
            if maybe:
                hypothetical = Kind.CONDITIONAL not in kinds
                kinds.setdefault(Kind.CONDITIONAL, []).extend(maybe)
        before, standing = self._earlier(earlier, question, kinds)
        if not kinds:
            readable = self._reader.prepare(question)
            if is_greeting(readable):
                kinds[Kind.ABOUT_ASSISTANT] = [self._policy.greeting_rule]
            elif is_unclear(readable if is_unclear(question) else question, not earlier):
                kinds[Kind.UNCLEAR] = [self._policy.unclear_rule]
        self._settle(kinds, question)
        first = next((k for k in _ORDER if k in kinds), None)
        kind = self._overdose_on_purpose(first, kinds)
        rest = self._rest(question) if Kind.INJECTION in kinds else question
        notices = self._notices(kind, kinds, own, question, hypothetical)
        if standing and kind not in (Kind.EMERGENCY, Kind.CRISIS):
            kind = Kind(standing[0].level)
            kinds[kind] = standing
            notices = [*before, *(n for n in notices if n.kind in _KEPT_BESIDE)]
        else:
            notices.extend(n for n in before if n.text not in {m.text for m in notices})
        signs = self._policy.concepts.signs
        marks = [hit.marks for hit in own.hits if hit.concept.partition("@")[0] in signs]
        explained = bool(marks) and all(marks)
        return Screening(kind, tuple(notices), rest, _verdicts(kind, kinds), explained)

    def raised(self, screening: Screening, kind: Kind, verdict: Verdict) -> Screening:
        """The screening with a red flag that was found besides the rules; never a milder one.

        Where the rules have understood the signs as none, or the message as distress, it stays.
        """
        if screening.kind in _URGENT_KINDS and _ORDER.index(screening.kind) <= _ORDER.index(kind):
            return screening
        mild = kind in (Kind.URGENT, Kind.CONDITIONAL)
        if screening.explained or (mild and screening.kind is Kind.DISTRESS):
            return screening
        kept = (n for n in screening.notices if n.kind in _KEPT_BESIDE and n.kind != kind)
        notices = (self.notice(kind.value), *kept)
        return Screening(kind, notices, screening.rest, (verdict, *screening.verdicts))

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
        if screening.kind in _URGENT_KINDS:
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
        return self._reader.is_instruction(sentence)

    def _text(self, name: str) -> str:
        return self._policy.text(name, self._help)

    def _earlier(
        self, earlier: Sequence[str], question: str, kinds: dict[Kind, list[Rule]]
    ) -> tuple[list[Notice], list[Rule]]:
        """Earlier turns: their red flags as notices, and signs split over turns joined.

        The second value names the emergency or crisis of an earlier turn that still stands: it
        keeps the present message's kind, until a later turn tells that it has been looked at.
        """
        if not earlier:
            return [], []
        texts = [self._reader.prepare(t) for t in earlier]
        past = self._reader.read_prepared(texts)
        notices: list[Notice] = []
        found = {Kind(r.level) for r in past.urgent + past.messages}
        together = self._reader.read_prepared([*texts, self._reader.prepare(question)])
        known = {r.number for r in past.urgent}
        last = len(texts)
        if any(h.turn == last and not h.marks for h in together.hits):
            for rule in together.urgent:
                if rule.number not in known:
                    kinds.setdefault(Kind(rule.level), []).append(rule)
        for kind, name in (
            (Kind.EMERGENCY, "earlier_emergency"),
            (Kind.CRISIS, "earlier_crisis"),
            (Kind.URGENT, "earlier_urgent"),
        ):
            if kind in found and kind not in kinds:
                notices.append(Notice(name, self._text(name)))
                break
        standing = next((k for k in (Kind.EMERGENCY, Kind.CRISIS) if k in found), None)
        if standing is None or self._been_seen([*texts[1:], self._reader.prepare(question)]):
            return notices, []
        return notices, [r for r in past.urgent + past.messages if r.level == standing]

    def _been_seen(self, later: Sequence[str]) -> bool:
        """Whether somebody was seen by professionals and told that it was all right."""
        for text in later:
            hits = self._reader.read_prepared([text]).hits
            said = {h.concept for h in hits if not h.marks & ~(Mark.RESOLVED | Mark.PAST)}
            if {"been_seen", "all_clear"} <= said:
                return True
        return False

    def _settle(self, kinds: dict[Kind, list[Rule]], question: str) -> None:
        """Where two kinds claim one message, the table's meaning decides."""
        if Kind.INJECTION in kinds and Kind.ABOUT_ASSISTANT in kinds:
            del kinds[Kind.ABOUT_ASSISTANT]
        if Kind.CRISIS in kinds:
            for quieter in (Kind.DISTRESS, Kind.HARMFUL):
                kinds.pop(quieter, None)
        if Kind.DISTRESS in kinds and len(kinds) == 1 and _QUESTION_WORD.search(question.lower()):
            if "?" in question:
                kinds[Kind.IN_SCOPE] = kinds.pop(Kind.DISTRESS)

    def _overdose_on_purpose(
        self, kind: Kind | None, kinds: Mapping[Kind, Sequence[Rule]]
    ) -> Kind | None:
        if kind is Kind.EMERGENCY and Kind.CRISIS in kinds:
            if {r.id for r in kinds[Kind.EMERGENCY]} <= {"DRUG"}:
                return Kind.CRISIS
        return kind

    def _notices(
        self,
        kind: Kind | None,
        kinds: Mapping[Kind, Sequence[Rule]],
        own: Reading,
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
            if kind is Kind.CRISIS:
                add("emergency", "emergency_DRUG")
            else:
                add("emergency", name if self._policy.has_text(name) else "emergency")
        if Kind.CRISIS in kinds:
            other = all("suicide_other" in r.slots[0] for r in kinds[Kind.CRISIS])
            add("crisis", "crisis_other" if other else "crisis")
        if kind in (Kind.EMERGENCY, Kind.CRISIS):
            if Kind.INJECTION in kinds:
                add("injection", "injection")
            return notices
        if Kind.URGENT in kinds:
            hopeless = [r for r in kinds[Kind.URGENT] if r.id == "MH-HOPELESS"]
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
            add("unclear", "unclear" if question.strip() else "empty")
        for concept, name in self._policy.special_groups:
            if any(h.concept == concept and not h.marks & ~Mark.PAST for h in own.hits):
                if not (name == "child" and any(h.concept == "adult" for h in own.hits)):
                    add(name, name)
        return notices

    def _rest(self, question: str) -> str:
        """The question without the sentences, or parts of them, that instruct the assistant."""
        kept: list[str] = []
        for sentence in _split_sentences(question):
            if not self.is_instruction(sentence):
                kept.append(sentence.strip())
                continue
            pieces = [p.strip() for p in _PIECE.split(sentence) if p.strip()]
            if len(pieces) > 1:
                good = [p for p in pieces if not self.is_instruction(p) and len(p.split()) >= 3]
                kept.extend(good)
        rest = " ".join(k for k in kept if k)
        return "" if rest and self.is_instruction(rest) else rest


_VARIANTS: Final = frozenset({"safe_answer"})


@lru_cache(maxsize=4)
def _load(data_dir: Path) -> Policy:
    return load_policy(data_dir)


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
