"""What a page keeps from its readers' eyes by an element's own attributes or its own style rules.

Words that nobody sees are a known way to put something into a machine's mouth, so they are no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

_FONT_PIXELS: Final = 2.0
_OFF_SCREEN: Final = -400.0
_PIXELS: Final = {"": 1.0, "px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "%": 0.16}
_LENGTH: Final = re.compile(r"(-?\d*\.?\d+)(px|pt|em|rem|%|)")
_OFFSETS: Final = ("text-indent", "left", "top", "right", "bottom", "margin-left", "margin-top")
_SELECTOR: Final = re.compile(r"([a-z][a-z0-9]*)?(?:([.#])([\w-]+))?", re.I)
_NAMED: Final = {"white": "ffffff", "black": "000000", "snow": "fffafa", "ivory": "fffff0"}
PAGE: Final = "ffffff"
"""The background where no element says otherwise."""

Style = Mapping[str, str]


def read_style(css: str) -> dict[str, str]:
    """Declarations by property, in lower case; the last one of a property counts."""
    found = {}
    for declaration in css.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


def hides(attributes: Mapping[str, str], style: Style, background: str = PAGE) -> bool:
    """Whether an element with these attributes and this style shows nothing of what it holds."""
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    if re.fullmatch(r"0*\.?0+%?", style.get("opacity", "")):
        return True
    if (size := _pixels(style.get("font-size", ""))) is not None and size < _FONT_PIXELS:
        return True
    if any((at := _pixels(style.get(o, ""))) is not None and at <= _OFF_SCREEN for o in _OFFSETS):
        return True
    color = read_color(style.get("color", ""))
    return color == "transparent" or (bool(color) and color == background)


def background_of(style: Style, inherited: str) -> str:
    """The background that an element's words stand on; ``""`` where a picture makes it unknown."""
    value = style.get("background-color") or style.get("background", "")
    if not value:
        return inherited
    color = next(filter(None, map(read_color, value.split())), "") or read_color(value)
    if color == "transparent":
        return inherited
    return color


def read_color(value: str) -> str:
    """Six hexadecimal digits, ``"transparent"``, or ``""`` for a colour that is not understood."""
    value = _NAMED.get(value.strip().lower(), value.strip().lower().removeprefix("#"))
    if match := re.fullmatch(r"rgba?\((\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)%?)?\)", value):
        if match[4] and not match[4].strip("0."):
            return "transparent"
        return "".join(f"{min(int(part), 255):02x}" for part in match.groups()[:3])
    if re.fullmatch(r"[0-9a-f]{3}", value):
        return "".join(digit * 2 for digit in value)
    if re.fullmatch(r"[0-9a-f]{6}", value) or value == "transparent":
        return value
    return ""


def hiding_selectors(css: str) -> set[tuple[str, str, str]]:
    """(tag, ``.`` or ``#``, name) of the simple selectors whose rules hide an element outright.

    Rules inside of ``@media`` and the like do not count: they speak of other devices.
    """
    found = set()
    for selectors, body in _iter_rules(css):
        style = read_style(body)
        # A colour in a rule says little: rules for the background may stand anywhere.
        if not hides({}, {name: value for name, value in style.items() if name != "color"}):
            continue
        for selector in selectors.split(","):
            if (match := _SELECTOR.fullmatch(selector.strip())) and match[0]:
                found.add(((match[1] or "").lower(), match[2] or "", match[3] or ""))
    return found


def _iter_rules(css: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of the outermost rules; takes time in proportion to the length."""
    first, *others = css.split("/*")
    css = first + "".join(other.partition("*/")[2] for other in others)
    start, opened = 0, 0
    selectors = ""
    for brace in re.finditer(r"[{}]", css):
        between = css[start : brace.start()]
        start = brace.end()
        if brace.group() == "{":
            if not opened:
                selectors = between.rpartition(";")[2].strip()
            opened += 1
        elif opened:
            opened -= 1
            if not opened and not selectors.startswith("@"):
                yield selectors, between


def _pixels(value: str) -> float | None:
    match = _LENGTH.fullmatch(value)
    return float(match[1]) * _PIXELS[match[2]] if match else None
