"""The keys and types of an answer in its JSON form (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

CITATION: Final[Mapping[str, Any]] = {
    "id": str,
    "article": str,
    "title": str,
    "section": [str],
    "start": int,
    "end": int,
    "quote": str,
    "sha256": str,
    "evidence_tag": str,
}

ANSWER: Final[Mapping[str, Any]] = {
    "question": str,
    "query": str,
    "kind": str,
    "outcome": str,
    "notices": [{"kind": str, "text": str}],
    "statements": [{"text": str, "citations": [str]}],
    "citations": [CITATION],
    "nearest": [CITATION],
    "suggestions": [str],
    "disclaimer": str,
    "generator": str,
    "timings_ms": dict,
}


def find_misfit(value: object, shape: Any = ANSWER, place: str = "answer") -> str:
    """What does not fit, with its place; empty where everything does. More keys may be there."""
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return f"{place} is {value!r:.60}, expected an object"
        for key, wanted in shape.items():
            if key not in value:
                return f"{place} lacks {key!r}"
            if misfit := find_misfit(value[key], wanted, f"{place}.{key}"):
                return misfit
        return ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place} is {value!r:.60}, expected a list"
        found = (find_misfit(item, shape[0], f"{place}[{n}]") for n, item in enumerate(value))
        return next((misfit for misfit in found if misfit), "")
    fits = isinstance(value, shape) and not isinstance(value, bool)
    return "" if fits else f"{place} is {value!r:.60}, expected {shape.__name__}"
