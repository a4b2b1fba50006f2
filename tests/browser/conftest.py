"""A headless Chromium for each file of browser tests, and pages that talk to this machine only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from page_double import PageDouble
from page_server import CHROMIUM, FLAGS, Server
from page_steps import Open


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Its event loop ends with it, so every file has its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def double() -> PageDouble:
    return PageDouble()


@pytest.fixture(scope="module")
def server(double: PageDouble) -> Iterator[Server]:
    server = Server(lambda _: double)
    yield server
    server.stop()


@pytest.fixture
def open_page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Open]:
    """A page that is ready; fails at the end for script errors and requests to other machines."""
    contexts, faults = [], []

    def look(sent: Any) -> None:
        parts = urlsplit(sent.url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
            faults.append(f"request to {sent.url}")

    def open_it(
        width: int = 1280, height: int = 860, address: str = "", wait: str = ".chip", **options: Any
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, **{"reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        context.on("request", look)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"script error {error}"))
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.set_default_timeout(8000)
        page.goto(address or request.getfixturevalue("server").address)
        page.wait_for_selector(wait)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not faults
