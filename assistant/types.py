"""The nouns: article → passage → hit → evidence → statement → answer.

Frozen values without behaviour beyond their own invariants. Offsets are half-open
and count code points of the decoded file, everywhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

DISCLAIMER: Final = (
    "General information from the cited articles, not a diagnosis or medical advice, and no "
    "substitute for a clinician who can examine you. Do not start, stop or delay treatment "
    "because of it. If symptoms are severe, sudden or getting worse, call your local emergency "
    "number."
)

NOT_STATED: Final = "not stated"

Tell = Callable[[str], None]
"""Told what is being done, in words for the reader; never an unchecked word of a model."""

Progress = Callable[[str, float], None]
"""Told what is being done, and how far it is from 0 to 1."""

EXTRACTIVE: Final = "extractive"
REPHRASE: Final = "rephrase"


class Kind(StrEnum):
    """What a message is, in the order of the safety policy: the first that matches counts."""

    EMERGENCY = "emergency"
    CRISIS = "crisis"
    URGENT = "urgent"
    CONDITIONAL = "conditional"
    INJECTION = "injection"
    HARMFUL = "harmful"
    DIAGNOSIS = "diagnosis"
    MEDICATION = "medication"
    PERSONAL_PLAN = "personal_plan"
    IN_SCOPE = "in_scope"
    SAFETY_NET = "safety_net"
    NOT_COVERED = "not_covered"
    OFF_TOPIC = "off_topic"
    ABOUT_ASSISTANT = "about_assistant"
    UNCLEAR = "unclear"
    DISTRESS = "distress"


class Outcome(StrEnum):
    """What the message got.

    ABSTAINED means that the articles do not say; REFUSED that the policy forbids it;
    REDIRECTED that a person or a service is the right address.
    """

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    REDIRECTED = "redirected"
    REFUSED = "refused"


_REDIRECTED: Final = frozenset({Outcome.REDIRECTED})
_ABSTAINED: Final = frozenset({Outcome.ABSTAINED})
OUTCOMES: Final[Mapping[Kind, frozenset[Outcome]]] = {
    Kind.EMERGENCY: _REDIRECTED,
    Kind.CRISIS: _REDIRECTED,
    Kind.URGENT: _REDIRECTED,
    Kind.CONDITIONAL: _REDIRECTED,
    Kind.INJECTION: frozenset({Outcome.ANSWERED, Outcome.REFUSED}),
    Kind.HARMFUL: frozenset({Outcome.REFUSED}),
    Kind.DIAGNOSIS: frozenset({Outcome.ANSWERED, Outcome.REDIRECTED}),
    Kind.MEDICATION: _REDIRECTED,
    Kind.PERSONAL_PLAN: frozenset({Outcome.ANSWERED, Outcome.ABSTAINED}),
    Kind.IN_SCOPE: frozenset({Outcome.ANSWERED, Outcome.ABSTAINED}),
    Kind.SAFETY_NET: _REDIRECTED,
    Kind.NOT_COVERED: _ABSTAINED,
    Kind.OFF_TOPIC: _ABSTAINED,
    Kind.ABOUT_ASSISTANT: _ABSTAINED,
    Kind.UNCLEAR: _ABSTAINED,
    Kind.DISTRESS: _REDIRECTED,
}
"""Which outcomes a kind of message may have."""

REDIRECTED_WITH_STATEMENTS: Final = frozenset({Kind.URGENT, Kind.CONDITIONAL, Kind.MEDICATION})
"""The kinds that may carry general information, cited, below the notice that redirects."""


def outcome_unanswered(kind: Kind) -> Outcome:
    """What a message of this kind gets where no sentence answers it."""
    return next(outcome for outcome in OUTCOMES[kind] if outcome is not Outcome.ANSWERED)


class EvidenceTag(StrEnum):
    """What a sentence rests on, as far as its article shows."""

    REVIEW = "systematic review cited"
    UNSOURCED = "no source cited"
    THEORY = "the author's own theory"
    INSTRUCTION = "definition or instruction"


class BlockKind(StrEnum):
    """What a stretch of lines is in its article."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    NUMBERED = "numbered item"
    BULLET = "bullet"
    LABELLED = "labelled block"
    REFERENCE = "reference"


