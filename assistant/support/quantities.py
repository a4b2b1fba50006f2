"""Numbers in a text, in digits and words, with the unit each counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SMALL: Final = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
}
_TENS: Final = {
    word: 10.0 * value
    for value, word in enumerate("thirty forty fifty sixty seventy eighty ninety".split(), 3)
}
_LARGE: Final = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_OTHERS: Final = {
    "single": 1.0,
    "unilateral": 1.0,
    "both": 2.0,
    "bilateral": 2.0,
    "pair": 2.0,
    "couple": 2.0,
    "twice": 2.0,
    "double": 2.0,
    "doubled": 2.0,
    "doubles": 2.0,
    "thrice": 3.0,
    "triple": 3.0,
    "triples": 3.0,
    "tripled": 3.0,
    "quadruple": 4.0,
    "dozen": 12.0,
    "half": 0.5,
    "halves": 0.5,
    "halved": 0.5,
    "thirds": 1 / 3,
}
_ORDINALS: Final = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1
    )
} | {"firstly": 1, "secondly": 2, "thirdly": 3, "primary": 1, "secondary": 2}
# Each unit with its dimension and how many of the smallest it is.
_UNITS: Final = {
    name: (dimension, factor)
    for dimension, factor, names in (
        ("time", 1.0, "second seconds sec secs"),
        ("time", 60.0, "minute minutes min mins"),
        ("time", 3600.0, "hour hours hr hrs"),
        ("time", 86400.0, "day days"),
        ("time", 604800.0, "week weeks wk wks"),
        ("time", 2629800.0, "month months"),
        ("time", 31557600.0, "year years yr yrs"),
        ("time", 315576000.0, "decade decades"),
        ("length", 1.0, "mm millimetre millimetres millimeter millimeters"),
        ("length", 10.0, "cm centimetre centimetres centimeter centimeters"),
        ("length", 25.4, "inch inches"),
        ("length", 304.8, "ft"),
        ("length", 914.4, "yard yards"),
        ("length", 1000.0, "m metre metres meter meters"),
        ("length", 1e6, "km kilometre kilometres kilometer kilometers"),
        ("length", 1609344.0, "mile miles"),
        ("mass", 1.0, "mg milligram milligrams"),
        ("mass", 1000.0, "g gram grams"),
        ("mass", 1e6, "kg kilo kilos kilogram kilograms"),
        ("mass", 453592.0, "lb lbs pound pounds"),
        ("share", 1.0, "% percent percentage"),
        ("angle", 1.0, "degree degrees °"),
        ("reps", 1.0, "rep reps repetition repetitions"),
        ("sets", 1.0, "set sets round rounds"),
        ("times", 1.0, "session sessions"),
    )
    for name in names.split()
}
_DIGITS: Final = re.compile(r"\d+(?:[.,]\d+)*\Z")
_MOST: Final = frozenset(("up to", "at most", "no more than", "less than", "under", "below", "fewer than", "maximum of"))  # fmt: skip  # noqa: E501
_LEAST: Final = frozenset(("at least", "more than", "over", "no less than", "above", "minimum of", "greater than", "no fewer than"))  # fmt: skip  # noqa: E501
_JOINS: Final = frozenset(("-", "–", "—", "to"))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or range ``[low, high]`` as the tokens ``[start, end)`` say it.

    `unit` is a dimension (time, length, reps …), with the values in its smallest unit, or empty.
    `bound` is ``"least"`` or ``"most"`` where the text says “at least”, “up to”, else empty.
    """

    low: float
    high: float
    unit: str
    start: int
    end: int
    bound: str = ""
    factor: float = 1.0

    def says(self, other: Quantity) -> bool:
        """Whether both are one number; a unit may be left out, but not be another one."""
        if self.bound != other.bound or (self.unit and other.unit and self.unit != other.unit):
            return False
        if self.unit and other.unit:
            return self.key == other.key
        return self._bare == other._bare

    @property
    def _bare(self) -> tuple[float, float]:
        return round(self.low / self.factor, 6), round(self.high / self.factor, 6)

    @property
    def key(self) -> tuple[float, float, str]:
        """What two quantities must share to say the same."""
        return round(self.low, 6), round(self.high, 6), self.bound


