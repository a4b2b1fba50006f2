"""What a page's tags would cost its parsers, told before they are asked.

Libxml2 and trafilatura compare things pairwise, of which a crafted page may have any number; the
limits keep the worst page that was found to about half a minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from assistant.errors import CorpusError

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_ELEMENTS: Final = 20_000
"""Of a page; trafilatura's helpers compare short pieces with all before and behind them."""
MAX_IN_LINE: Final = 4_000
"""Elements between two that part the text: trafilatura dissolves them, and looks back over all the
pieces of text for each."""
MAX_ATTRIBUTES: Final = 500
"""Of one tag, which the parser compares with one another; a page's tag has a dozen."""

_PARTS: Final = frozenset("p br div li dd dt td th h1 h2 h3 h4 h5 h6 blockquote".split())
_OPENS: Final = re.compile(
    r"<(?:(?P<comment>!--)|(?P<other>[!?]|/(?![a-zA-Z]))|(?P<tag>/?[a-zA-Z][^ \t\n\f\r/>]*))"
)
_COMMENT_ENDS: Final = re.compile(r"--!?>")
_EMPTY_COMMENTS: Final = (">", "->")
_ATTRIBUTE: Final = re.compile(
    r"[ \t\n\f\r/]*[^ \t\n\f\r/>][^ \t\n\f\r/>=]*"
    r"(?:[ \t\n\f\r]*=[ \t\n\f\r]*"
    r"(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*)?)?"
)
_CLOSED: Final = re.compile(r"[ \t\n\f\r/]*/>")
_LOWERED: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_RAW: Final = frozenset("script style textarea title xmp iframe noembed noframes".split())
"""What stands in these elements is text, up to their own end tag."""


def check_elements(page: _Element) -> None:
    """Raise a `CorpusError` where a page has too many elements."""
    if any(number > MAX_ELEMENTS for number, _ in enumerate(page.iter(), start=1)):
        raise CorpusError(f"a page of more than {MAX_ELEMENTS} elements; split it")


def check_in_line(page: _Element) -> None:
    """Raise a `CorpusError` where too many elements follow one another in a line of text."""
    run = 0
    for element in page.iter():
        run = 0 if element.tag in _PARTS else run + 1
        if run > MAX_IN_LINE:
            raise CorpusError(
                f"more than {MAX_IN_LINE} tags in a row without a paragraph; save the page's text "
                "as .txt"
            )


def check_attributes(text: str) -> None:
    """Raise a `CorpusError` where a tag has too many attributes."""
    for at, count in iter_attribute_counts(text):
        if count > MAX_ATTRIBUTES:
            raise CorpusError(
                f"a tag with {count} attributes at character {at}; save the page's text as .txt"
            )


def iter_attribute_counts(text: str) -> Iterator[tuple[int, int]]:
    """Where each tag starts, and how many attributes it has at most.

    Tags are read as the HTML standard and libxml2 read them, in time that grows with the length
    alone. There may be a tag where the parser sees none, never the reverse.
    """
    lowered = text.translate(_LOWERED)
    at = 0
    while found := _OPENS.search(text, at):
        at = _behind_no_tag(text, found)
        if found["tag"]:
            count = 0
            while attribute := _ATTRIBUTE.match(text, at):
                at = attribute.end()
                count += 1
            yield found.start(), count
            name = found["tag"].lower()
            if name in _RAW and not _CLOSED.match(text, at):
                at = lowered.find(f"</{name}", at)
        if at < 0:
            return


def _behind_no_tag(text: str, found: re.Match[str]) -> int:
    """Where to go on: behind a comment or declaration, or at a tag's attributes; -1 at the end."""
    if found["comment"]:
        for short in _EMPTY_COMMENTS:
            if text.startswith(short, found.end()):
                return found.end() + len(short)
        end = _COMMENT_ENDS.search(text, found.end())
        return end.end() if end else -1
    if found["other"]:
        at = text.find(">", found.end())
        return at + 1 if at >= 0 else -1
    return found.end()
