"""What an index survives: processes killed at any moment, two writers, re-ingests under readers."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from assistant import ingest as ingest_module
from assistant.encoder import Encoder
from assistant.errors import AssistantError, StoreError
from assistant.generations import Lease, current_generation, writer_lock
from assistant.index import Index
from assistant.ingest import ingest
from assistant.live import LiveAssistant
from assistant.opening import open_index
from assistant.settings import Settings
from assistant.topics import load_topics
from tests.conftest import HashingEncoder

PASSAGES = 1200
KILLS = 50
BOTH_AT_ONCE = 10
REINGESTS = 20
TOPICS = load_topics()[::40]


def write_large(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(6):
        lines = [
            f"Joint {number} bends {row} times in version {version}."
            for row in range(PASSAGES // 6)
        ]
        (folder / f"joint-{number}.txt").write_text(
            f"Joint {number}\n\n" + "\n\n".join(lines) + "\n", "utf-8"
        )


def learn_fast() -> None:
    """A check of answers that is learned from few examples: it is not what is tried here."""
    ingest_module.load_topics = lambda: TOPICS  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def few_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "load_topics", lambda: TOPICS)


@pytest.fixture
def large(tmp_path: Path) -> Settings:
    write_large(tmp_path / "large", "one")
    return Settings(corpus=tmp_path / "large", data=tmp_path / "data")


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Processes forked from one that has imported everything and opened nothing.

    A fork of this one would inherit the locks of Chroma's threads.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.test_crash", "bm25s", "chromadb", "sklearn.linear_model"]
    )
    return context


def run_ingest(settings: Settings, told: Any = None) -> None:
    learn_fast()
    try:
        ingest(settings, HashingEncoder())
    except StoreError as error:
        if told is None:
            raise
        told.put(str(error))
    else:
        if told is not None:
            told.put("")
    os._exit(0)


def hold(folder: Path, ready: Any) -> None:
    with writer_lock(folder):
        ready.set()
        time.sleep(60)


def versions_in(index: Index) -> set[str]:
    return {passage.quote.rsplit(" ", 1)[-1] for passage in index.passages}


def whole(settings: Settings) -> set[str]:
    """Open the generation in use, check all of it, and say of which version it is."""
    generation = current_generation(settings.index_folder)
    assert generation
    index = Index(generation)
    index.check_every_vector()
    assert len(index.passages) == PASSAGES
    return versions_in(index)


def files_below(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_killed_ingest_leaves_the_old_or_the_new_index_whole(
    large: Settings, context: ForkServerContext
) -> None:
    started = time.perf_counter()
    first = context.Process(target=run_ingest, args=(large,))
    first.start()
    first.join()
    seconds = time.perf_counter() - started
    assert whole(large) == {"one."}
    chance = random.Random(5)
    seen = {"one."}
    for number in range(KILLS):
        write_large(large.corpus, f"{number}")
        process = context.Process(target=run_ingest, args=(large,))
        process.start()
        time.sleep(chance.uniform(0, seconds))
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found = whole(large)
        assert len(found) == 1
        assert found <= seen | {f"{number}."}
        seen |= found
    ingest(large, HashingEncoder())
    assert whole(large) == {f"{KILLS - 1}."}
    assert len(list((large.index_folder / "generations").iterdir())) <= 2
    # Texts of versions that were never in use are forgotten.
    assert len(list((large.index_folder / "texts").iterdir())) <= 6 * (len(seen) + 1)
    before = files_below(large.index_folder)
    write_large(large.corpus, "last")
    ingest(large, HashingEncoder())
    assert files_below(large.index_folder) <= before + 6


@pytest.mark.slow
def test_of_two_ingests_at_once_one_wins_and_one_is_told(
    large: Settings, context: ForkServerContext
) -> None:
    for number in range(BOTH_AT_ONCE):
        write_large(large.corpus, f"{number}")
        told = context.SimpleQueue()
        both = [context.Process(target=run_ingest, args=(large, told)) for _ in range(2)]
        for process in both:
            process.start()
        said = [told.get() for _ in both]
        for process in both:
            process.join()
        assert whole(large) == {f"{number}."}, said
        # Where the second began only after the first had ended, nothing was left to do.
        assert sum("another process is building" in message for message in said) <= 1
        assert "" in said


def test_the_second_writer_is_told_who_holds_the_index(small_settings: Settings) -> None:
    with (
        writer_lock(small_settings.index_folder),
        pytest.raises(StoreError, match=f"process {os.getpid()} on .*since 20"),
    ):
        ingest(small_settings, HashingEncoder())
    assert ingest(small_settings, HashingEncoder()).built


def test_a_lock_whose_holder_was_killed_is_free(
    small_settings: Settings, context: ForkServerContext
) -> None:
    ready = context.Event()
    process = context.Process(target=hold, args=(small_settings.index_folder, ready))
    process.start()
    assert ready.wait(30)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert ingest(small_settings, HashingEncoder()).built


def test_a_generation_that_is_read_is_not_removed(small_settings: Settings) -> None:
    def edit(number: int) -> None:
        path = small_settings.corpus / "wrist.txt"
        path.write_text(f"Sore Wrists\n\nA wrist hurts {number} times.\n", "utf-8")
        ingest(small_settings, HashingEncoder())

    edit(0)
    first = current_generation(small_settings.index_folder)
    assert first
    lease = Lease(first)
    for number in range(1, 4):
        edit(number)
    assert (first / "manifest.json").exists()
    lease.close()
    edit(4)
    assert not first.exists()


@pytest.fixture
def encoder_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: str) -> Encoder:
        return HashingEncoder()

    monkeypatch.setattr("assistant.live.build_encoder", build)


@pytest.mark.slow
@pytest.mark.usefixtures("encoder_of_words")
def test_a_chat_goes_on_through_twenty_ingests(
    small_settings: Settings, context: ForkServerContext
) -> None:
    def words(number: int) -> str:
        return f"A sore wrist often comes from typing {number} hours."

    def edit(number: int) -> None:
        text = f"Sore Wrists\n\n{words(number)} A splint keeps it straight.\n"
        (small_settings.corpus / "wrist.txt").write_text(text, "utf-8")

    edit(0)
    ingest(small_settings, HashingEncoder())
    live = LiveAssistant(small_settings)
    failures: list[Exception] = []
    asked = 0
    stop = threading.Event()
    newest = 0

    def chat() -> None:
        nonlocal asked
        while not stop.is_set():
            try:
                at_least = newest
                current = live.current
                text = current.articles["wrist"].text
                assert any(words(n) in text for n in range(at_least, REINGESTS + 1)), at_least
                answer = live.ask("What does a sore wrist come from?")
                for citation in answer.citations + answer.nearest:
                    assert (
                        any(
                            citation.quote in f"{words(n)} A splint keeps it straight."
                            for n in range(at_least, REINGESTS + 1)
                        )
                        or citation.span.article_id == "elbow"
                    ), citation.quote
                asked += 1
            except Exception as error:  # noqa: BLE001 - A thread's edge.
                failures.append(error)
                return

    chatting = threading.Thread(target=chat)
    chatting.start()
    for number in range(1, REINGESTS + 1):
        edit(number)
        process = context.Process(target=run_ingest, args=(small_settings,))
        process.start()
        process.join()
        newest = number - 1  # One question may be under way while the pointer is switched.
    stop.set()
    chatting.join()
    assert failures == []
    assert asked >= REINGESTS
    assert words(REINGESTS) in live.articles["wrist"].text


@pytest.mark.usefixtures("encoder_of_words")
def test_an_index_that_cannot_be_opened_leaves_the_one_in_use(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    live = LiveAssistant(small_settings)
    before = live.articles["wrist"].text
    path = small_settings.corpus / "wrist.txt"
    path.write_text("Wrists\n\nOther words.\n", "utf-8")
    ingest(small_settings, HashingEncoder())
    path.write_text("Wrists\n\nAnd others again.\n", "utf-8")
    assert live.articles["wrist"].text == before
    assert live.ask("What does a sore wrist come from?").disclaimer


def test_any_flipped_bit_is_found(small_settings: Settings) -> None:
    """In an article, the manifest, a stored text or any other file of the index but Chroma's."""
    ingest(small_settings, HashingEncoder())
    generation = current_generation(small_settings.index_folder)
    assert generation
    files = [
        path
        for path in (
            *small_settings.corpus.iterdir(),
            *(small_settings.index_folder / "texts").iterdir(),
            *generation.iterdir(),
        )
        if path.is_file() and path.stat().st_size
    ]
    assert len(files) >= 10
    chance = random.Random(11)
    for number in range(200):
        path = files[number % len(files)]
        before = path.read_bytes()
        at = chance.randrange(len(before))
        flipped = bytes([before[at] ^ (1 << chance.randrange(8))])
        path.write_bytes(before[:at] + flipped + before[at + 1 :])
        with pytest.raises(AssistantError):
            open_index(small_settings, HashingEncoder())
        path.write_bytes(before)
    assert open_index(small_settings, HashingEncoder())


def test_a_full_disk_is_told_and_leaves_the_index_in_use(
    small_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(small_settings, HashingEncoder())
    before = current_generation(small_settings.index_folder)
    path = small_settings.corpus / "wrist.txt"
    path.write_text("Wrists\n\nOther words.\n", "utf-8")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("assistant.index.np.save", full)
        with pytest.raises(StoreError, match=r"No space left.*free some space"):
            ingest(small_settings, HashingEncoder())
    assert current_generation(small_settings.index_folder) == before
    assert ingest(small_settings, HashingEncoder()).built


def test_a_database_that_fails_while_it_is_written_is_told(
    small_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("chromadb.api.models.Collection.Collection.add", fails)
    with pytest.raises(StoreError, match="disk is full"):
        ingest(small_settings, HashingEncoder())
    assert current_generation(small_settings.index_folder) is None
