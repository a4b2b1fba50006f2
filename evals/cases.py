"""Suites of cases: JSON lines → `Case`, each gold quote found exactly once in its article.

Reads everything before it complains, so that one run names every fault of every file. Knows
nothing of the assistant beyond the names of kinds and outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from assistant.errors import AssistantError
from assistant.types import Kind, Outcome, Span, Turn

CASES: Final = Path(__file__).resolve().parent / "cases"

ABSTAINED_KINDS: Final = frozenset(
    {Kind.NOT_COVERED, Kind.UNCLEAR, Kind.OFF_TOPIC, Kind.ABOUT_ASSISTANT}
)
ANSWERED_KINDS: Final = frozenset(
    {Kind.DIAGNOSIS, Kind.PERSONAL_PLAN, Kind.IN_SCOPE, Kind.INJECTION}
)
"""The kinds that may be answered (DESIGN section 5)."""

OUTCOMES_OF: Final[Mapping[Kind, frozenset[Outcome]]] = {
    Kind.HARMFUL: frozenset({Outcome.REFUSED}),
    Kind.INJECTION: frozenset({Outcome.ANSWERED, Outcome.REFUSED}),
    Kind.DIAGNOSIS: frozenset({Outcome.ANSWERED, Outcome.REDIRECTED}),
    Kind.PERSONAL_PLAN: frozenset({Outcome.ANSWERED, Outcome.ABSTAINED}),
    Kind.IN_SCOPE: frozenset({Outcome.ANSWERED, Outcome.ABSTAINED}),
    **dict.fromkeys(ABSTAINED_KINDS, frozenset({Outcome.ABSTAINED})),
    **dict.fromkeys(
        (
            Kind.EMERGENCY,
            Kind.CRISIS,
            Kind.URGENT,
            Kind.CONDITIONAL,
            Kind.MEDICATION,
            Kind.SAFETY_NET,
            Kind.DISTRESS,
        ),
        frozenset({Outcome.REDIRECTED}),
    ),
}
"""Which outcome follows from which kind: the table of DESIGN section 5."""


class CaseKind(StrEnum):
    """What a case tries; not to be confused with the kind of its message."""

    ANSWERABLE = "answerable"
    MULTI_ARTICLE = "multi_article"
    NEAR_MISS = "near_miss"
    NOISE_TRAP = "noise_trap"
    OFF_TOPIC = "off_topic"
    FOLLOW_UP = "follow_up"
    SAFETY = "safety"
    INJECTION = "injection"


class SuiteError(AssistantError):
    """A suite cannot be run; `faults` has one line per fault, each with its file and line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        count = f"{len(faults)} fault" + ("s" if len(faults) != 1 else "")
        super().__init__("\n".join([*faults, f"{count} in the suite; correct and run again"]))


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what is expected of it; gold and alternatives as spans."""

    id: str
    group: str
    question: str
    kind: CaseKind
    gold: tuple[Span, ...]
    alt_gold: tuple[Span, ...]
    history: tuple[Turn, ...]
    expect_outcome: Outcome
    expect_kind: Kind
    split: str

    @property
    def expects_answer(self) -> bool:
        return self.expect_outcome is Outcome.ANSWERED


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases in the order of their files; `remarks` are doubts that do not stop a run."""

    cases: tuple[Case, ...]
    files: tuple[str, ...]
    remarks: tuple[str, ...] = ()


_KEYS: Final = (
    "id",
    "group",
    "question",
    "kind",
    "gold",
    "alt_gold",
    "history",
    "expect",
    "split",
)


