"""No regular expression takes more than its share of time, whatever it is matched against.

Python's engine tries every way to split a run of characters between two repeats that both take it.
Each pattern of the code and of its data files is tried on such runs, made of the characters that it
names, with an end on which it fails.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("assistant",)
SHORT, LONG = 1_000, 4_000
SECONDS = 0.05
"""Less is nothing to worry about, whatever it grows with."""
MAX_GROWTH = 9.0
"""Four times the length may take four times as long, with some room for a busy machine; what grows
with the square takes sixteen times."""
QUADRATIC = frozenset[str]()


def constant(node: ast.expr) -> str | bytes | None:
    """The text of an expression where it is nothing but text."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    return value if isinstance(value, str | bytes) else None


def iter_of_code() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every pattern given to `re`, and those that a module has put together when it is imported."""
    for path in sorted((ROOT / "assistant").rglob("*.py")):
        name = str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.args:
                if node.func.attr in ("escape", "purge"):
                    continue
                text = constant(node.args[0])
                if text is not None:
                    flags = re.I if any("I" in ast.dump(arg) for arg in node.args[1:]) else 0
                    yield f"{name}:{node.lineno}", re.compile(text, flags)
        if name.endswith(("__main__", "mcp_server")):
            continue
        for key, value in vars(importlib.import_module(name)).items():
            values = value if isinstance(value, tuple | list) else [value]
            for item in values:
                parts = item if isinstance(item, tuple) else (item,)
                yield from ((f"{name}.{key}", p) for p in parts if isinstance(p, re.Pattern))


def iter_of_data() -> Iterator[tuple[str, re.Pattern[str]]]:
    """The rules of what is left out, as they are compiled."""
    from assistant.left_out import load_rules

    for number, rule in enumerate(load_rules()):
        yield f"left_out {rule.kind} {number}", rule.pattern


def pumps(pattern: str) -> list[str]:
    """Runs to be repeated: each character that the pattern names, classes of them, its words."""
    words = re.findall(r"[a-zA-Z]{2,}", re.sub(r"\\[a-zA-Z]", " ", pattern))
    single = sorted({c for c in pattern if not c.isalnum()} | set(" a0A.,-\n'\"“"))
    paired = ["a ", "a.", "0,", "a-", " \n", "a b, "]
    return [*single, *paired, *(word + " " for word in dict.fromkeys(words[:12]))]


def seconds_of(pattern: re.Pattern[Any], text: str) -> float:
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    started = time.process_time()
    for _ in pattern.finditer(given):  # As the code does: searched from every place.
        pass
    return time.process_time() - started
