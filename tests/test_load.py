"""The load's own parts, and a few seconds of it against the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from page_double import BROKEN, PageDouble
from page_server import Server
from rich.console import Console
from web_clients import wait_for

import ui
from assistant.settings import DEFAULT_CORPUS, Serving
from assistant.types import Answer, Turn
from evals import load
from evals.cases import Suite, load_suite
from evals.load_clients import Page, Program, Reply, connect
from evals.load_figures import Tally, iter_breaches, memory_of, render_load
from evals.load_messages import Messages, ask_alone, choose_messages
from evals.run import default_suite_files
from evals.truth import load_truth


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(default_suite_files(), load_truth(DEFAULT_CORPUS).texts)


def test_only_the_open_split_is_asked_and_of_every_kind_something(suite: Suite) -> None:
    messages = choose_messages(suite.cases)
    asked = {question for question, _ in messages.asked}
    asked |= {question for visit in messages.visits for question in visit}
    dev = [case for case in suite.cases if case.split == "dev"]
    closed = {case.question for case in suite.cases if case.split == "test"}
    assert not asked & (closed - {case.question for case in dev})
    assert {case.kind for case in dev if case.question in asked} == {case.kind for case in dev}
    assert any(len(visit) > 1 for visit in messages.visits)
    assert any(history for _, history in messages.asked)


@contextmanager
def served(double: ui.AssistantProtocol, **serving: int) -> Iterator[Server]:
    server = Server(lambda _: double, Serving(**serving))
    try:
        wait_for(server)
        yield server
    finally:
        server.stop()


def a_run(double: ui.AssistantProtocol, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The whole of it for seconds, with the real server around a double, in this process."""

    @contextmanager
    def page(*_: Any, **settings: str) -> Iterator[Any]:
        assert int(settings["ASSISTANT_KEEP_SECONDS"]) >= 1
        with served(double) as server:
            yield SimpleNamespace(
                address=server.address.rstrip("/"),
                process=SimpleNamespace(pid=None),
                wait_for=lambda _: 0,
            )

    monkeypatch.setattr(load, "page", page)
    monkeypatch.setattr(load, "IN_FLIGHT", 5)
    options = load.LoadOptions(minutes=0.05, users=(1, 3), questions=700, share=0.1)
    return load.run_load(options, Console(quiet=True))


def test_a_short_run_counts_answers_and_compares_each_with_that_given_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = a_run(PageDouble(), monkeypatch)
    assert list(iter_breaches(figures)) == []
    assert list(figures["stages"]) == ["1", "3", "10, without a pause"]
    for row in figures["stages"].values():
        assert row["answers"] == row["requests"] > 0
    assert figures["fairness"]["small"]["answers"] > 0
    assert figures["fairness"]["flood"]["answers"] > 0
    assert figures["memory"]["asked"] >= 700
    json.dumps(figures)
    assert "users 3: " in render_load(figures)


def test_an_answer_that_is_another_one_in_a_crowd_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Forgetful(PageDouble):
        """Says something else once it has been asked fifty times."""

        def ask(self, question: str, *args: Any, **more: Any) -> Answer:
            later = len(self.histories) > 50
            return super().ask("Something else" if later else question, *args, **more)

    figures = a_run(Forgetful(), monkeypatch)
    assert any("differ" in breach for breach in iter_breaches(figures))


def test_an_answer_that_fails_in_a_crowd_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaking(PageDouble):
        def ask(self, question: str, *args: Any, **more: Any) -> Answer:
            later = len(self.histories) > 50
            return super().ask(BROKEN if later else question, *args, **more)

    figures = a_run(Breaking(), monkeypatch)
    breaches = list(iter_breaches(figures))
    assert any("errors" in breach for breach in breaches)
    assert "page: failed" in str(figures)
    assert "ask: 500 failed" in str(figures)


def test_busy_is_told_from_what_is_answered_on_the_page_and_to_a_program() -> None:
    async def ask(server: Server) -> list[Reply]:
        async with connect(server.address, "127.0.0.1") as client:
            page = Page(client)
            await page.open()
            slow = asyncio.create_task(Program(client).ask("slow"))
            await asyncio.sleep(0.2)
            replies = [await page.ask("now?"), await Program(client).ask("now?"), await slow]
            await page.leave()
        return replies

    with served(PageDouble(seconds=1), concurrent=1, max_waiting=0) as server:
        replies = asyncio.run(ask(server))
    assert [reply.state for reply in replies] == ["busy", "busy", "answered"]


def test_what_gets_no_answer_alone_ends_the_run() -> None:
    messages = Messages([], [(BROKEN, (Turn("user", "x"),))], [])

    async def ask(server: Server) -> None:
        async with connect(server.address, "127.0.0.1") as client:
            async for _ in ask_alone(messages, client):
                pass

    with served(PageDouble()) as server, pytest.raises(load.StoreError, match="500 failed"):
        asyncio.run(ask(server))


def test_times_are_ratios_to_the_only_users_median() -> None:
    messages = Messages([], [], [], alone={("ask", 0, 0): "same"})
    lone, crowd = Tally(), Tally()
    for seconds in (1.0, 2.0, 9.0):
        lone.note(None, Reply("ask", "answered", seconds, "same"), messages)
        crowd.note(("ask", 0, 0), Reply("ask", "answered", 2 * seconds, "same"), messages)
    assert crowd.over(lone)["ask"]["median"] == 2
    crowd.note(("ask", 0, 0), Reply("ask", "answered", 1, "other"), messages)
    assert crowd.differ == 1


@pytest.mark.parametrize(
    ("asked", "last", "missed"),
    [(999, 200, False), (10_000, 104, False), (10_000, 106, True), (10_000, 94, True)],
)
def test_memory_that_changes_over_many_questions_is_told(
    asked: int, last: float, missed: bool
) -> None:
    good = {"errors": 0, "differ": 0}
    figures = {
        "stages": {"1": good},
        "fairness": {"small": good, "flood": good},
        "memory": memory_of(asked, {100: 100.0}, last),
    }
    assert bool(list(iter_breaches(figures))) is missed
