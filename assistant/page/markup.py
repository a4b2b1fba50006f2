"""Escaped markup and the page's fixed texts; the one place where words become HTML.

Every word of a question, an article, a title or an id passes `escape`. Besides HTML's own
characters it turns ``$``, ``{``, ``}`` and the backquote into references, because Gradio's
HTML component evaluates its template as a JavaScript template literal.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"

_REFERENCES: Final = {ord(character): f"&#{ord(character)};" for character in "&<>\"'${}`\\"}
# C0 and C1 controls without tab and newline, lone surrogates, and the marks that reorder or
# hide the text around them (embeddings, overrides, isolates, byte order mark).
_UNSHOWABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def showable(text: str) -> str:
    """`text` with line ends as newlines and every unshowable character as U+FFFD."""
    return _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape(text: str) -> str:
    """`text` for an element's content or a quoted attribute; nothing in it is interpreted."""
    return showable(text).translate(_REFERENCES)


@cache
def _texts() -> dict[str, dict[str, str]]:
    with (Path(__file__).parent / "texts.toml").open("rb") as file:
        return tomllib.load(file)


def section(name: str) -> dict[str, str]:
    """All texts of one section of ``texts.toml``, in order."""
    return _texts()[name]


def text(key: str, **values: object) -> str:
    """The fixed text ``section.name``, with its places filled in; not yet escaped."""
    name, _, rest = key.partition(".")
    found = _texts()[name][rest]
    return found.format(**values) if values else found


def words(key: str, **values: object) -> str:
    """The fixed text ``section.name``, escaped."""
    return escape(text(key, **values))


# What stands in quotes is whole: a title may have any mark in it.
_ITEM: Final = r"(?:“[^”]*”|[^.:;“])+"
_LISTED: Final = re.compile(rf"([^.:;]+:)\s*({_ITEM}(?:;{_ITEM}){{2,}})\.\s*")
_REACH: Final = re.compile(
    r"(?<!\d)(?:\d{3,5}(?: \d{2,4})*|\d{2}(?: \d{2,4})+)(?!\d)|\bfindahelpline\.com\b"
)
_BY_TEXT: Final = re.compile(r"(?<!call or )text\s*$|\bto\s*$", re.I)


def prose(raw: str) -> str:
    """A fixed policy text as paragraphs: its words unchanged, its lists as lists.

    ``Go now if: a; b; c.`` becomes a list, and a blank line a new paragraph. Numbers that can be
    called are links to call them.
    """
    return "".join(_paragraph(part) for part in _parts(raw))


def care(raw: str) -> str:
    """As `prose`, with what to do first, the first sentence, by itself."""
    first, *rest = _parts(raw)
    sentence, _, more = re.sub(r"([.!?])\s+(?=[A-Z])", r"\1\n", first, count=1).partition("\n")
    listed = _LISTED.match(first)
    if listed or not more:
        return _paragraph(first).replace("<p>", '<p class="first">', 1) + "".join(
            _paragraph(part) for part in rest
        )
    return f'<p class="first">{reachable(sentence)}</p>{"".join(map(_paragraph, [more, *rest]))}'


def _parts(raw: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", showable(raw)) if part.strip()] or [""]


def _paragraph(part: str) -> str:
    out: list[str] = []
    at = 0
    for listed in _LISTED.finditer(part):
        out.append(_lines(part[at : listed.start()]))
        items = "".join(
            f"<li>{reachable(item.strip())}</li>" for item in re.findall(_ITEM, listed[2])
        )
        out.append(f"<p>{reachable(listed[1].strip())}</p><ul>{items}</ul>")
        at = listed.end()
    out.append(_lines(part[at:]))
    return "".join(out)


def _lines(part: str) -> str:
    """Lines as they are; those that begin with a dash or bullet as a list."""
    lines = [line.strip() for line in part.split("\n") if line.strip()]
    bullets = [re.match(r"[-•*]\s+(.*)", line) for line in lines]
    said = [reachable(line) for line, b in zip(lines, bullets, strict=True) if not b]
    items = "".join(f"<li>{reachable(b[1])}</li>" for b in bullets if b)
    paragraph = f"<p>{'<br>'.join(said)}</p>" if said else ""
    return paragraph + (f"<ul>{items}</ul>" if items else "")


def reachable(part: str) -> str:
    """Escaped, with numbers to call and the one help page as links."""
    out: list[str] = []
    at = 0
    for found in _REACH.finditer(part):
        out.append(escape(part[at : found.start()]))
        shown = found[0]
        if not shown[0].isdigit():
            out.append(f'<a href="https://{shown}" target="_blank" rel="noreferrer">{shown}</a>')
        elif _BY_TEXT.search(part[: found.start()]):
            out.append(shown)
        else:
            out.append(f'<a href="tel:{shown.replace(" ", "")}">{shown}</a>')
        at = found.end()
    out.append(escape(part[at:]))
    return "".join(out)
