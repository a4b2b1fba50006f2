"""No regular expression takes more than its share of time, whatever it is matched against.

Python's engine tries every way to part a run of characters between two repeats that both take it.
Each pattern of the code, of its modules' constants and of the rules in the data is searched in such
runs, made of what the pattern names, with an end on which it fails.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from assistant.left_out import load_rules

ROOT = Path(__file__).resolve().parent.parent
NOT_IMPORTED = ("__main__", "mcp_server")
LENGTHS = (26, 200, 2_000)
SECONDS = 0.5
"""What grows with the square of the length stays far below it at these, what doubles with each
character does not end at the first."""
ENDS = ("", "!\x01")

Pattern = re.Pattern[Any]


def iter_written(path: Path) -> Iterator[Pattern]:
    """Every pattern that a module hands to `re` as plain text."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=name),
                args=[ast.Constant(value=str() | bytes() as text), *others],
            ) if name not in ("escape", "purge"):
                ignores = any("'I'" in ast.dump(arg) or "IGNORE" in ast.dump(arg) for arg in others)
                yield re.compile(text, re.I if ignores else 0)


def iter_held(value: object, depth: int = 0) -> Iterator[Pattern]:
    """Every compiled pattern in a value, and in what it holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) and depth < 3:
        for item in value.values():
            yield from iter_held(item, depth + 1)
    elif isinstance(value, tuple | list | frozenset) and depth < 3:
        for item in value:
            yield from iter_held(item, depth + 1)


def all_patterns() -> dict[tuple[Any, int], str]:
    """Each pattern with its flags, and where it was found first."""
    found: dict[tuple[Any, int], str] = {}

    def add(where: str, patterns: Iterable[Pattern]) -> None:
        for pattern in patterns:
            found.setdefault((pattern.pattern, pattern.flags), where)

    for path in sorted((ROOT / "assistant").rglob("*.py")):
        name = str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        add(name, iter_written(path))
        if not name.endswith(NOT_IMPORTED):
            add(name, iter_held(dict(vars(importlib.import_module(name)))))
    for rule in load_rules():
        add(f"left_out.toml, {rule.kind}", filter(None, (rule.pattern, rule.unless)))
    return found


def iter_runs(pattern: str) -> Iterator[str]:
    """What to repeat: each sign that the pattern names, usual characters, its words."""
    bare = re.sub(r"\\[a-zA-Z]", " ", pattern)
    yield from sorted({c for c in pattern if not c.isalnum()} | set(" a0A.,-\n'\"“(<_"))
    yield from ("a ", "a.", "0,", "0 ", "a-", " \n", "a, ", "A. ", "a=", "\n\n", "a\n")
    for word in list(dict.fromkeys(re.findall(r"[a-zA-Z]{2,}", bare)))[:12]:
        yield from (word, f"{word} ")


def find_slow(pattern: Pattern) -> str:
    """The run on which a pattern takes too long; empty where there is none."""
    is_bytes = isinstance(pattern.pattern, bytes)
    for run in iter_runs(pattern.pattern.decode() if is_bytes else pattern.pattern):
        for length in LENGTHS:
            for end in ENDS:
                text = (run * (length // len(run) + 1))[:length] + end
                started = time.process_time()
                pattern.search(text.encode() if is_bytes else text)
                if time.process_time() - started > SECONDS:
                    return f"{run!r} * {length}"
    return ""


def test_a_pattern_that_backtracks_without_end_is_found() -> None:
    assert find_slow(re.compile(r"(?:a+)+b"))
    assert find_slow(re.compile(r"(?:\w+\s?)*:"))


def test_no_pattern_backtracks_without_end() -> None:
    patterns = all_patterns()
    assert len(patterns) > 150
    slow = {
        where: f"{text!r:.80} on {found}"
        for (text, flags), where in patterns.items()
        if (found := find_slow(re.compile(text, flags)))
    }
    assert slow == {}