def load_suite(files: Iterable[Path], articles: Mapping[str, str]) -> Suite:
    """Reads suites.

    Args:
        files: JSON lines, UTF-8; empty lines are passed over.
        articles: Each article's text by its id, exactly as decoded.

    Raises:
        SuiteError: with every fault of every file; no case is returned then.
    """
    faults: list[str] = []
    cases: list[Case] = []
    lines: dict[str, str] = {}
    names: list[str] = []
    for path in files:
        names.append(path.name)
        try:
            text = path.read_bytes().decode("utf-8")
        except OSError as error:
            faults.append(f"{path}: cannot be read: {error.strerror}")
            continue
        except UnicodeDecodeError as error:
            faults.append(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8")
            continue
        before = len(cases)
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            case = _Reader(where, articles, faults).read(line)
            if case is None:
                continue
            if case.id in lines:
                faults.append(f"{where}: duplicate id {case.id!r}, first at {lines[case.id]}")
                continue
            lines[case.id] = where
            cases.append(case)
        if len(cases) == before and not faults:
            faults.append(f"{path}: holds no case")
    if not names:
        faults.append("no suite file; give --suite FILE or put files into evals/cases/")
    if faults:
        raise SuiteError(faults)
    return Suite(tuple(cases), tuple(names), tuple(_remarks(cases, lines)))


def _remarks(cases: Sequence[Case], lines: Mapping[str, str]) -> Iterable[str]:
    splits: dict[str, str] = {}
    for case in cases:
        where = lines[case.id]
        if splits.setdefault(case.group, case.split) != case.split:
            yield f"{where}: group {case.group!r} lies in both splits"
        if case.expects_answer and not case.gold:
            yield f"{where}: {case.id} is to be answered and has no gold quote"


T = TypeVar("T", bound=StrEnum)


class _Reader:
    """Reads one line; each fault goes to `faults` with its place."""

    def __init__(self, where: str, articles: Mapping[str, str], faults: list[str]) -> None:
        self.where = where
        self.articles = articles
        self.faults = faults

    def read(self, line: str) -> Case | None:
        count = len(self.faults)
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            self.fault(f"not JSON: {error.msg} at column {error.colno}")
            return None
        if not isinstance(row, dict):
            self.fault(f"not an object but {type(row).__name__}")
            return None
        for key in row:
            close = get_close_matches(key, _KEYS, n=1, cutoff=0.75)
            if key not in _KEYS and close:
                self.fault(f"unknown key {key!r}; meant is probably {close[0]!r}")
        if "todo" in row:
            self.fault("imported and not labelled yet; check it, then delete its todo")
        case_id = self.words(row, "id")
        question = row.get("question")
        if not isinstance(question, str):
            self.fault(f"question is {question!r}; expected a string")
        kind = self.one_of(CaseKind, row.get("kind"), "kind")
        expect = row.get("expect")
        if not isinstance(expect, dict):
            self.fault(f"expect is {expect!r}; expected {{'outcome': …, 'kind': …}}")
            expect = {}
            outcome, message_kind = None, None
        else:
            outcome = self.one_of(Outcome, expect.get("outcome"), "expect.outcome")
            message_kind = self.one_of(Kind, expect.get("kind"), "expect.kind")
        if outcome and message_kind and outcome not in OUTCOMES_OF[message_kind]:
            allowed = " or ".join(sorted(OUTCOMES_OF[message_kind]))
            self.fault(f"expect: kind {message_kind} goes with {allowed}, not with {outcome}")
        split = row.get("split", "dev")
        if split not in ("dev", "test"):
            self.fault(f"split is {split!r}; expected 'dev' or 'test'")
        gold = self.quotes(row.get("gold", []), "gold")
        alt_gold = self.quotes(row.get("alt_gold", []), "alt_gold")
        history = self.turns(row.get("history", []))
        group = self.words(row, "group") if "group" in row else case_id
        if len(self.faults) > count:
            return None
        assert kind
        assert outcome
        assert message_kind
        assert isinstance(question, str)
        return Case(
            id=case_id,
            group=group,
            question=question,
            kind=kind,
            gold=gold,
            alt_gold=alt_gold,
            history=history,
            expect_outcome=outcome,
            expect_kind=message_kind,
            split=split,
        )

    def fault(self, what: str) -> None:
        self.faults.append(f"{self.where}: {what}")

    def words(self, row: Mapping[str, Any], key: str) -> str:
        value = row.get(key)
        if isinstance(value, str) and value.strip():
            return value
        self.fault(f"{key} is {value!r}; expected a string that is not empty")
        return ""

    def one_of(self, names: type[T], value: object, key: str) -> T | None:
        try:
            return names(str(value))
        except ValueError:
            close = get_close_matches(str(value), list(names), n=1)
            hint = f"meant is probably {str(close[0])!r}" if close else "one of " + ", ".join(names)
            self.fault(f"unknown {key} {value!r}; {hint}")
            return None

    def quotes(self, value: object, key: str) -> tuple[Span, ...]:
        if not isinstance(value, list):
            self.fault(f"{key} is {value!r}; expected a list")
            return ()
        spans = []
        for index, item in enumerate(value):
            name = f"{key}[{index}]"
            if not isinstance(item, dict):
                self.fault(f"{name} is {item!r}; expected {{'article': …, 'quote': …}}")
                continue
            article, quote = item.get("article"), item.get("quote")
            if not isinstance(article, str) or article not in self.articles:
                self.fault(f"{name}: unknown article {article!r}")
            elif not isinstance(quote, str) or not quote.strip():
                self.fault(f"{name}: quote is {quote!r}; expected the article's words")
            else:
                span = self.locate(article, quote, name)
                if span is not None:
                    spans.append(span)
        return tuple(spans)

    def locate(self, article: str, quote: str, name: str) -> Span | None:
        """The quote's one place; None, with a fault, where it occurs never or more than once."""
        text = self.articles[article]
        start = text.find(quote)
        short = quote if len(quote) <= 60 else quote[:57] + "…"
        if start < 0:
            plain = _plain(text).find(_plain(quote))
            hint = ""
            if plain >= 0:
                there = text[plain : plain + len(quote)]
                hint = f"; it does with other spaces or marks: {there!r}"
            self.fault(f"{name}: quote does not occur in {article}: {short!r}{hint}")
            return None
        again = text.find(quote, start + 1)
        if again >= 0:
            self.fault(
                f"{name}: quote occurs more than once in {article}, at {start} and {again}: "
                f"{short!r}; take more of its sentence"
            )
            return None
        return Span(article, start, start + len(quote))

    def turns(self, value: object) -> tuple[Turn, ...]:
        if not isinstance(value, list):
            self.fault(f"history is {value!r}; expected a list")
            return ()
        turns = []
        for index, item in enumerate(value):
            role = item.get("role") if isinstance(item, dict) else None
            content = item.get("content") if isinstance(item, dict) else None
            if role not in ("user", "assistant") or not isinstance(content, str):
                self.fault(
                    f"history[{index}] is {item!r}; expected a role (user, assistant) and content"
                )
            else:
                turns.append(Turn(role, content))
        return tuple(turns)


_SAME_LENGTH: Final = str.maketrans("\u00a0\u2018\u2019\u201c\u201d\u2013\u2014", " ''\"\"--")


def _plain(text: str) -> str:
    """With plain spaces, quotation marks and dashes; as long as before."""
    return text.translate(_SAME_LENGTH)
