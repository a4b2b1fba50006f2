"""The product at 100,000 passages: a written corpus, its ingest and asking it.

The text is made up from the words of health articles and varied enough that no two sentences
are alike. The first 5,000 passages are really encoded; every other vector is one of those, moved
a little, so that the index meets neighbourhoods like real ones. Each step runs in a process of its
own (``python -m evals.bench_scale``), so that memory is the step's.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from assistant.encoder import (
    PackagedEncoder,
    SentenceTransformerEncoder,
    build_encoder,
    packaged_folder,
)
from assistant.errors import StoreError
from evals.beir import CANDIDATES
from evals.bench import QUESTIONS, choose_spaced, time_asking
from evals.bench_process import resident_peak_mb
from evals.stats import SEED

ENCODED: Final = 5_000
BARE_TEXTS: Final = 1_280
SENTENCES_AN_ARTICLE: Final = 250
RECALLED: Final = 80
WARM_UP: Final = "which muscle keeps the pelvis level"
_MOVED: Final = 0.6

_SUBJECTS: Final = (
    "knee hip pelvis calf ankle thigh shin foot back spine glute hamstring quad adductor tendon "
    "ligament cartilage kneecap muscle joint fascia nerve stride posture balance cadence shoe "
    "trail hill stair squat lunge bridge plank step jump landing stretch band roller clinic coach"
).split()
_ACTIONS: Final = (
    "loads supports protects irritates tires steadies shifts turns lifts lowers rotates extends "
    "bends pulls presses warms cools trains calms delays limits improves measures explains follows"
).split()
_MANNERS: Final = (
    "slowly often rarely early later evenly daily weekly barefoot uphill downhill outdoors indoors "
    "gently firmly twice alone together quietly steadily mostly partly nearly always sometimes"
).split()
_LINKS: Final = ("while", "because", "although", "when", "after", "before", "unless", "so that")


def iter_sentences(number: int, seed: int = SEED) -> Iterator[str]:
    """`number` different sentences of 8 to 25 words, the same ones at each call."""
    rng = random.Random(seed)
    for index in range(number):
        clauses = [_clause(rng) for _ in range(rng.randint(1, 3))]
        words = clauses[0]
        for clause in clauses[1:]:
            words = [*words, rng.choice(_LINKS), *clause]
        words += ["in", "group", str(index)]
        yield " ".join(words).capitalize() + "."


def _clause(rng: random.Random) -> list[str]:
    first, second = rng.sample(_SUBJECTS, 2)
    clause = ["the", first, rng.choice(_ACTIONS), "the", second, rng.choice(_MANNERS)]
    if rng.random() < 0.5:
        clause += ["for", str(rng.randint(2, 90)), rng.choice(("minutes", "days", "weeks"))]
    return clause


def write_corpus(folder: Path, passages: int) -> None:
    """A corpus of articles with about so many sentences altogether."""
    folder.mkdir(parents=True)
    sentences = list(iter_sentences(passages))
    for number, start in enumerate(range(0, passages, SENTENCES_AN_ARTICLE)):
        part = sentences[start : start + SENTENCES_AN_ARTICLE]
        paragraphs = [" ".join(part[i : i + 5]) for i in range(0, len(part), 5)]
        text = "\n\n".join([f"Made-Up Article {number}", *paragraphs])
        (folder / f"made-up-{number:04}.txt").write_text(text, encoding="utf-8", newline="\n")


class PartlySyntheticEncoder:
    """Encodes the first 5,000 texts and makes up the other vectors; keeps the clock of each.

    Goes under the real model's name, so that the product opens what it wrote. The bare encoding
    of the same texts is timed in between, every 1,280 texts, so that a busy moment of the machine
    meets both; it has a process of its own, so that its memory is not the ingest's.

    Args:
        bare: a pool with one process, which does the bare encoding.
    """

    def __init__(self, bare: ProcessPoolExecutor) -> None:
        self.real = PackagedEncoder()
        self.bare = bare
        self.real.encode([WARM_UP])
        self.bare.submit(seconds_of_bare, [WARM_UP]).result()
        self.encoded = 0
        self.seconds_real = 0.0
        self.seconds_bare = 0.0
        self.seconds_waited = 0.0
        self.seconds_synthetic = 0.0
        self._waiting: list[str] = []
        self._known: list[NDArray[np.float32]] = []
        self._rng = np.random.default_rng(SEED)

    @property
    def name(self) -> str:
        return self.real.name

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (n, dimensions)."""
        if not texts:
            return self.real.encode([])
        started = time.perf_counter()
        if self.encoded < ENCODED:
            vectors = self.real.encode(texts)
            self.seconds_real += time.perf_counter() - started
            self.encoded += len(texts)
            self._known.append(vectors)
            self._waiting.extend(texts)
            if len(self._waiting) >= BARE_TEXTS or self.encoded >= ENCODED:
                self._encode_bare()
            return vectors
        known = np.vstack(self._known)
        vectors = known[self._rng.integers(0, len(known), len(texts))]
        noise = self._rng.standard_normal(vectors.shape).astype(np.float32)
        vectors = vectors + _MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.seconds_synthetic += time.perf_counter() - started
        return np.asarray(vectors, np.float32)

    def _encode_bare(self) -> None:
        started = time.perf_counter()
        self.seconds_bare += self.bare.submit(seconds_of_bare, self._waiting).result()
        self.seconds_waited += time.perf_counter() - started
        self._waiting.clear()


