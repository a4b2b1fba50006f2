"""Numbers that decide: ages, temperatures, oxygen, durations, all as concepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_NUMBER_WORDS: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4, "thirty": 30, "forty": 40,
     "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}  # fmt: skip
_AGE: Final = re.compile(r"(\d{1,3})(?:yo|y|yr|yrs|year|years|f|m)")
_MONTHS: Final = re.compile(r"(\d{1,2})(?:mo|mos|months|month)")
_DECADE: Final = re.compile(r"([5-9]0)s")
_YEAR_WORDS: Final = frozenset("year years yr yrs yo yrold y".split())
_OLD_WORDS: Final = frozenset("old age of of-age".split())
_DAYS_IN: Final = {
    "minute": 0.0, "min": 0.0, "minutes": 0.0, "mins": 0.0, "hour": 0.04, "hours": 0.04,
    "hr": 0.04, "hrs": 0.04, "day": 1.0, "days": 1.0, "week": 7.0, "weeks": 7.0, "wks": 7.0,
    "wk": 7.0, "month": 30.0, "months": 30.0, "mths": 30.0, "year": 365.0, "years": 365.0,
    "yrs": 365.0, "decades": 3650.0, "decade": 3650.0,
}  # fmt: skip
_COUNTED: Final = frozenset(_DAYS_IN) | _YEAR_WORDS | {"mo"}
_TENS: Final = frozenset("thirty forty fifty sixty seventy eighty ninety".split())
_YOUNG: Final = frozenset(
    "son daughter boy girl lad lass kid kiddo child nephew niece grandson granddaughter toddler "
    "youngest eldest".split()
)
_GROWN: Final = frozenset(
    "dad mum mom mother father gran nan nana grandma grandad grandpa granny husband wife partner "
    "neighbour neighbor aunt uncle lady man woman friend law patient".split()
)
_UNITS: Final = frozenset(
    "percent kg lbs pounds stone cm feet ft degrees degree c f mg ml mm inches miles km reps sets "
    "times bpm".split()
)
_MEASURED: Final = (
    "temp", "temperature", "fever", "sugar", "glucose", "bp", "pressure", "pulse", "rate",
    "oxygen", "sats", "bmi", "level", "spo2", "weight",
)  # fmt: skip
_RECENT_DAYS: Final = 7.0
_SURGERY_DAYS: Final = 100.0
_FAHRENHEIT: Final = (100.4, 110.0)
_CELSIUS: Final = (38.0, 43.0)


def _value(word: str) -> float | None:
    if word.isdecimal():  # “➋” and “²” are digits too, and no numbers to Python.
        return float(word) if len(word) < 6 else None
    if word in _NUMBER_WORDS:
        return float(_NUMBER_WORDS[word])
    try:
        return float(word) if word[:1].isdigit() and len(word) < 7 else None
    except ValueError:
        return None


def _age_concepts(years: float) -> Iterator[str]:
    if years <= 16:
        yield "child"
    elif years < 120:
        yield "adult"
    if 8 <= years <= 16:
        yield "age_8_16"
    if years < 6:
        yield "small_child"
    if 55 <= years < 120:
        yield "age_55"
    if 65 <= years < 120:
        yield "older"
    if 60 <= years < 120:
        yield "age_60"


def find_numbers(tokens: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Concepts with the token where each stands, in order."""
    size = len(tokens)
    for i, token in enumerate(tokens):
        if not (token[0].isdigit() or token in _NUMBER_WORDS):
            if token == "teenager" or token == "teenage" or token == "teen":
                yield from ((c, i) for c in ("child", "age_8_16"))
            continue
        after = tokens[i + 1] if i + 1 < size else ""
        if token in _NUMBER_WORDS and after not in _COUNTED:
            if after not in _UNITS and not after.isdigit():
                yield from ((c, i) for c in _told_age(tokens, i))
            continue
        second = tokens[i + 2] if i + 2 < size else ""
        before = tokens[i - 1] if i else ""
        glued = _AGE.fullmatch(token)
        if glued:
            gender = token[-1] in "fm" and before not in ("for", "l", "of")
            if gender or token.endswith("yo") or after == "old" or second == "old":
                yield from ((c, i) for c in _age_concepts(float(glued.group(1))))
            continue
        if _DECADE.fullmatch(token):
            if before in ("my", "his", "her", "their", "in") or "mid" in before:
                yield from ((c, i) for c in _age_concepts(float(token[:2]) + 2))
            continue
        value = _value(token)
        if value is None:
            continue
        if after in _YEAR_WORDS and (second in _OLD_WORDS or after in ("yo", "yrold")):
            yield from ((c, i) for c in _age_concepts(value))
        elif after in ("month", "months", "week", "weeks", "mo", "day", "days") and second == "old":
            yield from ((c, i) for c in ("child", "small_child", "infant"))
        elif before in ("im", "am", "aged", "age", "hes", "shes", "turned", "turning") and (
            token.isdigit() and 1 <= value < 115 and after not in _DAYS_IN and after != "weeks"
        ):
            if after not in _UNITS and not (after.isdigit() and value < 8):
                yield from ((c, i) for c in _age_concepts(value))
        elif (
            before in _YOUNG | _GROWN
            and token.isdigit()
            and after not in _COUNTED
            and after not in _UNITS
        ):
            yield from ((c, i) for c in _told_age(tokens, i))
        elif before in ("is", "was", "just") and token.isdigit() and 17 <= value < 110:
            if after not in _DAYS_IN and after not in _UNITS and not _near(tokens, i, _MEASURED):
                yield from ((c, i) for c in _age_concepts(value))
        elif after in ("m", "f", "male", "female", "man", "woman") and token.isdigit():
            if 10 < value < 110:
                yield from ((c, i) for c in _age_concepts(value))
        elif after in _DAYS_IN:
            days = value * _DAYS_IN[after]
            if second in ("ago", "back", "post", "postop", "earlier", "after"):
                if days <= _RECENT_DAYS:
                    yield "recent", i
                if days <= _SURGERY_DAYS:
                    yield "recent_months", i
                if days >= 365:
                    yield "years_ago", i
            elif days <= _RECENT_DAYS:
                yield "short_time", i
            if days > _RECENT_DAYS:
                yield "over_week", i
            if days >= 90:
                yield "chronic", i
            elif days <= 2:
                yield "recent", i
            if after.startswith(("w", "m")) and "pregnan" in second:
                yield "pregnant", i
        if _is_fever(token, value, before, after, tokens, i):
            yield "fever", i
            if value >= 103 or 39.4 <= value <= 43:
                yield "high_fever", i
        if 50 <= value < 91 and _near(tokens, i, ("oxygen", "sats", "spo2", "o2", "saturation")):
            yield "low_oxygen", i
        if value < 60 and _near(tokens, i, ("glucose", "sugar", "sugars")) and value > 15:
            yield "low_sugar", i
        if 300 < value < 1500 and _near(tokens, i, ("glucose", "sugar", "sugars")):
            yield "high_sugar", i
        if 180 <= value < 300 and _near(tokens, i, ("bp", "pressure", "systolic")):
            yield "very_high_pressure", i