class Decision(StrEnum):
    """A check's result. UNDECIDED is treated as the safe side by whoever reads it."""

    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"


class StatementRole(StrEnum):
    """How a statement stands in its answer; only the rendering reads it."""

    ANSWER = "answer"
    QUALIFIES = "qualifies"
    ALSO = "also"
    DIFFERS = "differs"
    ITEM = "item"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of code points in one article: ``text[start:end]``."""

    article_id: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"empty or negative span {self.start}-{self.end}")

    @property
    def id(self) -> str:
        """Where it lies, ``article:start-end``; the id of passages and citations."""
        return f"{self.article_id}:{self.start}-{self.end}"

    def overlaps(self, other: Span) -> bool:
        """Whether both share at least one code point of the same article."""
        return (
            self.article_id == other.article_id
            and self.start < other.end
            and other.start < self.end
        )

    def contains(self, other: Span) -> bool:
        """Whether `other` lies wholly inside."""
        return (
            self.article_id == other.article_id
            and self.start <= other.start
            and other.end <= self.end
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stretch of a file that is not the article; never quoted, never shown."""

    span: Span
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph, list item, labelled block or reference as it stands in the file.

    `span` covers the words that may be shown, without bullet or number; `marker` is what stood
    before them (``"1."``, ``"•"``, ``"How"``), `level` a heading's depth (0 for a post's title).
    """

    kind: BlockKind
    span: Span
    section: tuple[str, ...]
    marker: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, list item or title that may be quoted; never touches left-out text.

    `owner` is the heading or item that the sentence makes no sense without (the exercise of a
    ``How:`` line), `references` the numbers of the references it names.
    """

    span: Span
    block: int
    section: tuple[str, ...]
    evidence_tag: EvidenceTag
    owner: str = ""
    references: tuple[int, ...] = ()
    quotable: bool = True


