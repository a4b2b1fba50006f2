"""Many at once: clients take turns at the gate, and closed pages leave little behind."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from page_double import ANSWERED, DIFFERS, STEPS, PageDouble, loaded, talk
from page_server import Server
from web_clients import serve, wait_for

import ui
from assistant.live import LiveAssistant
from assistant.page.closed import EMPTY_SECONDS, Pages
from assistant.page.session import Exchange, Session
from assistant.settings import Serving, Settings
from assistant.types import ClaimResult
from assistant.web.limits import Gate
from assistant.web.refusals import Refusal
from evals.load_clients import Page, connect

# ---- places and turns ----


def in_turn(gate: Gate, asked: list[tuple[str, str]]) -> tuple[list[str], dict[str, str]]:
    """What was begun, in order, and what became of each of what is asked at once, by client."""
    begun: list[str] = []
    go = threading.Event()

    def work(name: str) -> str:
        begun.append(name)
        go.wait(10)
        return "answered"

    async def ask(client: str, name: str) -> str:
        try:
            return await gate.run(lambda: work(name), client)
        except Refusal as refusal:
            return refusal.code

    async def all_at_once() -> list[str]:
        tasks = [asyncio.create_task(ask(*each)) for each in asked]
        await asyncio.sleep(0.1)
        go.set()
        return await asyncio.gather(*tasks)

    results = asyncio.run(all_at_once())
    return begun, {name: result for (_, name), result in zip(asked, results, strict=True)}


def test_clients_take_turns_however_much_one_of_them_asks() -> None:
    asked = [("large", f"large{n}") for n in range(6)] + [("small", "small0"), ("other", "other0")]
    begun, results = in_turn(Gate(1, 10, 5), asked)
    assert begun[:4] == ["large0", "large1", "small0", "other0"]
    assert begun[4:] == ["large2", "large3", "large4", "large5"]
    assert set(results.values()) == {"answered"}


def test_where_it_is_full_whoever_waits_with_the_most_makes_room() -> None:
    asked = [("large", f"large{n}") for n in range(6)] + [("small", "small0")]
    begun, results = in_turn(Gate(1, 3, 5), asked)
    assert results == {
        **dict.fromkeys(("large0", "large1", "large2", "small0"), "answered"),
        **dict.fromkeys(("large3", "large4", "large5"), "busy"),
    }
    assert "large3" not in begun


def test_where_all_wait_with_as_many_who_comes_last_is_told_busy() -> None:
    asked = [(name, name) for name in "abcd"] + [("b", "b again")]
    _, results = in_turn(Gate(1, 2, 5), asked)
    assert [name for name, result in results.items() if result == "busy"] == ["d", "b again"]


def test_a_place_is_free_again_after_an_answer_an_error_and_a_timeout() -> None:
    gate = Gate(1, 1, 0.2)

    def fail() -> None:
        raise ValueError

    async def use() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match=r"^$"):
                await gate.run(fail)
            slow = [asyncio.create_task(gate.run(lambda: time.sleep(0.5))) for _ in range(2)]
            for given_up in await asyncio.gather(*slow, return_exceptions=True):
                assert isinstance(given_up, Refusal)
                assert given_up.code == "timeout"
            await asyncio.sleep(0.4)
            both = [gate.run(lambda: 1, client) for client in "ab"]
            assert await asyncio.gather(*both) == [1, 1]

    asyncio.run(use())


def test_one_client_that_floods_the_page_does_not_shut_others_out() -> None:
    serving = Serving(concurrent=1, max_waiting=3, timeout_seconds=60, trusted_proxies="127.0.0.1")
    server = Server(lambda _: PageDouble(seconds=0.2), serving)
    try:
        wait_for(server)
        with httpx.Client(base_url=server.address, timeout=60) as client:
            events = client.get("config").json()["dependencies"]
            submit = next(e["id"] for e in events if any(t[1] == "submit" for t in e["targets"]))
            for number in range(60):
                body = {"data": [ANSWERED, None], "fn_index": submit, "session_hash": f"s{number}"}
                flood = {"x-forwarded-for": "192.0.2.1"}
                joined = client.post("gradio_api/queue/join", json=body, headers=flood)
                assert joined.status_code == 200
            started = time.monotonic()
            small = {"x-forwarded-for": "192.0.2.2"}
            reply = client.post("api/ask", json={"question": ANSWERED}, headers=small)
        assert reply.status_code == 200
        assert time.monotonic() - started < 2
    finally:
        server.stop()


def test_a_sentence_to_check_needs_a_place_too() -> None:
    class Slow(PageDouble):
        def claim(self, text: str) -> ClaimResult:
            time.sleep(0.5)
            return super().claim(text)

    with serve(lambda _: Slow(), Serving(concurrent=1, max_waiting=0)) as client:

        def claim(_: int) -> Any:
            return client.post("/claim", data={"claim": "A weak hip can hurt a knee"})

        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(claim, range(4)))
        assert sorted(reply.status_code for reply in replies) == [200, 503, 503, 503]


def test_questions_of_many_do_not_share_out_their_products_over_the_cores(
    small_settings: Settings,
) -> None:
    from threadpoolctl import threadpool_info

    LiveAssistant(small_settings)
    found = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert set(found) == {1}


# ---- closed pages ----


def test_a_folded_conversation_is_small_and_goes_on_as_it_was() -> None:
    session = talk(loaded(PageDouble()), ANSWERED, DIFFERS, STEPS)
    before, shown = list(session.exchanges), session.markup()
    assert session.fold()
    assert len(session._folded) < len(shown.encode()) / 3
    assert session.exchanges == before
    assert session.markup() == shown
    assert not session._folded


def test_a_conversation_that_is_waiting_is_not_folded() -> None:
    session = talk(loaded(PageDouble()), ANSWERED)
    waiting = Exchange(2, STEPS)
    session.exchanges.append(waiting)
    assert session.fold()
    assert session.exchanges[-1] is waiting
    assert not Session().fold()


@pytest.fixture(scope="module")
def gradio_app() -> Any:
    app: Any = ui.build_app(lambda _: PageDouble())
    return app.routes[-1].app


def test_gradio_does_not_go_through_old_events_after_each(gradio_app: Any) -> None:
    queue = gradio_app.get_blocks()._queue
    assert queue.ANALYTICS_MAX_EVENTS == 1
    assert queue.ANAYLTICS_CACHE_FREQUENCY > 10**9


@pytest.mark.parametrize(
    ("asked", "is_open", "unused", "there"),
    [
        (True, False, EMPTY_SECONDS + 1, True),
        (True, False, 601, False),
        (True, True, 601, True),
        (False, False, EMPTY_SECONDS - 1, True),
        (False, False, EMPTY_SECONDS + 1, False),
        (False, True, EMPTY_SECONDS + 1, True),
    ],
)
def test_what_is_kept_of_a_page_depends_on_what_was_asked_and_whether_it_is_open(
    gradio_app: Any, asked: bool, is_open: bool, unused: int, there: bool
) -> None:
    import gradio

    holder, blocks = gradio_app.state_holder, gradio_app.get_blocks()
    queue = blocks._queue
    state_id = next(i for i, b in blocks.blocks.items() if isinstance(b, gradio.State))
    state = holder["page"]
    state.state_data[state_id] = talk(loaded(PageDouble()), ANSWERED) if asked else Session()
    holder.time_last_used["page"] = datetime.now() - timedelta(seconds=unused)
    queue.pending_messages_per_session["page"] = asyncio.Queue()
    pages = Pages(keep_seconds=600)
    if is_open:
        pages.opened("page")
    pages.sweep(holder, queue)
    assert ("page" in holder) is there
    assert ("page" in holder.time_last_used) is there
    assert ("page" in queue.pending_messages_per_session) is there
    assert bool(state.config_values) is is_open
    assert bool(state.state_data[state_id]._folded) is (asked and not is_open)


def test_a_page_that_was_away_for_a_moment_keeps_its_conversation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Gradio's own end of a state whose page was once away: 1 s after its last event, else an hour.
    monkeypatch.setenv("GRADIO_IS_E2E_TEST", "1")
    server = Server(lambda _: PageDouble(), Serving(keep_seconds=5))

    async def use() -> str:
        async with connect(server.address, "127.0.0.1") as client:
            page = Page(client)
            assert await page.open() is None
            await page.ask(ANSWERED)
            await asyncio.sleep(0.8)
            await page.leave()
            await asyncio.sleep(0.2)
            await page.open()
            await asyncio.sleep(2.5)
            return (await page.ask(STEPS)).said

    try:
        wait_for(server)
        said = asyncio.run(use())
    finally:
        server.stop()
    assert said.count('class="turn"') == 2


def test_a_sweep_that_fails_is_told_and_the_next_one_made(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[Any] = []

    class Failing(Pages):
        def sweep(self, holder: Any, queue: Any) -> None:
            sweeps.append(holder)
            raise AttributeError("another Gradio")

    async def run(gradio_app: Any) -> None:
        async with Failing(keep_seconds=600).run(gradio_app):
            await asyncio.sleep(0.2)

    monkeypatch.setattr("assistant.page.closed.SWEEP_SECONDS", 0.02)
    asyncio.run(run(ui.build_app(lambda _: PageDouble()).routes[-1].app))
    assert len(sweeps) > 1
    assert "AttributeError" in caplog.text


def test_a_conversation_goes_on_while_its_page_is_open_and_ends_after_it_was_closed() -> None:
    server = Server(lambda _: PageDouble(), Serving(keep_seconds=1))

    async def use() -> list[str]:
        shown = []
        async with connect(server.address, "127.0.0.1") as client:
            page = Page(client)
            assert await page.open() is None
            shown.append((await page.ask(ANSWERED)).said)
            await asyncio.sleep(1.5)
            shown.append((await page.ask(STEPS)).said)
            await page.leave()
            await asyncio.sleep(1.5)
            shown.append((await page.ask(DIFFERS)).said)
        return shown

    try:
        wait_for(server)
        shown = asyncio.run(use())
    finally:
        server.stop()
    assert [said.count('class="turn"') for said in shown] == [1, 2, 1]
    assert ANSWERED in shown[1]
    assert ANSWERED not in shown[2]
