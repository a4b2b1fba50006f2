"""`python -m evals run`: suite → observations → results → table, JSON file and page."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from assistant.errors import UsageError
from evals.cases import CASES, Suite, load_suite
from evals.report import progress
from evals.results import RESULTS, build_result, listed_of, save_result
from evals.scoring import CaseResult, score
from evals.subject import AssistantSubject, Subject, observe
from evals.truth import Truth, load_truth


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was asked for on the command line.

    Attributes:
        suite: Files of cases; empty for the project's own.
        split: dev, test or all.
        show_test: Whether cases of the test split are listed one by one.
        judge: A model for `init_chat_model`, or empty.
        chat_model: The language model that writes the answers, or empty for the environment's.
        chat_mode: What it may do.
    """

    corpus: Path
    suite: tuple[Path, ...] = ()
    split: str = "all"
    out: Path = RESULTS
    show_test: bool = False
    judge: str = ""
    chat_model: str = ""
    chat_mode: str = ""


def default_suite_files() -> list[Path]:
    """The project's own cases, in order of their names."""
    return sorted(CASES.glob("*.jsonl"))


def load_chosen_suite(options: RunOptions, truth: Truth) -> Suite:
    """The cases of the chosen files and split.

    Raises:
        SuiteError: A file has a fault.
        UsageError: No case is of this split.
    """
    files = list(options.suite) or default_suite_files()
    suite = load_suite(files, truth.texts)
    cases = tuple(c for c in suite.cases if options.split in ("all", c.split))
    if not cases:
        raise UsageError(f"no case of split {options.split!r} in the suite; choose --split all")
    return Suite(cases, suite.files)


def open_subject(
    corpus: Path, console: Console, chat_model: str = "", chat_mode: str = ""
) -> Subject:
    """The project's assistant over a corpus; builds its index if it is missing."""
    from assistant.pipeline import build_assistant
    from assistant.settings import Settings

    settings = Settings.from_environment(
        corpus=corpus, chat_model=chat_model or None, chat_mode=chat_mode or None
    )
    with console.status("opening the assistant"):
        return AssistantSubject(build_assistant(settings))


def measure(
    subject: Subject, suite: Suite, truth: Truth, console: Console
) -> tuple[list[CaseResult], float]:
    """Asks every case and judges it; also how many seconds the asking took."""
    started = time.perf_counter()
    with progress(console) as bar:
        task = bar.add_task("asking", total=len(suite.cases))
        observations = observe(subject, suite.cases, lambda done: bar.advance(task, done))
    return [score(o, truth) for o in observations], time.perf_counter() - started


def run(
    options: RunOptions, console: Console, subject: Subject | None = None
) -> tuple[dict[str, Any], Path]:
    """The whole run; the result and the path of its JSON file, the page lies beside it.

    Args:
        console: For progress, never for the result.
        subject: What is measured; by default the project's assistant.

    Raises:
        AssistantError: Something that the operator can repair; nothing was measured then.
    """
    from evals.page import write_page

    truth = load_truth(options.corpus)
    suite = load_chosen_suite(options, truth)
    judge = None
    if options.judge:
        from evals.judge import build_judge

        judge = build_judge(options.judge)
    _check_writable(options.out)
    subject = subject or open_subject(
        options.corpus, console, options.chat_model, options.chat_mode
    )
    results, seconds = measure(subject, suite, truth, console)
    judged = judge.judge_all(results, console, options.show_test) if judge else None
    result = build_result(
        results,
        suite_files=suite.files,
        default_suite=not options.suite,
        split=options.split,
        seconds=seconds,
        corpus=options.corpus,
        show_test=options.show_test,
        judged=judged,
    )
    if isinstance(subject, AssistantSubject) and (model := subject.language_model):
        result["language_model"] = model
        console.print("language model:", model)
    path = save_result(result, options.out)
    listed = listed_of(results, options.show_test)
    write_page(result, listed, truth, path.with_suffix(".html"))
    return result, path


def _check_writable(folder: Path) -> None:
    """Finds out before the run, not after it, that the result cannot be written."""
    probe = folder / f".writable.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be written ({error.strerror}); choose another --out"
        ) from error
