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
from assistant.screening.clauses import Hit, Mark, read
from assistant.screening.data import Policy, load_policy
from assistant.screening.normalise import drop_repeats, find_encoded, normalise
from assistant.screening.output import find_fault
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
_ALL_MARKS: Final = (
    Mark.NEGATED | Mark.PAST | Mark.RESOLVED | Mark.GENERAL | Mark.HYPOTHETICAL | Mark.OTHER
)
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
_SENTENCE: Final = re.compile(r"[^.!?\n]*[.!?\n]*", re.DOTALL)
_PIECE: Final = re.compile(r"(?:[:;,]|\s-\s|\b(?:and|then|also|but|plus)\b)\s*", re.IGNORECASE)
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_TAG: Final = re.compile(
    r"(?:<\|?|\[|\{|##|%%|==|--)/?[ \t]{0,3}"
    r"(?:system|assistant|developer|admin|sys|inst|im_start|im_end|end_?system|instructions?|"
    r"system[ _]override|system[ _]prompt|new instructions?)\b",
    re.IGNORECASE,
)
_SYSTEM_LINE: Final = re.compile(r"^[ \t]{0,9}(?:system|developer|assistant) ?:", re.I | re.M)
_BLOCK_CHARS: Final = 4_000
_OVERLAP_CHARS: Final = 400
_QUESTION_WORD: Final = re.compile(
    r"\?|\b(?:what|which|how|why|when|where|who|can|could|should|does|do|is|are|tell|show|explain|"
    r"give|list|help)\b"
)
_LATIN_OTHER: Final = frozenset(
    "que el los las una por para como est je suis mon mes les des une avec pour dans pas ich mein "
    "meine und nicht der das ist habe mir der mijn het een niet che il mio mia sono meu minha nao "
    "com uma dolor genou hanche rodilla cadera knie schmerzen ginocchio joelho quadril mal du tengo "
    "duele wenn ik heb".split()
)
_ENGLISH: Final = frozenset(
    "the a an and or of to in is it i my me you for on with not all any be are was have has do does "
    "did can will would what how why when who which if from as at by about no this that hurt pain "
    "knee hip leg exercises glute".split()
)


