"""What the source panel asks for: the list of articles, one article at a place, who says a claim.

Each comes as a `Reading`, markup for the panel that is also the body of a page of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from assistant.errors import CitationChangedError, CitationError
from assistant.page import shell
from assistant.page.markup import text
from assistant.page.session import AssistantProtocol
from assistant.types import Article, Citation, Span

MAX_CLAIM_CHARS: Final = 2000

# An id as answers and links carry it: `article:start-end`, perhaps with `@` and a hash.
_PLACE: Final = r"(\d{1,9}-\d{1,9}(?:@[0-9a-f]{8})?)"
_ID: Final = re.compile(rf"(?:^|=)([^\s:=@]+):{_PLACE}$")
# The address of an article at a place, as a link without scripts has it.
_READ: Final = re.compile(rf"/read/([^\s/?]+)\?at={_PLACE}(?:[&#]\S*)?$")


@dataclass(frozen=True, slots=True)
class Reading:
    """A title, markup, and the status that it is sent with."""

    title: str
    body: str
    status: int = 200


def read_list(assistant: AssistantProtocol | None, missing: str = "") -> Reading:
    """All articles; `missing` is a sentence about what was asked for and is not there."""
    if assistant is None:
        body = shell.render_reading_list({}, text("panel.not_ready"))
        return Reading(text("panel.list"), body, 503)
    body = shell.render_reading_list(assistant.articles, missing)
    return Reading(text("panel.list"), body, 404 if missing else 200)


def read_article(
    assistant: AssistantProtocol | None, article_id: str, at: str = "", also: str = ""
) -> Reading:
    """An article with the words at `at` (``start-end``) marked, and those at `also` lightly."""
    article = assistant.articles.get(article_id) if assistant else None
    if assistant is None or article is None:
        return read_list(assistant, text("panel.no_article"))
    cited: Citation | None = None
    note = ""
    if at:
        try:
            found = assistant.cite(f"{article_id}:{at}")
        except CitationChangedError as error:
            now = assistant.cite(error.now_id).citation if error.now_id else None
            return Reading(text("panel.list"), shell.render_changed(error.was, now), 404)
        except CitationError:
            return read_list(assistant, text("panel.missing"))
        cited, note = found.citation, text("panel.moved") if found.moved_from else ""
    body = shell.render_reading(article, cited, _parse_spans(also, article), note)
    return Reading(article.title, body)


def read_claim(assistant: AssistantProtocol | None, claim: str) -> Reading:
    """Who says `claim`, who says otherwise; an id or a link to a citation opens its place."""
    if assistant is None:
        return read_list(None)
    claim = claim.strip()
    if _find_place(claim):
        return read_link(assistant, claim)
    if not claim:
        return read_look_up()
    body = shell.render_claim(assistant.claim(claim[:MAX_CLAIM_CHARS]))
    return Reading(text("claim.heading"), body)


def read_link(assistant: AssistantProtocol | None, link: str) -> Reading:
    """The place that an id or a link to a citation names, in its article."""
    place = _find_place(link.strip())
    if assistant is None or place is None:
        return read_list(assistant, text("panel.missing"))
    return read_article(assistant, *place)


def read_look_up() -> Reading:
    """Where a sentence is traced and a citation looked up."""
    return Reading(text("claim.heading"), shell.render_look_up())


def _find_place(given: str) -> tuple[str, str] | None:
    """Article and place, ``start-end`` perhaps with a hash, that an id or a link names."""
    given = unquote(given)
    found = _ID.search(given) or _READ.search(given)
    return (found[1], found[2]) if found else None


def _parse_spans(raw: str, article: Article) -> list[Span]:
    """Those of ``start-end,start-end`` that lie in the article; the rest is left out."""
    found = []
    for pair in raw.split(",")[:64]:
        start, _, end = pair.partition("-")
        if len(pair) < 24 and start.isdecimal() and end.isdecimal():
            low, high = int(start), int(end)
            if low < high <= len(article.text):
                found.append(Span(article.id, low, high))
    return found
