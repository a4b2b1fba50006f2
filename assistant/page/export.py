"""A conversation to take along: Markdown, a page of its own, and JSON that can be verified.

All three are made from the `Answer` objects of the session, never from what a browser sends.
Markdown and HTML are two prints of one sequence of parts, in which nobody's words are markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape as escape_html
from itertools import groupby
from typing import Any, Final

from assistant.page.markup import STATIC, section, showable, text
from assistant.page.statements import place_of, whose_words
from assistant.render import answer_to_json
from assistant.types import DISCLAIMER, Answer, Citation, StatementRole
from assistant.verify import EXPORT_FORMAT

VERSION: Final = 1
FORMS: Final = {
    "md": "text/markdown",
    "html": "text/html",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to save: its name, media type and text."""

    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the document; `style` is ``title``, ``question``, ``note``, ``label``,
    ``quote``, ``reworded`` (a language model's words), ``exact`` (the quote below them),
    ``nearest`` or ``source``, `marks` the numbers of the citations after it.
    """

    style: str
    words: str
    marks: str = ""


def export(answers: Sequence[Answer], form: str, at: datetime) -> Exported:
    """The conversation in one of `FORMS`; also without an answer it holds the disclaimer.

    Args:
        at: when it is exported, with its time zone.
    """
    name = f"{text('export.file')}-{at:%Y-%m-%d-%H%M}.{form}"
    if form == "json":
        return Exported(name, FORMS[form], _to_json(answers, at))
    parts = list(_iter_parts(answers, at))
    printed = _to_markdown(parts) if form == "md" else _to_html(parts)
    return Exported(name, FORMS[form], printed)


def _to_json(answers: Sequence[Answer], at: datetime) -> str:
    """As ``knee-hip verify`` reads it; ASCII, so that no encoding can change a quote."""
    found: dict[str, Any] = {
        "format": EXPORT_FORMAT,
        "version": VERSION,
        "exported": at.isoformat(timespec="seconds"),
        "disclaimer": DISCLAIMER,
        "answers": [answer_to_json(answer) for answer in answers],
    }
    return json.dumps(found, indent=1) + "\n"


def _iter_parts(answers: Sequence[Answer], at: datetime) -> Iterator[_Part]:
    yield _Part("title", text("export.title"))
    yield _Part("note", text("export.date", date=f"{at:%d %B %Y, %H:%M} {at.tzname() or ''}"))
    yield _Part("note", DISCLAIMER)
    for answer in answers:
        yield _Part("question", answer.question.strip() or text("turn.empty"))
        yield from _iter_answer(answer)


def _iter_answer(answer: Answer) -> Iterator[_Part]:
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    for notice in answer.notices:
        if notice.kind in section("care"):
            yield _Part("label", section("care")[notice.kind])
        yield _Part("note", notice.text)
    for differs, statements in groupby(
        answer.statements, key=lambda s: s.role is StatementRole.DIFFERS
    ):
        if differs:
            yield _Part("label", text("answer.differs"))
        lead = ""
        for statement in statements:
            above = statement.lead or text("answer.within", title=statement.citations[0].title)
            if above != lead:
                yield _Part("label", above)
            lead = above
            marks = "".join(f"[{numbers[c]}]" for c in statement.citations)
            if not statement.reworded:
                yield _Part("quote", statement.text, marks)
                continue
            yield _Part("reworded", statement.text, marks)
            for citation in statement.citations:
                yield _Part("exact", citation.quote, f"[{numbers[citation]}]")
    if whose_words(answer):
        yield _Part("note", whose_words(answer))
    if numbers:
        yield _Part("label", text("answer.sources"))
    for citation, number in numbers.items():
        yield _Part("source", _source(citation), f"[{number}]")
    if answer.nearest:
        yield _Part("label", f"{text('answer.nearest')} {text('answer.nearest_not')}")
    for citation in answer.nearest:
        yield _Part("nearest", citation.quote)
        yield _Part("source", _source(citation))
    yield _Part("note", answer.disclaimer)


def _source(citation: Citation) -> str:
    place = f" › {place_of(citation)}" if place_of(citation) else ""
    return (
        f"{citation.title}{place} · {citation.evidence_tag.value} · "
        f"{citation.id}@{citation.sha256[:8]} · SHA-256 {citation.sha256}"
    )


# What Markdown would read as markup, wherever it stands; a backslash makes it a character.
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|~&$])|(?m:^)([^\S\n]*)([-+=]|\d+(?=[.)]))")


def _to_markdown(parts: Sequence[_Part]) -> str:
    out = []
    for part in parts:
        words = _MARKDOWN.sub(_literal, showable(part.words).strip())
        if part.style in ("title", "question"):
            words = " ".join(words.split())
            out.append(f"{'#' if part.style == 'title' else '##'} {words}")
        elif part.style in ("quote", "exact", "nearest"):
            out.append(
                "\n".join(f"> {line}" for line in f"{words} {part.marks}".strip().split("\n"))
            )
        elif part.style == "label":
            out.append(f"**{' '.join(words.split())}**")
        elif part.style == "reworded":
            out.append(f"{words} {part.marks}")
        else:
            out.append(f"{part.marks} {words}".strip())
    return "\n\n".join(out) + "\n"


def _literal(found: re.Match[str]) -> str:
    if found[1]:
        return f"\\{found[1]}"
    start, what = found[2], found[3]
    return f"{start}{what}&#8203;" if what.isdigit() else f"{start}\\{what}"


_TAGS: Final = {
    "title": "h1",
    "question": "h2",
    "label": "h3",
    "note": "p",
    "quote": "blockquote",
    "reworded": "p",
    "exact": "blockquote",
    "nearest": "blockquote",
    "source": "p",
}


def _to_html(parts: Sequence[_Part]) -> str:
    """One file that loads nothing and runs nothing, which its own policy says too."""
    style = (STATIC / "export.css").read_text("utf-8")
    body = ""
    for part in parts:
        tag = _TAGS[part.style]
        words = escape_html(showable(part.words).strip())
        marks = f" <b>{escape_html(part.marks)}</b> " if part.marks else ""
        inner = f"{marks.lstrip()}{words}" if part.style == "source" else f"{words}{marks.rstrip()}"
        body += f'<{tag} class="{part.style}"><bdi>{inner}</bdi></{tag}>\n'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape_html(text('export.title'))}</title><style>{style}</style></head>"
        f"<body><main>\n{body}</main></body></html>\n"
    )