def ordinals(tokens: Sequence[str]) -> dict[int, int]:
    """Place → ordinal number; “second” after a number or article of time is a unit and left out."""
    found = {}
    for at, token in enumerate(tokens):
        if token in _ORDINALS:
            found[at] = _ORDINALS[token]
        elif re.fullmatch(r"\d{1,3}(?:st|nd|rd|th)", token):
            found[at] = int(token[:-2])
    return found


def quantities(tokens: Sequence[str]) -> list[Quantity]:
    """The quantities of a tokenised text, in order; dashes are tokens of their own.

    A bare “one” counts (“one leg”); “one of”, “no one”, “this one” do not.
    """
    found: list[Quantity] = []
    at = 0
    while at < len(tokens):
        read = _number(tokens, at)
        if read is None:
            at += 1
            continue
        low, end = read
        high = low
        joins = end < len(tokens) and (
            tokens[end] in _JOINS or (tokens[end] == "and" and tokens[at - 1 : at] == ["between"])
        )
        if joins and (second := _number(tokens, end + 1)):
            high, end = second
            low, high = min(low, high), max(low, high)
        found.append(_with_unit(tokens, at, end, low, high))
        at = max(found[-1].end, at + 1)
    return found


def _with_unit(tokens: Sequence[str], start: int, end: int, low: float, high: float) -> Quantity:
    unit, factor, stop = "", 1.0, end
    for place in range(end, min(end + 2, len(tokens))):
        if tokens[place] in _UNITS:
            unit, factor = _UNITS[tokens[place]]
            stop = place + 1
            break
        if tokens[place] not in ("-", "–", "more", "full"):
            break
    bound = _bound(tokens, start, stop)
    return Quantity(low * factor, high * factor, unit, start, stop, bound, factor)


def _bound(tokens: Sequence[str], start: int, end: int) -> str:
    for length in (3, 2, 1):
        before = " ".join(tokens[max(0, start - length) : start])
        if before in _MOST:
            return "most"
        if before in _LEAST:
            return "least"
    after = " ".join(tokens[end : end + 2])
    if after in (f"or {word}" for word in ("more", "longer", "above", "higher", "greater", "over")):
        return "least"
    return "most" if after in ("or less", "or fewer", "or shorter", "or under") else ""


def _number(tokens: Sequence[str], at: int) -> tuple[float, int] | None:
    """Value and end of the number that begins at `at`."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if _DIGITS.match(token) and len(token) <= 15:
        value = _value(token)
        end = at + 1
    elif token in _SMALL or token in _TENS:
        value, end = _SMALL.get(token, _TENS.get(token, 0.0)), at + 1
        if token == "one" and _is_pronoun(tokens, at):
            return None
        if token in _TENS and end < len(tokens) and 0 < _SMALL.get(tokens[end], 0) < 10:
            value, end = value + _SMALL[tokens[end]], end + 1
        elif token in _TENS and end + 1 < len(tokens) and tokens[end] == "-":
            if 0 < _SMALL.get(tokens[end + 1], 0) < 10:
                value, end = value + _SMALL[tokens[end + 1]], end + 2
    elif token in _OTHERS:
        value, end = _OTHERS[token], at + 1
    elif token in _LARGE:
        value, end = _LARGE[token], at + 1
        return value, end
    else:
        return None
    while end < len(tokens) and tokens[end] in _LARGE:
        value, end = value * _LARGE[tokens[end]], end + 1
    return value, end


def _value(digits: str) -> float:
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return float(re.sub(r"\D", "", digits))


def _is_pronoun(tokens: Sequence[str], at: int) -> bool:
    before = tokens[at - 1] if at else ""
    after = tokens[at + 1] if at + 1 < len(tokens) else ""
    return before in ("no", "this", "that", "the", "which", "another", "any", "every", "each") or (
        after in ("of", "another", "is", "can", "may", "should", "")
        or (not after[:1].isalnum() and after != "-")
    )