def _told_age(tokens: Sequence[str], i: int) -> Iterator[str]:
    """An age without the word years ("my lad, 4", "she's seventy", "Dad is eighty two")."""
    before = tokens[i - 1] if i else ""
    value = _value(tokens[i]) or 0.0
    if tokens[i] in ("a", "an", "couple", "few", "several"):
        return
    known = before in ("im", "am", "aged", "hes", "shes", "turned", "turning", "is", "age")
    if (
        (before in _YOUNG and 0 < value < 18)
        or (before in _GROWN and 17 < value < 110)
        or (known and tokens[i] in _TENS)
        or (before in ("hes", "shes") and 0 < value < 18 and tokens[i] != "one")
    ):
        yield from _age_concepts(value)


def _near(tokens: Sequence[str], i: int, names: tuple[str, ...]) -> bool:
    return any(t in names for t in tokens[max(0, i - 5) : i + 4])


def _is_fever(
    token: str, value: float, before: str, after: str, tokens: Sequence[str], i: int
) -> bool:
    hot = _FAHRENHEIT[0] <= value <= _FAHRENHEIT[1] or _CELSIUS[0] <= value <= _CELSIUS[1]
    if not hot:
        return False
    if after in ("c", "f", "celsius", "fahrenheit", "degc", "degf"):
        return True
    near = ("fever", "temp", "temperature", "feverish", "temps", "degrees", "degree", "thermometer")
    return _near(tokens, i, near) and after not in ("weeks", "years", "days", "mg", "kg", "weeks")