@cache
def _sentence_transformer() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(packaged_folder())


def seconds_of_bare(texts: Sequence[str]) -> float:
    """How long sentence-transformers takes to encode these texts; the first call loads it too."""
    encoder = _sentence_transformer()
    started = time.perf_counter()
    encoder.encode(texts)
    return time.perf_counter() - started


def ingest_step(home: Path, corpus: Path, rows: int) -> dict[str, float]:
    """Writes and ingests the corpus; ratios and memory of it."""
    from assistant.ingest import ingest
    from assistant.settings import Settings

    write_corpus(corpus, rows)
    settings = Settings.from_environment(corpus=corpus, data=home / "data")
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as bare:
        encoder = PartlySyntheticEncoder(bare)
        started = time.perf_counter()
        report = ingest(settings, encoder)
        total = time.perf_counter() - started - encoder.seconds_waited
    beside = total - encoder.seconds_real - encoder.seconds_synthetic
    as_if = encoder.seconds_real + beside * encoder.encoded / report.passages
    return {
        "passages": report.passages,
        "index_rows_per_second": report.passages / beside,
        "ingest_over_encode": encoder.seconds_bare / as_if,
        "peak_mb": resident_peak_mb(os.getpid()),
    }


def ask_step(home: Path, corpus: Path) -> dict[str, float]:
    """Opens what was ingested and asks it; recall of Chroma against exact search.

    Half of what is asked stands in the corpus, so that answers are found and composed.
    """
    from assistant.opening import open_index
    from assistant.pipeline import build_assistant
    from assistant.settings import Settings

    settings = Settings.from_environment(corpus=corpus, data=home / "data")
    assistant = build_assistant(settings)
    encoder = build_encoder(settings.model)
    index = open_index(settings, encoder)
    quotes = choose_spaced([passage.quote for passage in index.passages], RECALLED)
    found = []
    all_rows = np.arange(len(index.passages))
    for vector in encoder.encode([*QUESTIONS, *quotes]):
        exact = np.argsort(-index.similarities(vector, all_rows), kind="stable")[:10]
        near = {row for row, _ in index.nearest(vector, CANDIDATES)[:10]}
        found.append(len(near & set(exact.tolist())) / 10)
    assistant.ask(WARM_UP)
    asked = [*QUESTIONS, *quotes[: len(QUESTIONS)]]
    times = time_asking(assistant.ask, assistant.retriever.encoder.encode, asked)
    return {"ask_over_encode": median(times.ratios), "recall@10": float(np.mean(found))}


def write_small_corpus(corpus: Path, folder: Path) -> None:
    """The articles and their description without written questions, as at scale there are none."""
    folder.mkdir(parents=True)
    for path in [*corpus.glob("*.txt"), corpus / "sources.toml"]:
        if path.is_file():
            shutil.copy(path, folder / path.name)


def measure_scale(home: Path, rows: int, corpus: Path, console: Console) -> dict[str, float]:
    """The figures of `scale`.

    Asking is compared with asking the articles of `corpus` in the same way: in a process of its
    own, without a written index of questions, each divided by encoding, which keeps a machine
    that is busier at one of the two times out of the ratio.

    Raises:
        StoreError: A step failed; its last line says why.
    """
    made_up, small = home / "made-up", home / "small"
    write_small_corpus(corpus, small)
    asked_small = _run_step("ask", home, small)
    ingested = _run_step("ingest", home, made_up, rows)
    console.print(f"bench: {ingested['passages']:,.0f} passages ingested, now asking")
    asked = _run_step("ask", home, made_up)
    return {
        "ask_over_small": asked["ask_over_encode"] / asked_small["ask_over_encode"],
        "recall@10": asked["recall@10"],
        "index_rows_per_second": ingested["index_rows_per_second"],
        "ingest_over_encode": ingested["ingest_over_encode"],
        "peak_mb": ingested["peak_mb"],
    }


def _run_step(step: str, home: Path, corpus: Path, rows: int = 0) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench_scale", step, str(home), str(corpus), str(rows)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StoreError(f"bench: {step} of {corpus.name} failed: {last}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: float(value) for name, value in figures.items()}


def main(arguments: Sequence[str]) -> None:
    """One step in its own process; the figures as the last line of stdout."""
    from assistant.settings import quiet_environment

    quiet_environment()
    step, home, corpus, rows = arguments[0], *map(Path, arguments[1:3]), int(arguments[3])
    figures = ingest_step(home, corpus, rows) if step == "ingest" else ask_step(home, corpus)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