@dataclass(frozen=True, slots=True)
class Screening:
    """What the policy says about one message.

    `kind` is None when nothing matched and an answer may be looked for. `rest` is what is left
    to answer once instructions to the assistant are taken out. `verdicts` names every rule that
    fired, the deciding one first.
    """

    kind: Kind | None
    notices: tuple[Notice, ...]
    rest: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    hits: list[Hit]
    urgent: list[Rule]
    messages: list[Rule]


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
        self._help = self._policy.helpline(country)

    def screen(self, question: str, history: Sequence[Turn] = ()) -> Screening:
        """The kind of message, its notices and what is left to answer.

        Reads every user turn whole. Never raises, whatever the text; the same input always gives
        the same result. With nothing to read the kind is `Kind.UNCLEAR`.
        """
        question = question.encode("utf-8", "replace").decode("utf-8", "replace")
        own = self._read_message(question)
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
        before = self._earlier(earlier, question, kinds)
        if not kinds:
            unclear = self._unclear(question)
            if unclear:
                kinds[Kind.UNCLEAR] = [unclear]
        self._settle(kinds, question)
        kind = next((k for k in _ORDER if k in kinds), None)
        kind = self._overdose_on_purpose(kind, kinds)
        rest = self._rest(question) if Kind.INJECTION in kinds else question
        notices = self._notices(kind, kinds, own, question, hypothetical)
        notices.extend(n for n in before if n.text not in {m.text for m in notices})
        return Screening(kind, tuple(notices), rest, _verdicts(kind, kinds))

    def check_answer(self, answer: Answer, articles: Mapping[str, Article]) -> Verdict:
        """Whether a reply may leave. FAIL means: show `safe_answer` instead."""
        fault = find_fault(answer, articles, self._policy.text_values(self._help))
        if fault is None:
            for statement in answer.statements:
                if self.is_instruction(statement.text):
                    fault = ("instruction", "a statement gives instructions to the assistant")
                    break
        if fault is None:
            return Verdict("output", Decision.PASS, "every check of the policy passed")
        return Verdict(f"output.{fault[0]}", Decision.FAIL, fault[1])

    def notice(self, name: str) -> Notice:
        """The fixed text called `name`.

        Raises:
            SettingsError: there is no such text.
        """
        return Notice(name.split("_")[0] if name in _VARIANTS else name, self._text(name))

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
        return any(r.level == Kind.INJECTION for r in self._read_message(sentence, False).messages)

    def _text(self, name: str) -> str:
        return self._policy.text(name, self._help)

    def _read_message(self, question: str, decode: bool = True) -> _Reading:
        texts = [question]
        if decode:
            texts.extend(find_encoded(question))
        return self._read([_tagged(self._policy.respace(normalise(t))) for t in texts])

    def _read(self, texts: Sequence[str]) -> _Reading:
        policy = self._policy
        if sum(map(len, texts)) <= _BLOCK_CHARS:
            hits = read(texts, policy.lexicon, policy.concepts)
            return _Reading(hits, policy.flags.fired(hits), policy.messages.fired(hits))
        return self._read_long(texts)

    def _read_long(self, texts: Sequence[str]) -> _Reading:
        """The same in overlapping blocks.

        Reading ends early only when nothing that follows could change the reply: once an
        emergency, a crisis and an instruction have all been found.
        """
        policy = self._policy
        hits: list[Hit] = []
        fired: dict[int, Rule] = {}
        base = 0
        for turn, text in enumerate(texts):
            for block in _blocks(drop_repeats(text)):
                here = read([block], policy.lexicon, policy.concepts)
                for rule in policy.flags.fired(here) + policy.messages.fired(here):
                    fired.setdefault(rule.number, rule)
                if {r.level for r in fired.values()} >= _TOP_LEVELS:
                    return _sorted_reading(hits, fired)
                ends = {(h.concept, h.marks): h for h in here}
                starts = {(h.concept, h.marks): h for h in reversed(here)}
                kept = sorted({*ends.values(), *starts.values()}, key=lambda h: h.position)
                hits.extend(Hit(h.concept, h.position + base, h.marks, turn) for h in kept)
                base = (hits[-1].position if hits else base) + 8
        for rule in policy.flags.fired(hits) + policy.messages.fired(hits):
            fired.setdefault(rule.number, rule)
        return _sorted_reading(hits, fired)

    def _earlier(
        self, earlier: Sequence[str], question: str, kinds: dict[Kind, list[Rule]]
    ) -> list[Notice]:
        """Earlier turns: their red flags as notices, and signs split over turns joined."""
        if not earlier:
            return []
        policy = self._policy
        texts = [policy.respace(normalise(t)) for t in earlier]
        past = self._read(texts)
        notices: list[Notice] = []
        found = {Kind(r.level) for r in past.urgent + past.messages}
        together = read(
            [*texts, policy.respace(normalise(question))],
            policy.lexicon,
            policy.concepts,
        )
        known = {r.number for r in past.urgent}
        last = len(texts)
        if any(h.turn == last and not h.marks for h in together):
            for rule in policy.flags.fired(together):
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
        return notices

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
        own: _Reading,
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

    def _unclear(self, question: str) -> Rule | None:
        rule = self._policy.unclear_rule
        words = _WORDS.findall(question)
        if not words:
            return rule
        letters = [c for c in question if c.isalpha()]
        latin = sum(1 for c in letters if c < "\u0250")
        if latin * 2 < len(letters):
            return rule
        lowered = [w.lower() for w in words]
        english = sum(w in _ENGLISH for w in lowered)
        foreign = sum(w in _LATIN_OTHER for w in lowered)
        if foreign >= 2 and foreign > english:
            return rule
        if len(words) <= 6 and not any(_pronounceable(w) for w in lowered):
            return rule
        return None

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


_TOP_LEVELS: Final = {Kind.EMERGENCY.value, Kind.CRISIS.value, Kind.INJECTION.value}
_VARIANTS: Final = frozenset({"safe_answer"})


@lru_cache(maxsize=4)
def _load(data_dir: Path) -> Policy:
    return load_policy(data_dir)


def _sorted_reading(hits: list[Hit], fired: Mapping[int, Rule]) -> _Reading:
    rules = [fired[number] for number in sorted(fired)]
    urgent = [r for r in rules if r.flag]
    return _Reading(hits, urgent, [r for r in rules if not r.flag])


def _blocks(text: str) -> Iterator[str]:
    """Pieces that overlap, cut at blanks where there are any."""
    start = 0
    while start < len(text):
        end = start + _BLOCK_CHARS
        if end < len(text):
            blank = text.rfind(" ", end - 200, end)
            end = blank if blank > 0 else end
        yield text[start:end]
        if end >= len(text):
            return
        blank = text.rfind(" ", end - _OVERLAP_CHARS - 100, end - _OVERLAP_CHARS)
        start = blank if blank > start else end - _OVERLAP_CHARS


def _tagged(text: str) -> str:
    return _SYSTEM_LINE.sub(" tag_system ", _TAG.sub(" tag_system ", text))


def _split_sentences(text: str) -> Iterator[str]:
    for match in _SENTENCE.finditer(text):
        if match.group().strip():
            yield match.group()


def _pronounceable(word: str) -> bool:
    vowels = sum(c in "aeiouy" for c in word)
    return (
        0.15 <= vowels / len(word) <= 0.85
        and not re.search(r"[^aeiouy\W\d_]{6}", word)
        and not re.search(r"(.)\1{3}", word)
        and len(word) <= 30
    ) or word in ("hmm", "nth", "pfps", "itbs", "acl", "mri", "tfl")


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
