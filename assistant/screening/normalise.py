"""Text as typed → text that rules can read; and what is hidden in an encoding.

Normalising is lossy and one way: it is for matching only, never for showing. Every step is
linear in the length of the text.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

_LOOKALIKES: Final = str.maketrans(
    "авекмнорстухіјѕԁһԛԝքьгαβγεικνορτυχωϲ",
    "abekmhopctyxijsdhqwqbraβyeikvoptuxwc",
)
_PUNCTUATION: Final = str.maketrans(
    {
        "‘": "'", "’": "'", "‛": "'", "´": "'", "`": "'", "ʼ": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": ",", "—": ",", "…": ".",
        "。": ". ", "？": "? ", "！": "! ", "，": ", ", "¿": " ", "¡": " ",
    }
)  # fmt: skip
_CONTROLS: Final = {c: " " for c in range(32) if c != 10}
_MIXED_WORD: Final = re.compile(r"\w+")
_LATIN: Final = re.compile(r"[a-z]")
_SPACED: Final = re.compile(r"(?<![a-z0-9'])(?:[a-z][ .*_\-|/]){2,}[a-z](?![a-z0-9])")
_SPACED_TWICE: Final = re.compile(r"(?<![a-z0-9'])(?:[a-z] {1,4}){5,}[a-z](?![a-z0-9])")
_BLANKS: Final = re.compile(r" {2,}")
_BROKEN_WORD: Final = re.compile(r"(?<=[a-z])[*_|~](?=[a-z])")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){12,}")
_ENTITY: Final = re.compile(r"&(?:#|[a-zA-Z]{2,8};)")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_WORD: Final = re.compile(r"[a-z]+")
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_CHUNK: Final = re.compile(r"[^\s;,.!?:]{1,200}[;,.!?:]?|[;,.!?:]{1,20}")
_COMMON: Final = frozenset(
    "the a an and or of to in is it i you your my me we he she they that this for on with not "
    "all any be are was have has do does did can could will would what how why when who which "
    "if from as at by about no please tell show give ignore instructions previous rules answer "
    "reveal system prompt pain hurt hurts knee hip back leg feel want kill myself die now".split()
)
# Between colons, quotes, brackets or line breaks.
_QUOTED: Final = re.compile(r"[^:\"'()\[\]{}\n]{6,2000}")
_MIN_PRINTABLE: Final = 0.9
_REPEATS_BELOW: Final = 0.2
_MAX_PAYLOADS: Final = 20


def normalise(text: str, segment: Callable[[str], str] = str) -> str:
    """Lower-case text with disguises removed; line breaks stay.

    Compatibility forms, zero-width and control characters, accents, look-alike letters,
    spaced-out letters (``c h e s t``) and letters parted by ``*`` or ``_`` are undone;
    `segment` may part the words that were joined so (``afever`` → ``a fever``).
    """
    if not text.isascii():
        text = text.translate(_PUNCTUATION)
        text = unicodedata.normalize("NFKD", text)
        text = text.translate({ord(c): _keep(c) for c in set(text)})
        text = text.lower()
        text = _undo_lookalikes(text)
        text = _CJK.sub(r" \g<0> ", text)
    else:
        text = text.translate(_CONTROLS).lower()
    if _BROKEN_WORD.search(text):
        text = _BROKEN_WORD.sub("", text)

    def join(match: re.Match[str]) -> str:
        found = match.group()
        parts = _BLANKS.split(found)
        return " ".join(segment("".join(c for c in part if c.isalpha())) for part in parts)

    text = _SPACED_TWICE.sub(join, text)
    return _SPACED.sub(join, text)


@lru_cache(maxsize=8192)
def _keep(character: str) -> str:
    if character.isascii():
        return character if character >= " " or character == "\n" else " "
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Co", "Cs"):
        return ""
    return " " if category in ("Cc", "Zs", "Zl", "Zp") else character


def _undo_lookalikes(text: str) -> str:
    latin = len(_LATIN.findall(text))
    others = sum(n for c, n in Counter(text).items() if not c.isascii() and c.isalpha())
    mostly_latin = latin > others

    def undo(match: re.Match[str]) -> str:
        word = match.group()
        if word.isascii():
            return word
        if mostly_latin or _LATIN.search(word):
            return word.translate(_LOOKALIKES)
        return word

    return _MIXED_WORD.sub(undo, text)


def drop_repeats(text: str) -> str:
    """A long text without what it has already said twice, word for word.

    A word is left out when it and the seven before it have stood so at least twice: repeating
    a sentence a thousand times adds nothing to read.
    """
    raw = text.encode("utf-8", "replace")
    if len(zlib.compress(raw, 1)) > len(raw) * _REPEATS_BELOW:
        return text
    words = text.split()
    if len(words) * 50 < len(text):
        words = _CHUNK.findall(text)
    seen: dict[tuple[str, ...], int] = {}
    kept: list[str] = []
    for i, word in enumerate(words):
        window = tuple(words[max(0, i - 7) : i + 1])
        times = seen.get(window, 0)
        if times < 2:
            seen[window] = times + 1
            kept.append(word)
    return " ".join(kept)


def find_encoded(text: str) -> tuple[str, ...]:
    """What is legible inside base64, hexadecimal, URL or HTML encoding, rot13 or reversed text.

    Returns the decoded pieces in order, empty when nothing legible is hidden. At most 20 pieces
    of each kind are looked into.
    """
    found: list[str] = []
    if len(_PERCENT.findall(text[:20_000])) >= 2:
        found.append(unquote(text, errors="replace"))
    if _ENTITY.search(text):
        found.append(html.unescape(text))
    found.extend(_decode_all(_BASE64, text, _decode_base64))
    found.extend(_decode_all(_HEX, text, _decode_hex))
    lowered = text[:50_000].lower()
    plain = _common_share(lowered)
    if plain < 0.2 and len(lowered) >= 12:
        for other in (codecs.decode(lowered, "rot13"), lowered[::-1]):
            if _common_share(other) >= max(0.25, 2 * plain):
                found.append(other)
    elif "rot13" in lowered or "rot 13" in lowered or "backwards" in lowered:
        found.extend(_decode_all(_QUOTED, lowered, _decode_turned))
    return tuple(found)


def _decode_turned(quoted: str) -> str:
    """A part of a message in rot13 or reversed, where that makes it English."""
    plain = _common_share(quoted)
    turned = (codecs.decode(quoted, "rot13"), quoted[::-1])
    return next((other for other in turned if _common_share(other) >= max(0.25, 2 * plain)), "")


def _decode_all(pattern: re.Pattern[str], text: str, decode: object) -> list[str]:
    assert callable(decode)
    pieces: list[str] = []
    for match in pattern.finditer(text):
        piece = decode(match.group())
        if piece:
            pieces.append(piece)
        if len(pieces) >= _MAX_PAYLOADS:
            break
    return pieces


def _decode_base64(piece: str) -> str:
    body = piece.rstrip("=").replace("-", "+").replace("_", "/")[:20_000]
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return _legible(raw)


def _decode_hex(piece: str) -> str:
    digits = re.sub(r"[ :]", "", piece)[:20_000]
    return _legible(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _legible(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if not text:
        return ""
    good = sum(1 for c in text if c.isalpha() or c in " .,!?'\n")
    return text if good / len(text) >= _MIN_PRINTABLE else ""


def _common_share(text: str) -> float:
    words = _WORD.findall(text)
    if len(words) < 3:
        return 1.0 if any(w in _COMMON for w in words) else 0.0
    return sum(1 for w in words if w in _COMMON) / len(words)
