"""A bad day: a full disk, no memory, an odd locale, no home. One line says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assistant import ingest as ingest_module
from assistant.encoder import PackagedEncoder, packaged_folder
from assistant.errors import ModelError
from assistant.generations import current_generation
from assistant.ingest import ingest
from assistant.live import LiveAssistant
from assistant.minilm import load_weights
from assistant.network import WEIGHTS_FILE
from assistant.settings import Settings
from assistant.topics import load_topics
from tests.conftest import HashingEncoder

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1 << 20

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(small_settings: Settings, tmp_path: Path) -> Run:
    """The command line in a process of its own, with these variables and, before it, this code."""

    def call(
        *argv: str, before: str = "", variables: Mapping[str, str] | None = None, corpus: str = ""
    ) -> subprocess.CompletedProcess[str]:
        code = f"{before}\nimport sys\nfrom assistant.cli import main\nsys.exit(main({argv!r}))"
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONDONTWRITEBYTECODE": "1",  # Python would write halves of its own files.
                "HOME": str(tmp_path),
                "ASSISTANT_DATA": str(small_settings.data),
                "ASSISTANT_CORPUS": corpus or str(small_settings.corpus),
                **(variables or {}),
            },
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=200,
            check=False,
        )

    return call


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("knee-hip: ")]
    return line


LIMIT_FILES = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
)
LIMIT_MEMORY = "import resource; resource.setrlimit(resource.RLIMIT_AS, ({0}, {0}))"


@pytest.mark.slow
@pytest.mark.parametrize("most_bytes", [20_000, 200_000])
def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing_behind(
    run: Run, small_settings: Settings, most_bytes: int
) -> None:
    line = told(run("ingest", before=LIMIT_FILES.format(most_bytes)))
    assert "free some space" in line or "has space" in line
    assert not (small_settings.index_folder / "current").exists()
    assert not list((small_settings.index_folder / "generations").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [350, 200])
def test_too_little_memory_is_told(run: Run, megabytes: int) -> None:
    """Of address space, as `ulimit -v` limits it.

    Not from 500 MB on: where OpenBLAS is loaded and gets no memory for itself, it waits for ever.
    """
    assert "memory" in told(run("ingest", before=LIMIT_MEMORY.format(megabytes * MEGABYTE)))


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"},
        {"HOME": "/nowhere", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "TMPDIR": "/nowhere"},
        {"HOME": ""},
    ],
    ids=["locale C", "ascii output", "proxy", "no home", "empty home"],
)
def test_an_odd_environment_changes_no_word(
    run: Run, variables: dict[str, str], small_corpus: Path
) -> None:
    text = "Ankles\n\nAn ankle’s “turn” is a sprain.\n"
    (small_corpus / "ankle.txt").write_text(text, "utf-8")
    done = run("cite", "ankle:8-38", variables=variables)
    assert done.returncode == 0, done.stderr
    assert "An ankle’s “turn” is a sprain." in done.stdout


def test_without_a_home_the_data_folder_has_to_be_named(run: Run) -> None:
    line = told(run("cite", "elbow:0-5", variables={"ASSISTANT_DATA": "~nobody-there/data"}))
    assert "write the path out" in line


def test_a_model_file_that_was_cut_off_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (packaged_folder() / WEIGHTS_FILE).read_bytes()
    for size in (0, 5, 100, len(whole) // 2):
        (tmp_path / WEIGHTS_FILE).write_bytes(whole[:size])
        with pytest.raises(ModelError, match="install it again"):
            load_weights(tmp_path / WEIGHTS_FILE)
    monkeypatch.setattr("assistant.encoder.packaged_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="not the published one; install"):
        PackagedEncoder()


def test_a_broken_library_is_told(run: Run) -> None:
    before = "import sys; sys.modules['assistant.citations'] = None"
    assert "install it again" in told(run("cite", "elbow:0-5", before=before))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words for an encoder, and a check of answers that is learned from few examples."""
    topics = load_topics()[::40]
    monkeypatch.setattr(ingest_module, "load_topics", lambda: topics)
    monkeypatch.setattr("assistant.live.build_encoder", lambda _: HashingEncoder())


@pytest.mark.usefixtures("fast")
def test_a_clock_that_goes_back_hides_no_new_index(
    small_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(small_settings, HashingEncoder())
    live = LiveAssistant(small_settings)
    before = current_generation(small_settings.index_folder)
    for past in ("Back.", "Further back."):
        monkeypatch.setattr("assistant.generations.time.time_ns", lambda: 5)
        text = f"Wrists\n\nThey bend. {past}\n"
        (small_settings.corpus / "wrist.txt").write_text(text, "utf-8")
        ingest(small_settings, HashingEncoder())
        after = current_generation(small_settings.index_folder)
        assert after != before
        assert live.articles["wrist"].text == text
        before = after


@pytest.mark.usefixtures("fast")
def test_two_servers_on_one_index_both_go_on_with_the_newest(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    both = LiveAssistant(small_settings), LiveAssistant(small_settings)
    for number in range(3):
        text = f"Wrists\n\nThey bend {number} times.\n"
        (small_settings.corpus / "wrist.txt").write_text(text, "utf-8")
        ingest(small_settings, HashingEncoder())
        for server in both:
            assert server.ask("how often do wrists bend").disclaimer
            assert server.articles["wrist"].text == text
    assert len(list((small_settings.index_folder / "generations").iterdir())) <= 2
