"""Result files: what one run measured, as JSON, named by date and commit.

Of the test split a file holds the figures and nothing of a single case, so that nobody can tune on
it. It says what was measured: a hash of the cases, of each split apart, and of each corpus file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from assistant.documents import SUFFIXES
from assistant.errors import UsageError
from evals.cases import Case
from evals.figures import compute_figures
from evals.lines import LineError, parse_object, read_text
from evals.scoring import CaseResult

RESULTS: Final = Path(__file__).resolve().parent / "results"
PROJECT: Final = Path(__file__).resolve().parent.parent
FORMAT: Final = 2
SPLITS: Final = ("dev", "test", "all")
_LIBRARIES: Final = (
    "chromadb",
    "sentence-transformers",
    "torch",
    "bm25s",
    "scikit-learn",
    "scipy",
    "ir-measures",
)


def build_result(
    results: Sequence[CaseResult],
    *,
    suite_files: Sequence[str],
    default_suite: bool,
    split: str,
    seconds: float,
    corpus: Path,
    show_test: bool = False,
    judged: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of a result file.

    Args:
        split: The split that was run: dev, test or all.
        default_suite: Whether these are the project's own cases; only such a result is published.
        corpus: The folder that was asked about.
        show_test: Whether cases of the test split are listed too.
        judged: What a judging model said, if one was asked.
    """
    figures = {}
    for name in SPLITS:
        part = [r for r in results if name in ("all", r.case.split)]
        if part and (name == split or split == "all"):
            figures[name] = {key: f.to_json() for key, f in compute_figures(part).items()}
    of_split = {name: [r.case for r in results if r.case.split == name] for name in ("dev", "test")}
    commit, changed = commit_of(PROJECT)
    result: dict[str, Any] = {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "tree_changed": changed,
        "seconds": round(seconds, 1),
        "machine": {"python": platform.python_version(), "system": platform.system()},
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "suite": {
            "files": list(suite_files),
            "default": default_suite,
            "split": split,
            "cases": len(results),
            "dev": len(of_split["dev"]),
            "test": len(of_split["test"]),
            "sha256": {name: hash_cases(cases) for name, cases in of_split.items() if cases},
        },
        "corpus": hash_corpus(corpus),
        "figures": figures,
        "cases": [case_row(r) for r in listed_of(results, show_test)],
    }
    if judged:
        result["judge"] = dict(judged)
    return result


def listed_of(results: Sequence[CaseResult], show_test: bool) -> list[CaseResult]:
    """What may be shown case by case."""
    return [r for r in results if show_test or r.case.split == "dev"]


def case_row(result: CaseResult) -> dict[str, Any]:
    """One listed case; quotes are left out, their ids say where they stand."""
    case, look = result.case, result.look
    row: dict[str, Any] = {
        "id": case.id,
        "sha256": hash_case(case),
        "split": case.split,
        "case_kind": case.kind.value,
        "question": case.question[:160],
        "expected": {"outcome": case.expect_outcome.value, "kind": case.expect_kind.value},
        "got": {"outcome": result.outcome, "kind": result.kind},
        "status": result.status.value,
        "reasons": list(result.reasons),
        "cited": [span.id for span in result.cited],
        "gold_cited": result.gold_cited,
        "answered": result.answered,
        "precision": _precision(result),
    }
    if look is not None:
        row["answerability"] = round(look.answerability, 4)
    return row


def _precision(result: CaseResult) -> float | None:
    if not (result.answered and result.case.expects_answer and result.case.gold):
        return None
    return round(result.relevant_cited / len(result.cited), 4)


def hash_case(case: Case) -> str:
    """12 digits that change with what is asked or expected, not with the id or the group."""
    parts = [
        case.question,
        [(turn.role, turn.content) for turn in case.history],
        [span.id for span in case.gold],
        [span.id for span in case.alt_gold],
        [case.kind, case.expect_outcome, case.expect_kind],
    ]
    return _digits(json.dumps(parts).encode("ascii"))


def hash_cases(cases: Iterable[Case]) -> str:
    """12 digits over all cases, whatever their order."""
    return _digits("\n".join(sorted(f"{hash_case(c)} {c.id}" for c in cases)).encode("utf-8"))


def hash_corpus(folder: Path) -> dict[str, str]:
    """File name → 12 digits of its SHA-256, for the articles and what is written beside them."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    kinds = (*SUFFIXES, ".jsonl", ".toml")
    read = [path for path in files if path.suffix in kinds and path.stem != "README"]
    return {path.name: _digits(path.read_bytes()) for path in read}


def _digits(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def commit_of(folder: Path) -> tuple[str, bool]:
    """The short commit of a working copy and whether anything but results differs from it."""
    commit = _git(folder, "rev-parse", "--short=8", "HEAD") or "no-commit"
    changed = _git(folder, "status", "--porcelain", "--", ".", ":!evals/results")
    return commit, bool(changed)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def result_name(result: Mapping[str, Any]) -> str:
    """``<date>-<commit>``, then the split and the suite's name where it is not all of our own."""
    suite = result["suite"]
    parts = [result["made"][:10], result["commit"]]
    if not suite["default"]:
        stems = "+".join(Path(name).stem for name in suite["files"])
        parts.append(re.sub(r"[^A-Za-z0-9._+-]", "_", stems)[:40])
    if suite["split"] != "all":
        parts.append(suite["split"])
    return "-".join(parts)


