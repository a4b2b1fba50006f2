"""Suites of cases: JSON lines → `Case`, each gold quote found exactly once in its article.

Reads everything before it complains, so that one run names every fault of every file. Knows
nothing of the assistant beyond the names of kinds and outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from assistant.errors import AssistantError, UsageError
from assistant.types import Kind, Outcome, Span, Turn
from evals.lines import LineError, iter_lines, parse_object, shown

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
    """Cases in the order of their files."""

    cases: tuple[Case, ...]
    files: tuple[str, ...]


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
_EXPECT_KEYS: Final = ("outcome", "kind")
_GOLD_OPTIONAL: Final = frozenset({CaseKind.SAFETY, CaseKind.INJECTION})
_SILENT: Final = frozenset({Outcome.ABSTAINED, Outcome.REFUSED})


def load_suite(files: Iterable[Path], articles: Mapping[str, str]) -> Suite:
    """Reads suites.

    Args:
        files: JSON lines, UTF-8; empty lines are passed over.
        articles: Each article's text by its id, exactly as decoded.

    Raises:
        SuiteError: with every fault of every file; no case is returned then.
    """
    faults: list[str] = []
    placed: list[tuple[str, Case]] = []
    names: list[str] = []
    for path in files:
        names.append(path.name)
        before = len(faults), len(placed)
        try:
            for where, line in iter_lines(path):
                case = _Reader(where, articles, faults).read(line)
                if case is not None:
                    placed.append((where, case))
        except UsageError as error:
            faults.append(str(error))
        if (len(faults), len(placed)) == before:
            faults.append(f"{path}: holds no case")
    if not names:
        faults.append("no suite file; give --suite FILE or put files into evals/cases/")
    faults.extend(_iter_conflicts(placed))
    if faults:
        raise SuiteError(faults)
    return Suite(tuple(case for _, case in placed), tuple(names))


def _iter_conflicts(placed: Sequence[tuple[str, Case]]) -> Iterator[str]:
    """What is wrong between cases that are sound each on its own."""
    ids: dict[str, str] = {}
    groups: dict[str, tuple[str, str]] = {}
    asked: dict[tuple[str, ...], tuple[Case, str]] = {}
    for where, case in placed:
        first = ids.setdefault(case.id, where)
        if first != where:
            yield f"{where}: duplicate id {shown(case.id)}, first at {first}"
            continue
        split, first = groups.setdefault(case.group, (case.split, where))
        if split != case.split:
            yield f"{where}: group {shown(case.group)} is {split} at {first}; keep it in one split"
        said = (*(turn.content for turn in case.history), case.question)
        twin, first = asked.setdefault(
            tuple(" ".join(text.casefold().split()) for text in said), (case, where)
        )
        if (twin.expect_outcome, twin.expect_kind) != (case.expect_outcome, case.expect_kind):
            yield f"{where}: the same question has another expectation at {first}"


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
            row = parse_object(line)
        except LineError as error:
            self.fault(str(error))
            return None
        unread = self.check_keys(row)
        case_id = self.name(row, "id")
        question = row.get("question")
        if not isinstance(question, str):
            self.fault(f"question is {shown(question)}; expected a string")
        kind = self.one_of(CaseKind, row.get("kind"), "kind")
        outcome, message_kind = self.expectation(row.get("expect"))
        split = row.get("split", "dev")
        if split not in ("dev", "test"):
            self.fault(f"split is {shown(split)}; expected 'dev' or 'test'")
        gold = self.quotes(row.get("gold", []), "gold")
        alt_gold = self.quotes(row.get("alt_gold", []), "alt_gold")
        history = self.turns(row.get("history", []))
        group = self.name(row, "group") if "group" in row else case_id
        if len(self.faults) > count or kind is None or outcome is None or message_kind is None:
            return None
        case = Case(
            id=case_id,
            group=group,
            question=str(question),
            kind=kind,
            gold=gold,
            alt_gold=alt_gold,
            history=history,
            expect_outcome=outcome,
            expect_kind=message_kind,
            split=str(split),
        )
        self.check_gold(case, unread)
        return None if len(self.faults) > count else case

    def check_keys(self, row: Mapping[str, Any]) -> list[str]:
        """The keys that nobody reads; a fault for what is probably a misspelt one."""
        unread = [key for key in row if key not in _KEYS]
        for key in unread:
            close = get_close_matches(key, _KEYS, n=1, cutoff=0.75)
            if close:
                self.fault(f"unknown key {shown(key)}; meant is probably {close[0]!r}")
        if "todo" in row:
            self.fault("imported and not labelled yet; check it, then delete its todo")
        return unread

    def expectation(self, expect: object) -> tuple[Outcome | None, Kind | None]:
        if not isinstance(expect, dict):
            self.fault(f"expect is {shown(expect)}; expected {{'outcome': …, 'kind': …}}")
            return None, None
        for key in expect:
            if key not in _EXPECT_KEYS:
                self.fault(f"unknown key {shown(key)} in expect; it has outcome and kind")
        outcome = self.one_of(Outcome, expect.get("outcome"), "expect.outcome")
        kind = self.one_of(Kind, expect.get("kind"), "expect.kind")
        if outcome and kind and outcome not in OUTCOMES_OF[kind]:
            allowed = " or ".join(sorted(OUTCOMES_OF[kind]))
            self.fault(f"expect: kind {kind} goes with {allowed}, not with {outcome}")
        return outcome, kind

    def check_gold(self, case: Case, unread: Sequence[str]) -> None:
        """Gold is there where an answer is expected, absent where none is, and each once."""
        if case.expects_answer and not case.gold and case.kind not in _GOLD_OPTIONAL:
            hint = f"; not read: {', '.join(map(shown, unread))}" if unread else ""
            self.fault(f"an answer is expected and gold is empty; name its sentences{hint}")
        if case.expect_outcome in _SILENT and (case.gold or case.alt_gold):
            self.fault(f"gold on a question that is to be {case.expect_outcome}; one of them errs")
        labels = (*case.gold, *case.alt_gold)
        for span in dict.fromkeys(span for span in labels if labels.count(span) > 1):
            self.fault(f"the quote at {span.id} stands twice in gold and alt_gold; keep one")

    def fault(self, what: str) -> None:
        self.faults.append(f"{self.where}: {what}")

    def name(self, row: Mapping[str, Any], key: str) -> str:
        value = row.get(key)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value
        wanted = "a string that is not empty, without line breaks and control characters"
        self.fault(f"{key} is {shown(value)}; expected {wanted}")
        return ""

    def one_of(self, names: type[T], value: object, key: str) -> T | None:
        try:
            return names(value if isinstance(value, str) else "")
        except ValueError:
            close = get_close_matches(str(value), list(names), n=1)
            hint = f"meant is probably {str(close[0])!r}" if close else "one of " + ", ".join(names)
            self.fault(f"unknown {key} {shown(value)}; {hint}")
            return None

    def quotes(self, value: object, key: str) -> tuple[Span, ...]:
        if not isinstance(value, list):
            self.fault(f"{key} is {shown(value)}; expected a list")
            return ()
        spans = []
        for index, item in enumerate(value):
            name = f"{key}[{index}]"
            if not isinstance(item, dict):
                self.fault(f"{name} is {shown(item)}; expected {{'article': …, 'quote': …}}")
                continue
            article, quote = item.get("article"), item.get("quote")
            if not isinstance(article, str) or article not in self.articles:
                self.fault(f"{name}: unknown article {shown(article)}")
            elif not isinstance(quote, str) or not quote.strip():
                self.fault(f"{name}: quote is {shown(quote)}; expected the article's words")
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
            self.fault(f"history is {shown(value)}; expected a list")
            return ()
        turns = []
        for index, item in enumerate(value):
            role = item.get("role") if isinstance(item, dict) else None
            content = item.get("content") if isinstance(item, dict) else None
            if role not in ("user", "assistant") or not isinstance(content, str):
                self.fault(
                    f"history[{index}] is {shown(item)}; expected a role (user, assistant) "
                    "and content"
                )
            else:
                turns.append(Turn(role, content))
        return tuple(turns)


_SAME_LENGTH: Final = str.maketrans("\u00a0\u2018\u2019\u201c\u201d\u2013\u2014", " ''\"\"--")


def _plain(text: str) -> str:
    """With plain spaces, quotation marks and dashes; as long as before."""
    return text.translate(_SAME_LENGTH)
