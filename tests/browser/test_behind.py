"""The page below a path and behind a password, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_double import ANSWERED, PageDouble
from page_server import CHROMIUM, Server

from assistant.settings import Serving

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)


def test_a_question_is_answered_below_a_path_with_the_password(
    browser: Any, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("correct horse\n", "utf-8")
    serving = Serving(root_path="/knees", password_file=tmp_path / "password")
    server = Server(lambda _: PageDouble(), serving)
    try:
        context = browser.new_context(
            http_credentials={"username": "anyone", "password": "correct horse"}
        )
        page = context.new_page()
        outside: list[str] = []
        below = f"{server.address}knees/"
        page.on(
            "request",
            lambda r: r.url.startswith((below, "data:", "blob:")) or outside.append(r.url),
        )
        page.set_default_timeout(30_000)
        page.goto(below)
        page.fill("textarea", ANSWERED)
        page.keyboard.press("Enter")
        page.locator(".turn a[data-cite]:visible").first.click()
        page.locator("#cited").wait_for(state="visible")
        assert not outside
        context.close()
    finally:
        server.stop()
