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

_REFERENCES: Final = {
    ord(character): f"&#{ord(character)};" for character in "&<>\"'${}`\\"
}
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


def prose(raw: str) -> str:
    """A fixed policy text as paragraphs and lists: blank lines and leading dashes only."""
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", showable(raw).strip()):
        items: list[str] = []
        lines: list[str] = []
        for line in paragraph.split("\n"):
            bullet = re.match(r"\s*[-•*]\s+(.*)", line)
            if bullet:
                items.append(f"<li>{escape(bullet[1])}</li>")
            elif items:
                items[-1] = items[-1].removesuffix("</li>") + f" {escape(line.strip())}</li>"
            elif line.strip():
                lines.append(escape(line.strip()))
        if lines:
            out.append(f"<p>{'<br>'.join(lines)}</p>")
        if items:
            out.append(f"<ul>{''.join(items)}</ul>")
    return "".join(out)