@dataclass(frozen=True, slots=True)
class Original:
    """The file that an article was read from, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Article:
    """One text, exactly as decoded or as extracted from its file, and what is known of it.

    `sha256` is that of `text`; a ``.txt`` file has the same. `claims_rest_on` names the words that
    show it; unknown facts are ``"not stated"``. `pages` are the offsets at which the pages of a
    PDF start, the first page first; empty for other formats.
    """

    id: str
    title: str
    text: str
    sha256: str
    source_kind: str = NOT_STATED
    claims_rest_on: str = NOT_STATED
    author: str = NOT_STATED
    date: str = NOT_STATED
    address: str = NOT_STATED
    blocks: tuple[Block, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    original: Original | None = None
    pages: tuple[int, ...] = ()

    def quote(self, span: Span) -> str:
        """The exact words at `span`."""
        return self.text[span.start : span.end]

    def touched(self, span: Span) -> range:
        """The numbers of the sentences that the span touches, in order."""
        first = bisect_right(self.sentences, span.start, key=lambda s: s.span.end)
        return range(first, bisect_left(self.sentences, span.end, key=lambda s: s.span.start))


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole sentences of one section: what retrieval finds and an answer may quote.

    `embedded_text` carries title and headings besides the words; it is never quoted.
    """

    span: Span
    section: tuple[str, ...]
    quote: str
    embedded_text: str

    @property
    def id(self) -> str:
        return self.span.id


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for one query.

    `rank` counts from 1. `similarity` is the cosine in [-1, 1] of query and embedded text,
    higher is nearer. `score` in [0, 1] is the fused score that the order follows.
    """

    passage: Passage
    rank: int
    similarity: float
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an answer may draw on, with the query that was really searched.

    `together` are ids of passages that a written question very near to this one says are one
    answer; `disagreement` is the id of the disagreement that the question is about, or ``""``.
    """

    query: str
    hits: tuple[Hit, ...]
    together: tuple[str, ...] = ()
    disagreement: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: the rule and the reason are always both there."""

    rule: str
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of the conversation; `role` is ``"user"`` or ``"assistant"``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact words of an article and where they stand. Made by ``citations`` only.

    `page` counts from 1, and is None where the article has no pages.
    """

    span: Span
    quote: str
    title: str
    section: tuple[str, ...]
    sha256: str
    evidence_tag: EvidenceTag
    page: int | None = None

    @property
    def id(self) -> str:
        return self.span.id


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of the answer, never without a citation.

    In an extractive answer `text` is the quote itself. `lead` holds fixed connecting words
    (an exercise's name, "Also in …"), which are not the article's and must look different.
    So must `text` where it is a language model's (`reworded`).
    """

    text: str
    citations: tuple[Citation, ...]
    role: StatementRole = StatementRole.ANSWER
    lead: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a statement needs words")
        if not self.citations:
            raise ValueError("a statement needs a citation")

    @property
    def reworded(self) -> bool:
        """Whether the words are a model's and not those of a quote that it cites."""
        return all(self.text != citation.quote for citation in self.citations)


@dataclass(frozen=True, slots=True)
class Choice:
    """A quote that a language model may choose, and what has to stand right after it.

    `sentences` are those of the quote, each by itself. `along` is what takes something back, or
    what the source behind a strong claim found.
    """

    statement: Statement
    sentences: tuple[Citation, ...]
    along: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A fixed text of the policy; `kind` is a message kind or a duty's name."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is said to one message; nothing is pre-rendered.

    The disclaimer is not a parameter: an answer without it, or with another one, cannot be
    built. `statements` are empty unless the outcome is answered, or redirected with general
    information below the notice; `nearest` is filled only when abstained, and is not an answer.
    `generator` is ``extractive``, or how a language model had a part in it and which one:
    ``arrange: provider:name`` where each word is still the articles', ``rephrase: provider:name``.
    """

    question: str
    query: str
    kind: Kind
    outcome: Outcome
    notices: tuple[Notice, ...] = ()
    statements: tuple[Statement, ...] = ()
    nearest: tuple[Citation, ...] = ()
    suggestions: tuple[str, ...] = ()
    generator: str = EXTRACTIVE
    timings_ms: Mapping[str, float] = field(default_factory=dict, compare=False)
    disclaimer: str = field(default=DISCLAIMER, init=False)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES[self.kind]:
            raise ValueError(f"{self.kind} cannot be {self.outcome}")
        if self.outcome is Outcome.ANSWERED and not self.statements:
            raise ValueError("an answered Answer needs a cited statement")
        may_state = self.outcome is Outcome.ANSWERED or self.kind in REDIRECTED_WITH_STATEMENTS
        if self.statements and not may_state:
            raise ValueError(f"no statement stands on {self.kind}, {self.outcome}")
        if self.nearest and self.outcome is not Outcome.ABSTAINED:
            raise ValueError("nearest passages are shown only when abstaining")

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Those that statements name, each once, in order of first use."""
        return tuple(dict.fromkeys(c for s in self.statements for c in s.citations))


@dataclass(frozen=True, slots=True)
class CitationContext:
    """A citation in its place: the sentences around it, and the references that it names.

    `moved_from` is the id that was asked for, where the article has changed since and the same
    words now stand elsewhere in it; else ``""``.
    """

    citation: Citation
    before: str
    after: str
    paragraph: str
    references: tuple[Citation, ...] = ()
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """Who says this.

    Attributes:
        similarities: cosines in [-1, 1], aligned with `says`.
        near: sentences about the same of which none says it, where none does at all.
    """

    claim: str
    says: tuple[Citation, ...]
    says_otherwise: tuple[Citation, ...]
    similarities: tuple[float, ...] = ()
    near: tuple[Citation, ...] = ()
    disclaimer: str = field(default=DISCLAIMER, init=False)
