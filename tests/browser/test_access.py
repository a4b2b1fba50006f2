"""axe-core finds nothing in any state of the page, light and dark, on a phone and on a desk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from page_double import (
    ABSTAINED,
    ANSWERED,
    BROKEN,
    CRISIS,
    DIFFERS,
    EMERGENCY,
    REWORDED,
    STEPS,
    URGENT,
    PageDouble,
)
from page_server import CHROMIUM, Server
from page_steps import Open, ask, cited

from assistant.leaving import ModelPlace
from assistant.page.feedback import FeedbackFile

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install the Debian package chromium"
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def server(double: PageDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a file for feedback, so that its form is on the page too."""
    file = FeedbackFile(tmp_path_factory.mktemp("feedback") / "feedback.jsonl")
    server = Server(lambda _: double, feedback=file)
    yield server
    server.stop()


def _asked(question: str) -> Callable[[Any], object]:
    return lambda page: ask(page, question)


def _panel(page: Any) -> None:
    ask(page, ANSWERED)
    page.locator(".statements a.cite").nth(1).click()
    cited(page)


def _tip(page: Any) -> None:
    ask(page, ANSWERED)
    page.locator(".statements a.cite").first.hover()
    page.wait_for_selector("#tip:not([hidden])")


def _place(label: str) -> Callable[[Any], object]:
    def go(page: Any) -> None:
        page.click(f"nav .place-button:has-text('{label}')")
        page.wait_for_selector(".reading.list")

    return go


def _claimed(page: Any) -> None:
    _place("Check")(page)
    page.fill("#claim", "The gluteus medius helps keep your pelvis level")
    page.click(".claim button")
    page.wait_for_selector(".groups")


def _menu(page: Any) -> None:
    ask(page, ANSWERED)
    page.click("#menu-open")
    page.check("#keep")
    page.wait_for_selector(".kept-open")


def _kept(page: Any) -> None:
    _menu(page)
    page.click(".kept-open")
    page.wait_for_selector(".kept-answer")


def _feedback(page: Any) -> None:
    ask(page, ANSWERED)
    page.click(".feedback summary")


def _unfolded(page: Any) -> None:
    ask(page, ABSTAINED)
    page.click(".nearest summary")


def _reworded(page: Any) -> None:
    ask(page, REWORDED)
    page.click(".exact summary")


def _lost(page: Any) -> None:
    page.route("**/healthz", lambda route: route.abort())
    page.wait_for_selector("#connection.lost", timeout=15_000)


STATES: dict[str, Callable[[Any], object]] = {
    "empty": lambda page: None,
    "answered": _asked(ANSWERED),
    "differs": _asked(DIFFERS),
    "steps": _asked(STEPS),
    "abstained": _unfolded,
    "reworded": _reworded,
    "emergency": _asked(EMERGENCY),
    "crisis": _asked(CRISIS),
    "urgent": _asked(URGENT),
    "error": _asked(BROKEN),
    "tooltip": _tip,
    "panel": _panel,
    "articles": _place("Articles"),
    "look-up": _claimed,
    "dialog": _menu,
    "kept": _kept,
    "feedback": _feedback,
}


def violations(page: Any) -> list[str]:
    """What axe-core calls wrong, with the first element of each."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    found = page.evaluate(
        "rules => axe.run({runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})",
        RULES,
    )
    return [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:160]} ({len(v['nodes'])})"
        for v in found["violations"]
    ]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_any_state(open_page: Open, state: str) -> None:
    page = open_page(1440, 800)
    STATES[state](page)
    found = {}
    for width in (1440, 320):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found[f"{width} {scheme}"] = violations(page)
    assert {where: wrong for where, wrong in found.items() if wrong} == {}


def test_axe_finds_nothing_while_the_connection_is_lost(open_page: Open) -> None:
    page = open_page()
    _lost(page)
    assert violations(page) == []


def test_axe_finds_nothing_where_a_model_elsewhere_gets_the_questions(
    open_page: Open, double: PageDouble
) -> None:
    far = ModelPlace("openai:a-model", "models.example.org", here=False, rewords=True)
    server = Server(lambda _: double, model=far)
    try:
        page = open_page(320, 640, address=server.address)
        page.click(".leaves summary")
        assert "its own service runs it" in page.locator(".leaves").inner_text()
        assert page.locator("#question textarea").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert violations(page) == []
    finally:
        server.stop()


def test_axe_finds_nothing_on_the_pages_without_scripts(
    open_page: Open, server: Server, double: PageDouble
) -> None:
    citation = double.ask(ANSWERED).citations[0]
    place = f"read/{citation.span.article_id}?at={citation.span.start}-{citation.span.end}"
    for address in ("read", "claim", place):
        page = open_page(320, address=server.address + address, wait=".reading")
        assert violations(page) == []


def test_the_rules_do_find_what_is_wrong(open_page: Open) -> None:
    page = open_page()
    page.evaluate("document.querySelector('#send').insertAdjacentHTML('beforebegin', '<button>')")
    assert any(found.startswith("button-name") for found in violations(page))
