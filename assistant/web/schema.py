"""What goes over the border as JSON: requests, which are checked, and replies, for the schema.

The replies are made by ``assistant.render``; a test holds that both say the same. Pydantic's home.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from assistant.citations import CITATION_ID
from assistant.types import DISCLAIMER, EvidenceTag, Kind, Outcome, StatementRole

MAX_TURNS: Final = 200
MAX_CLAIM_CHARS: Final = 2000
MAX_ID_CHARS: Final = 300
EXAMPLE_ID: Final = "gluteus-medius-rehab:763-851"
ID_FORM: Final = {"pattern": f"^{CITATION_ID}$"}
"""Told in the schema; `Service.cite` checks it, and says what an id looks like."""


def _check_whole(text: str) -> str:
    """JSON may hold half a character; no file and no reply can."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("half_character", "the text has half a character in it")
    return text


Text = Annotated[str, AfterValidator(_check_whole)]
Disclaimer = Annotated[str, Field(examples=[DISCLAIMER], description="In every reply.")]


class _Request(BaseModel):
    """A wrong name is told, not ignored: a `histroy` that is dropped would change the answer."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Turn(BaseModel):
    """One earlier turn of the conversation."""

    model_config = ConfigDict(strict=True)
    role: Literal["user", "assistant"]
    content: Text


class AskRequest(_Request):
    """A question in the person's own words, with what was said before it, oldest first."""

    question: Text = Field(examples=["What does the gluteus medius do?"])
    history: list[Turn] | None = Field(None, max_length=MAX_TURNS)


class CiteRequest(_Request):
    """The id of a citation, as an answer has given it; `@` and 8 digits of its hash may follow."""

    id: Text = Field(max_length=MAX_ID_CHARS, examples=[EXAMPLE_ID], json_schema_extra={**ID_FORM})


class ClaimRequest(_Request):
    """A sentence to look for in the articles."""

    text: Text = Field(max_length=MAX_CLAIM_CHARS, examples=["The gluteus medius keeps us level."])


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Notice(_Reply):
    """A fixed text of the policy; show it before anything else."""

    kind: str
    text: str


class Statement(_Reply):
    """One sentence of the answer; `lead` are connecting words, which are not the article's."""

    text: str
    citations: list[str] = Field(description="Ids; never none.", min_length=1)
    role: StatementRole
    lead: str
    reworded: bool = Field(
        description="In a language model's words; the quotes it rests on are its citations."
    )


class Citation(_Reply):
    """Exact words of an article: its text from `start` to `end`, in code points, half-open."""

    id: str = Field(examples=[EXAMPLE_ID])
    article: str
    title: str
    section: list[str] = Field(description="The headings it stands under, outermost first.")
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    quote: str
    sha256: str = Field(description="Of the article's file.", pattern="^[0-9a-f]{64}$")
    evidence_tag: EvidenceTag
    page: int | None = Field(
        None, ge=1, description="Of a PDF, the page that it starts on; left out elsewhere."
    )


class Answer(_Reply):
    """An answer in the articles' own sentences, or a plain word that there is none."""

    question: str
    query: str = Field(description="What was searched; a follow-up is made whole.")
    kind: Kind = Field(description="What the message is.")
    outcome: Outcome
    notices: list[Notice]
    statements: list[Statement]
    citations: list[Citation] = Field(description="Those that statements name, each once.")
    nearest: list[Citation] = Field(
        description="What comes nearest where the articles do not answer; not an answer."
    )
    suggestions: list[str] = Field(description="Questions that are known to be answered.")
    disclaimer: Disclaimer
    generator: str
    timings_ms: dict[str, float]


class Context(Citation):
    """A citation in its place."""

    link: str = Field(description="The id with the first 8 digits of the file's hash.")
    moved_from: str | None = Field(
        None, description="The id asked for, where the article has changed; left out elsewhere."
    )
    before: str
    after: str
    paragraph: str
    references: list[Citation]
    disclaimer: Disclaimer


class Says(Citation):
    """A sentence that says it."""

    similarity: float = Field(description="Cosine in [-1, 1], higher is nearer.")


class Claim(_Reply):
    """Which sentences of the articles say this and which say otherwise; perhaps none.

    `near` are about the same and do not say it; they are given where no sentence says it.
    """

    claim: str
    says: list[Says]
    says_otherwise: list[Citation]
    near: list[Citation]
    disclaimer: Disclaimer


class Article(_Reply):
    """An article and what is known of it; unknown facts are "not stated"."""

    id: str
    title: str
    sha256: str
    source_kind: str
    claims_rest_on: str
    author: str
    date: str
    address: str
    sentences: int


class Articles(_Reply):
    """All that an answer can be made of."""

    articles: list[Article]
    disclaimer: Disclaimer


class ErrorDetail(_Reply):
    """`code` is for programs, `message` for people."""

    code: str
    message: str


class Error(_Reply):
    """Why there is no answer."""

    error: ErrorDetail
    disclaimer: Disclaimer


_NAMES: Final = frozenset({"question", "history", "role", "content", "id", "text"})


def name_problems(errors: Iterable[Mapping[str, Any]]) -> str:
    """What does not fit, for people; names of ours and places only, no word of the request."""
    found = []
    for error in errors:
        where = ".".join(
            str(part) if isinstance(part, int) or part in _NAMES else "another name"
            for part in error["loc"]
            if part not in ("body", "query")
        )
        if error["type"] in ("model_attributes_type", "model_type", "dict_type"):
            reason = "give a JSON object, with the content type application/json"
        elif error["type"] == "extra_forbidden":
            reason = "there is no such field"
        else:
            message = str(error["msg"])
            reason = message[:1].lower() + message[1:]
        found.append(f"{where}: {reason}" if where else reason)
    return "; ".join(dict.fromkeys(found[:5]))


def problems_of(error: ValidationError) -> str:
    """`name_problems` of one of pydantic's errors."""
    return name_problems([dict(row) for row in error.errors(include_input=False)])
