"""Markdown → text, by markdown-it. Code, pictures and raw HTML are no text; front matter says
whose the text is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from assistant.documents.files import DAMAGED
from assistant.documents.hidden import hides, read_style
from assistant.documents.writer import BULLET, Document, Writer
from assistant.errors import CorpusError

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_CHARS: Final = 4_000_000
"""Its reader takes up to 500 bytes of memory for each character; a book has a million."""
MAX_FRONT_MATTER: Final = 64_000
MAX_NESTING: Final = 100
_FRONT_MATTER: Final = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?)\n(?:\1|\.\.\.)[ \t]*(?:\n|$)", re.S)
_TAG: Final = re.compile(r"<([a-z][\w-]*)\b([^<>]*)>", re.I)
_ATTRIBUTE: Final = re.compile(r"([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")


def read_markdown(text: str) -> Document:
    """The document of a Markdown text with or without front matter (YAML or TOML).

    Raises:
        CorpusError: too long, or it cannot be read; does not name the file.
    """
    from markdown_it import MarkdownIt

    if len(text) > MAX_CHARS:
        raise CorpusError(
            f"{len(text)} characters of Markdown; a file has at most {MAX_CHARS}, split it"
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    facts, body = _split_front_matter(text)
    # What is nested more deeply than the limit is dropped; its own limit is 20 levels.
    reader = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    reader.enable(["table", "strikethrough"])
    try:
        tokens = reader.parse(body)
    except DAMAGED as error:
        raise CorpusError(
            f"Markdown that cannot be read ({type(error).__name__}); simplify it"
        ) from error
    writer = Writer()
    _write(_visible(tokens), writer)
    return writer.finish(
        structured=True,
        title=_fact(facts, "title") or writer.title,
        author=_fact(facts, "author", "authors"),
        date=_fact(facts, "date", "published", "updated"),
        address=_fact(facts, "canonical", "canonical_url", "address", "url", "source"),
    )


def _split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """What the block at the top states, and the text below it."""
    import yaml

    match = _FRONT_MATTER.match(text[:MAX_FRONT_MATTER])
    if not match:
        return {}, text
    try:
        # The base loader makes strings, lists and tables only, and leaves dates as written.
        facts = (
            yaml.load(match[2], Loader=yaml.BaseLoader)
            if match[1] == "---"
            else tomllib.loads(match[2])
        )
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError, ValueError):
        return {}, text
    return (facts, text[match.end() :]) if isinstance(facts, dict) else ({}, text)


def _fact(facts: Mapping[str, Any], *names: str) -> str:
    """The first of the names that is stated in words; of several authors, all."""
    for name in names:
        value = facts.get(name)
        values = value if isinstance(value, list) else [value]
        words = [str(v) for v in values if v is not None and not isinstance(v, dict | list)]
        if any(words):
            return ", ".join(words)
    return ""


def _visible(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without raw HTML, and without those between tags that hide what they hold."""
    kept, hiding = [], ""
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            if not hiding:
                hiding = _hiding_tag(token.content)
            elif re.search(rf"</{hiding}\b", token.content, re.I):
                hiding = ""
        elif not hiding:
            kept.append(token)
    return kept


def _hiding_tag(content: str) -> str:
    """The tag in this piece of raw HTML that hides what follows the piece, or ``""``."""
    for tag, inside in _TAG.findall(content):
        found = _ATTRIBUTE.findall(inside)
        attributes = {name.lower(): "".join(values) for name, *values in found}
        if hides(attributes, read_style(attributes.get("style", ""))):
            if not re.search(rf"</{tag}\b", content, re.I):
                return str(tag)
    return ""


def _write(tokens: Sequence[Token], writer: Writer) -> None:
    """Hand the blocks to the writer."""
    numbers: list[int | None] = []  # the next item's number of each open list; None: bullets
    marker = ""  # of the item whose first words are still to come
    rows: list[list[str]] = []
    block = ""
    for token in tokens:
        match token.type:
            case "heading_open" | "paragraph_open" | "th_open" | "td_open":
                block = token.tag
            case "bullet_list_open":
                numbers.append(None)
            case "ordered_list_open":
                numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                numbers = numbers[:-1]
            case "list_item_open" if numbers:
                number = numbers[-1]
                marker = BULLET if number is None else f"{number}. "
                numbers[-1] = number if number is None else number + 1
            case "list_item_close":
                marker = ""
            case "table_open":
                rows = []
            case "tr_open":
                rows.append([])
            case "table_close":
                writer.table(rows, has_header=True)
            case "inline":
                words = _words(token)
                if block in ("th", "td"):
                    if rows:
                        rows[-1].append(words)
                elif block != "p":
                    writer.heading(words, int(block[1]))
                elif marker:
                    writer.item(words, marker)
                    marker = ""
                else:
                    writer.paragraph(words)


def _words(token: Token) -> str:
    """The words of a paragraph, heading or cell; what is struck out is none of them."""
    words: list[str] = []
    struck = 0
    for child in _visible(token.children or ()):
        match child.type:
            case "s_open":
                struck += 1
            case "s_close":
                struck -= 1
            case "text" | "code_inline" | "text_special" if not struck:
                words.append(child.content)
            case "softbreak" if not struck:
                words.append(" ")
            case "hardbreak" if not struck:
                words.append("\n")
    return "".join(words)
