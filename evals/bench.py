"""`python -m evals bench`: speed as ratios within one run, and memory.

A ratio to the bare library in the same run says what this project costs on top of it, on any
machine. What needs a fresh process is in ``bench_process``, what needs 100,000 passages in
``bench_scale``.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from evals.cases import CASES, CaseKind

T = TypeVar("T")

ROWS: Final = 100_000

QUESTIONS: Final = (
    "why does my knee hurt when i run",
    "what does the gluteus medius do",
    "how do i do a hip airplane",
    "pain on the outside of my knee going downstairs",
    "can a weak hip cause knee pain",
    "which exercises strengthen the outer hip muscle",
    "what is trendelenburg gait",
    "does it band pain come from the hip",
    "how long should i hold a side plank",
    "why do my knees fall inwards when i squat",
    "is foam rolling my calf useful for knee pain",
    "what are lazy glutes",
    "will insurance pay for my physio",
    "can i take ibuprofen for sore knees",
    "what did the review of 47 studies find",
    "how can i tell if my glute med is weak",
    "my hip drops when i stand on one leg what does it mean",
    "are monster walks good for runners",
    "why does my lower back ache after running",
    "what is the best pizza in town",
)
"""Written for timing only: short and long, answered and not."""

ASKED_ONCE: Final = 150
ENCODED_BESIDE: Final = 3

MEANINGS: Final[Mapping[str, str]] = {
    "ask_over_encode": "a question asked for the first time ÷ sentence-transformers' encode, "
    "median of 150",
    "ask_p95_over_encode": "the same, 95th percentile of the single questions",
    "encode_over_encode": "our encoding of a question ÷ sentence-transformers' encode",
    "both_over_encode": "one run that encodes a question and reads it for safety ÷ the same",
    "ingest_over_encode": "passages a second ÷ those of bare encoding (1 is the ceiling)",
    "startup_over_gradio_import": "ui.py until /healthz answers ÷ import gradio",
    "ready_over_gradio_import": "ui.py until /readyz says that it can answer ÷ import gradio",
    "cold_ask_over_import_encode": "one `ask` in a new process ÷ import, load and encode in one",
    "peak_mb": "the chat page's process after 100 questions",
    "ask_over_small": "one question ÷ one on the four articles without their written questions",
    "recall@10": "of the exact ten nearest, how many Chroma finds",
    "index_rows_per_second": "rows indexed a second, encoding left out",
}


@dataclass(frozen=True, slots=True)
class AskTimes:
    """Seconds of asking and of encoding alone, one pair a question."""

    ask: tuple[float, ...]
    encode: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        return [a / e for a, e in zip(self.ask, self.encode, strict=True)]


def run_bench(corpus: Path, console: Console, quick: bool = False) -> dict[str, Any]:
    """Every ratio of DESIGN section 5.

    Args:
        quick: Leaves `scale` out.

    Returns:
        The figures under the names of DESIGN section 5.
    """
    from evals import bench_process, bench_scale

    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="evals-bench-") as home:
        console.print("bench: asking the four articles")
        times, here = measure_here(corpus, Path(home), 1 if quick else 2)
        figures |= here
        figures["ask_over_encode"] = median(times.ratios)
        figures["ask_p95_over_encode"] = float(np.percentile(times.ratios, 95))
        console.print("bench: starting new processes")
        figures |= bench_process.measure_processes(corpus, Path(home))
        if not quick:
            console.print(f"bench: {ROWS:,} passages, some minutes")
            figures["scale"] = {
                str(ROWS): bench_scale.measure_scale(Path(home), ROWS, corpus, console)
            }
    return _rounded(figures)


def measure_here(corpus: Path, home: Path, rounds: int) -> tuple[AskTimes, dict[str, float]]:
    """Asking and ingesting the corpus in this process, after the model is loaded.

    Args:
        rounds: How often the whole ingest is timed, the bare encoding in between; the best counts.

    Returns:
        The times of asking; our encoder's time for a question over sentence-transformers', and the
        ingest's rate over that of bare encoding.
    """
    from assistant.encoder import (
        PackagedEncoder,
        SentenceTransformerEncoder,
        build_encoder,
        packaged_folder,
    )
    from assistant.ingest import ingest
    from assistant.opening import open_index
    from assistant.pipeline import build_assistant
    from assistant.settings import Settings

    settings = Settings.from_environment(corpus=corpus, data=home)
    encoder = build_encoder(settings.model)
    reference = SentenceTransformerEncoder(packaged_folder())
    for either in (encoder, reference):
        either.encode(["warm up"])
    whole, bare = [], []
    for _ in range(rounds):
        whole.append(_seconds(lambda: ingest(settings, encoder, force=True)))
        index = open_index(settings, encoder)
        texts = [p.embedded_text for p in index.passages] + [q.text for q in index.questions]
        bare.append(_seconds(partial(reference.encode, texts)))
    assistant = build_assistant(settings)
    for question in QUESTIONS:
        assistant.ask(question)
    questions = choose_spaced([*iter_searched_questions()], ASKED_ONCE)
    # Before they are asked: of a question that was asked the encoder's vector is remembered.
    ours = time_asking(lambda text: encoder.encode([text]), reference.encode, questions)
    run = PackagedEncoder().network.minilm.run
    both = time_asking(lambda text: run([text, text], [True, False]), reference.encode, questions)
    times = time_asking(assistant.ask, reference.encode, questions)
    return times, {
        "encode_over_encode": median(ours.ratios),
        "both_over_encode": median(both.ratios),
        "ingest_over_encode": min(bare) / min(whole),
    }


def iter_searched_questions() -> Iterator[str]:
    """Different questions of the dev split that are searched for, without their conversations."""
    asked: set[str] = set(QUESTIONS)
    for kind in (CaseKind.ANSWERABLE, CaseKind.MULTI_ARTICLE, CaseKind.NEAR_MISS):
        for line in (CASES / f"{kind}.jsonl").read_text(encoding="utf-8").split("\n"):
            row = json.loads(line) if line.strip() else {}
            if row.get("split") == "dev" and row["question"] not in asked:
                asked.add(row["question"])
                yield row["question"]


def choose_spaced(items: Sequence[T], number: int) -> list[T]:
    """At most `number` of the items, evenly spaced."""
    return list(items[:: max(1, len(items) // number)][:number])


def time_asking(
    ask: Callable[[str], object],
    encode: Callable[[Sequence[str]], object],
    questions: Iterable[str],
) -> AskTimes:
    """Each question asked once, the median of three encodings of it right after.

    Nothing is warmed up by the question itself: what an assistant remembers of a question, or of
    suggestions that it has checked, would hide what the first person to ask it waits for.
    """
    asked, encoded = [], []
    for question in questions:
        asked.append(_seconds(partial(ask, question)))
        beside = [_seconds(partial(encode, [question])) for _ in range(ENCODED_BESIDE)]
        encoded.append(median(beside))
    return AskTimes(tuple(asked), tuple(encoded))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value)
        if isinstance(value, Mapping)
        else None
        if value is None
        else round(float(value), 3)
        for name, value in figures.items()
    }


def print_bench(figures: Mapping[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table(title="Speed as ratios within one run; memory in MB")
    for name in ("figure", "value", "what it is"):
        table.add_column(name)
    for name, value in figures.items():
        if not isinstance(value, Mapping):
            shown = "not measured" if value is None else f"{value:g}"
            table.add_row(name, shown, MEANINGS.get(name, ""))
    for rows, of_rows in figures.get("scale", {}).items():
        table.add_section()
        for name, value in of_rows.items():
            meaning = "of the ingest" if name == "peak_mb" else MEANINGS.get(name, "")
            table.add_row(f"{name}, {int(rows):,} passages", f"{value:g}", meaning)
    console.print(table)