def save_result(result: Mapping[str, Any], folder: Path) -> Path:
    """Writes the result and returns its path; none is replaced, a second of a name gets ``-2``."""
    name = result_name(result)
    path, number = folder / f"{name}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.json"
    write_text(path, _layout(result))
    return path


def write_text(path: Path, text: str) -> None:
    """Writes beside the target and renames, so that a stopped run leaves no half file.

    Raises:
        UsageError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(text.encode("utf-8"))
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _layout(result: Mapping[str, Any]) -> str:
    """JSON with one line for each case and figure, so that git shows what changed."""

    def flat(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for key, value in result.items():
        if key == "cases":
            text = "[\n" + ",\n".join(flat(row) for row in value) + "\n]"
        elif key == "figures":
            splits = [
                f"{flat(split)}: {{\n"
                + ",\n".join(f"{flat(k)}: {flat(v)}" for k, v in of.items())
                + "\n}"
                for split, of in value.items()
            ]
            text = "{" + ", ".join(splits) + "}"
        else:
            text = flat(value)
        parts.append(f"{flat(key)}: {text}")
    return "{" + ",\n".join(parts) + "}\n"


_NUMBER: Final = (int, float)
_SHAPE: Final[Mapping[str, Any]] = {
    "made": str,
    "commit": str,
    "tree_changed": bool,
    "seconds": _NUMBER,
    "suite": {"default": bool, "split": str, "cases": int, "dev": int, "test": int},
    "figures": dict,
    "cases": list,
}
_FIGURE: Final[Mapping[str, Any]] = {
    "value": (*_NUMBER, type(None)),
    "n": int,
    "low": (*_NUMBER, type(None)),
    "high": (*_NUMBER, type(None)),
    "better": str,
}
_ROW: Final[Mapping[str, Any]] = {
    "id": str,
    "split": str,
    "question": str,
    "got": dict,
    "status": str,
    "reasons": list,
    "cited": list,
    "answered": bool,
    "precision": (*_NUMBER, type(None)),
}


def load_result(path: Path) -> dict[str, Any]:
    """Reads a result file.

    Raises:
        UsageError: It cannot be read, is of another format or lacks something.
    """
    try:
        result = parse_object(read_text(path))
        _check_result(result)
    except LineError as error:
        raise UsageError(
            f"{path}: not a result file: {error}; write one with `python -m evals run`"
        ) from error
    return result


def _check_result(result: dict[str, Any]) -> None:
    if result.get("format") not in (1, FORMAT):
        raise LineError(f"its format is {result.get('format')!r:.40}, not {FORMAT}")
    _check(result, _SHAPE, "")
    if result["format"] == 1:
        _bring_up(result)
    else:
        _check(result, {"suite": {"sha256": dict}, "corpus": dict}, "")
    for split, figures in result["figures"].items():
        _check(figures, {}, f"figures.{split}.")
        for name, figure in figures.items():
            _check(figure, _FIGURE, f"figures.{split}.{name}.")
    for number, row in enumerate(result["cases"]):
        _check(row, _ROW, f"cases[{number}].")
        if row["status"] not in ("pass", "partial", "fail"):
            raise LineError(f"cases[{number}].status is {row['status']!r:.40}")


def _check(value: object, shape: Mapping[str, Any], place: str) -> None:
    if not isinstance(value, dict):
        raise LineError(f"{place.rstrip('.')} is not an object")
    for key, wanted in shape.items():
        if key not in value:
            raise LineError(f"{place}{key} is missing")
        if isinstance(wanted, Mapping):
            _check(value[key], wanted, f"{place}{key}.")
        elif not isinstance(value[key], wanted):
            raise LineError(f"{place}{key} is {value[key]!r:.40}")


def _bring_up(result: dict[str, Any]) -> None:
    """Format 1 kept marks of every case under a hash of its id; those of test are let go."""
    marks = result.pop("marks", None)
    for row in result["cases"]:
        if isinstance(marks, dict) and isinstance(row, dict):
            mark = marks.get(_digits(str(row.get("id")).encode("utf-8")))
            if isinstance(mark, dict):
                row.update({key: mark[key] for key in ("answered", "precision") if key in mark})


def why_partial(result: Mapping[str, Any]) -> str:
    """Why a result stands for less than the project's own suite at a commit; empty if it does."""
    suite = result["suite"]
    if not suite["default"]:
        return "it is not of the project's own cases"
    if suite["split"] != "all":
        return f"it is of the {suite['split']} split alone"
    if result["tree_changed"]:
        return "the code had changes that were not committed"
    return ""


def newest_published(paths: Iterable[Path]) -> Path | None:
    """The newest result over the whole default suite at a commit; None if there is none.

    Raises:
        UsageError: A file is no result.
    """
    whole = []
    for path in paths:
        result = load_result(path)
        if not why_partial(result):
            whole.append((result["made"], path))
    return max(whole)[1] if whole else None
