"""What a reader does on the page, for all browser tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Open = Callable[..., Any]


def ask(page: Any, question: str) -> Any:
    """Type and send; returns the finished turn."""
    count = page.locator(".turn").count()
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    return finished(page, count)


def finished(page: Any, index: int) -> Any:
    """The turn of that number, from 0, once it is answered."""
    turn = page.locator(".turn").nth(index)
    turn.locator(".disclaimer").wait_for()
    return turn


def cited(page: Any) -> str:
    """The words that are marked as cited."""
    page.wait_for_selector("#cited")
    return "".join(page.locator("mark.cited").all_text_contents())


def in_view(page: Any) -> bool:
    """Whether the cited sentence is within what the panel shows."""
    return bool(
        page.evaluate(
            """() => { const a = document.querySelector('#cited').getBoundingClientRect();
        const b = document.querySelector('#panel-body').getBoundingClientRect();
        return a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left; }"""
        )
    )
