"""What the rules take of anybody's article and what they leave; what an operator says comes first."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Final

import pytest

from assistant.articles import load_corpus, parse_article
from assistant.errors import CorpusError
from assistant.left_out import find_by_rules, known_kinds, load_rules
from assistant.sources import Source, find_left_out
from assistant.types import LeftOut

TABLE: Final = tomllib.loads(Path(__file__).with_name("left_out.toml").read_text("utf-8"))
TAKEN: Final = [(kind, row) for kind, rows in TABLE.items() for row in rows["taken"]]
STAYS: Final = [row for rows in TABLE.values() for row in rows["stays"]]
BEFORE: Final = "Hip Facts\n\nThe hip moves the leg.\n\n"
AFTER: Final = "\n\nWhat Helps\n\nStrong hips help the knee.\n"


def read(stretch: str) -> tuple[str, tuple[LeftOut, ...]]:
    """An article with `stretch` in it, and what is left out of it."""
    text = BEFORE + stretch + AFTER
    return text, find_left_out("a", text, Source())


@pytest.mark.parametrize(("kind", "row"), TAKEN)
def test_what_is_not_the_article_is_taken_and_no_more(kind: str, row: str) -> None:
    text, found = read(row.replace("⟦", "").replace("⟧", ""))
    start = len(BEFORE) + max(row.find("⟦"), 0)
    end = len(BEFORE) + (row.find("⟧") - 1 if "⟧" in row else len(row))
    assert {item.kind for item in found} >= {kind}
    covered = {at for item in found for at in range(item.span.start, item.span.end)}
    words = {at for at in range(start, end) if not text[at].isspace()}
    assert words <= covered
    if kind != "readers' comments":
        assert {at for at in covered if not start <= at < end} == set()


@pytest.mark.parametrize("row", STAYS)
def test_what_only_looks_like_it_stays(row: str) -> None:
    assert [(item.kind, item.span) for item in read(row)[1]] == []


def test_every_kind_has_examples_and_near_misses() -> None:
    assert set(TABLE) == set(known_kinds())
    for kind, rows in TABLE.items():
        assert len(rows["taken"]) >= 8 <= len(rows["stays"]), kind
