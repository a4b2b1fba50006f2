"""`python -m evals load`: the real server under the use of many, on this machine.

First everything is asked alone; then come stages of so many users at a time, each of whom opens
pages, asks, follows up, looks up and thinks in between; then one client floods while another asks
one thing at a time; then, if so many are wanted, questions without a pause until they are asked.
Time is compressed: the minutes given stand for two hours, thinking and what the server forgets
with time made shorter accordingly. Times are told as ratios to those of the only user.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console

from assistant.errors import StoreError
from assistant.settings import DEFAULT_CORPUS, Settings
from evals.bench_process import page
from evals.cases import load_suite
from evals.load_clients import connect
from evals.load_figures import EARLY, MANY, Tally, fairness_of, memory_of
from evals.load_messages import Messages, ask_alone, choose_messages, iter_replies
from evals.run import default_suite_files
from evals.truth import load_truth

USERS: Final = (1, 10, 50, 200)
SIMULATED_MINUTES: Final = 120.0
THINKING_SECONDS: Final = 30.0
"""Of a person between two actions, before time is compressed."""
KEPT_SECONDS: Final = 3600
"""Of a conversation whose page was closed, before time is compressed."""
WAYS: Final = {"page": 5, "ask": 4, "read": 2, "cite": 1, "claim": 1}
"""How often each thing is done; a visit of a page is several questions."""
STEADY_USERS: Final = 10
IN_FLIGHT: Final = 100
FAIRNESS_SHARE: Final = 0.2
"""Of the minutes: the small client alone, and again beside the flood."""

FLOODS: Final = "127.0.0.2"
SMALL: Final = "127.0.0.3"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was asked for on the command line.

    Attributes:
        minutes: of all stages and the flood together.
        users: of each stage.
        questions: go on after that until so many were asked; 0 for no more.
        share: of the messages; see `choose_messages`.
    """

    corpus: Path = DEFAULT_CORPUS
    minutes: float = 10.0
    users: tuple[int, ...] = USERS
    questions: int = 0
    share: float = 1.0

    @property
    def compressed(self) -> float:
        """How many times shorter everything is."""
        return SIMULATED_MINUTES / self.minutes


@dataclass(slots=True)
class _Run:
    """A server under load."""

    server: str
    process: psutil.Process
    messages: Messages
    options: LoadOptions
    asked: int = 0
    memory: dict[int, float] = field(default_factory=dict)

    def resident_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def count(self, way: str) -> None:
        """Note that something was asked, and now and then what the process holds."""
        self.asked += way in ("page", "ask")
        if self.asked not in self.memory and (self.asked == EARLY or self.asked % MANY == 0):
            self.memory[self.asked] = self.resident_mb()

    def told(self, tally: Tally, lone: Tally) -> dict[str, Any]:
        """A stage's figures, with what the server holds at its end."""
        rss = round(self.resident_mb())
        return {**tally.to_json(), "over_lone": tally.over(lone), "rss_mb": rss}

    async def alone(self) -> Tally:
        """Everything once, one thing at a time; what is answered is what others have to get."""
        tally = Tally()
        async with connect(self.server, SMALL) as client:
            async for reply in ask_alone(self.messages, client):
                self.count(reply.way)
                tally.note(None, reply, self.messages)
        return tally

    async def stage(
        self, users: int, go_on: Callable[[], bool], thinking: float | None = None
    ) -> Tally:
        """So many users at once, each from an address of their own."""
        tally = Tally()
        async with asyncio.TaskGroup() as group:
            for number in range(users):
                address = f"127.1.{number // 250}.{number % 250 + 1}"
                group.create_task(self.user(tally, address, number, go_on, thinking))
        return tally

    async def user(
        self,
        tally: Tally,
        address: str,
        seed: int,
        go_on: Callable[[], bool],
        thinking: float | None = None,
    ) -> None:
        """One user, who does one thing after another, chosen by chance.

        Args:
            thinking: seconds before each thing, on average; None for those of a person.
        """
        chance = random.Random(seed)
        ways = {way: often for way, often in WAYS.items() if self.messages.count(way)}
        if thinking is None:
            thinking = THINKING_SECONDS / self.options.compressed

        async def think() -> None:
            await asyncio.sleep(thinking * chance.expovariate(1))

        async with connect(self.server, address) as client:
            await think()
            while go_on():
                (way,) = chance.choices([*ways], [*ways.values()])
                number = chance.randrange(self.messages.count(way))
                async for key, reply in iter_replies(self.messages, way, number, client):
                    self.count(reply.way)
                    tally.note(key, reply, self.messages)
                    await think()


def run_load(options: LoadOptions, console: Console) -> dict[str, Any]:
    """Every figure; the counts of each stage, times as ratios, memory.

    Raises:
        StoreError: the server did not start, or gave no answer to somebody alone; or this system
            has one loopback address only.
    """
    _check_addresses()
    home = Settings.from_environment(corpus=options.corpus).data
    suite = load_suite(default_suite_files(), load_truth(DEFAULT_CORPUS).texts)
    messages = choose_messages(suite.cases, options.share)
    kept = max(1, round(KEPT_SECONDS / options.compressed))
    with page(options.corpus, home, ASSISTANT_KEEP_SECONDS=str(kept)) as served:
        served.wait_for("readyz")
        run = _Run(served.address, psutil.Process(served.process.pid), messages, options)
        return asyncio.run(_figures(run, console))


async def _figures(run: _Run, console: Console) -> dict[str, Any]:
    options = run.options
    console.print("load: asking everything alone")
    alone = await run.alone()
    figures: dict[str, Any] = {
        "minutes": options.minutes,
        "compressed": round(options.compressed, 1),
        "alone": alone.states.total(),
        "stages": {},
    }
    seconds = 60 * options.minutes
    each = seconds * (1 - FAIRNESS_SHARE) / max(1, len(options.users))
    lone = alone
    for users in options.users:
        console.print(f"load: {users} at a time, {each:.0f} s")
        tally = await run.stage(users, _until(each))
        lone = tally if users == 1 else lone
        figures["stages"][str(users)] = run.told(tally, lone)
    console.print("load: one floods, another asks one at a time")
    figures["fairness"] = await _fairness(run, seconds * FAIRNESS_SHARE / 2)
    if run.asked < options.questions:
        console.print(f"load: without a pause until {options.questions} questions are asked")
        tally = await run.stage(STEADY_USERS, lambda: run.asked < options.questions, thinking=0)
        figures["stages"][f"{STEADY_USERS}, without a pause"] = run.told(tally, lone)
    figures["memory"] = memory_of(run.asked, run.memory, run.resident_mb())
    return figures


async def _fairness(run: _Run, seconds: float) -> dict[str, Any]:
    """The small client for so many seconds alone, then as long beside one who floods."""
    alone, beside, flood = Tally(), Tally(), Tally()
    await run.user(alone, SMALL, 0, _until(seconds), thinking=0)
    go_on = _until(seconds)
    async with asyncio.TaskGroup() as group:
        for number in range(IN_FLIGHT):
            group.create_task(run.user(flood, FLOODS, number, go_on, thinking=0))
        group.create_task(run.user(beside, SMALL, 0, go_on, thinking=0))
    return fairness_of(beside, alone, flood)


def _until(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _check_addresses() -> None:
    try:
        with socket.socket() as probe:
            probe.bind((SMALL, 0))
    except OSError as error:
        raise StoreError(
            f"load: {SMALL} is no address here ({error.strerror}); run it on Linux"
        ) from error
