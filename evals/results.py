"""Result files: what one run measured, as JSON, named by date and commit.

Of the test split a file holds the figures, and for each case only a mark under a hash of its id:
enough for a paired comparison, too little to tune on.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from assistant.errors import UsageError
from evals.figures import compute_figures
from evals.scoring import CaseResult, Status

RESULTS: Final = Path(__file__).resolve().parent / "results"
PROJECT: Final = Path(__file__).resolve().parent.parent
FORMAT: Final = 1
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
    show_test: bool = False,
    judged: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of a result file.

    Args:
        split: The split that was run: dev, test or all.
        default_suite: Whether these are the project's own cases; only such a result is published.
        show_test: Whether cases of the test split are listed too.
        judged: What a judging model said, if one was asked.
    """
    figures = {}
    for name in SPLITS:
        part = [r for r in results if name in ("all", r.case.split)]
        if part and (name == split or split == "all"):
            figures[name] = {key: f.to_json() for key, f in compute_figures(part).items()}
    listed = [r for r in results if show_test or r.case.split == "dev"]
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
            "dev": sum(r.case.split == "dev" for r in results),
            "test": sum(r.case.split == "test" for r in results),
        },
        "figures": figures,
        "cases": [case_row(r) for r in listed],
        "marks": {mark_key(r.case.id): _mark(r) for r in results},
    }
    if judged:
        result["judge"] = dict(judged)
    return result


def case_row(result: CaseResult) -> dict[str, Any]:
    """One listed case; quotes are left out, their ids say where they stand."""
    case, look = result.case, result.look
    row: dict[str, Any] = {
        "id": case.id,
        "split": case.split,
        "case_kind": case.kind.value,
        "question": case.question[:160],
        "expected": {"outcome": case.expect_outcome.value, "kind": case.expect_kind.value},
        "got": {"outcome": result.outcome, "kind": result.kind},
        "status": result.status.value,
        "reasons": list(result.reasons),
        "cited": [span.id for span in result.cited],
        "gold_cited": result.gold_cited,
    }
    if look is not None:
        row["answerability"] = round(look.answerability, 4)
    return row


def mark_key(case_id: str) -> str:
    """A short hash under which a case's mark is kept."""
    return hashlib.sha256(case_id.encode("utf-8")).hexdigest()[:12]


def _mark(result: CaseResult) -> dict[str, Any]:
    return {
        "split": result.case.split,
        "right": result.right,
        "complete": result.status is Status.PASS,
        "answered": result.answered,
        "precision": (
            round(result.relevant_cited / len(result.cited), 4)
            if result.answered and result.case.expects_answer and result.case.gold
            else None
        ),
    }


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


def save_result(result: Mapping[str, Any], folder: Path) -> Path:
    """Writes ``<date>-<commit>.json`` and returns its path; a run of the same name is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['made'][:10]}-{result['commit']}.json"
    path.write_text(_layout(result), encoding="utf-8", newline="\n")
    return path


def _layout(result: Mapping[str, Any]) -> str:
    """JSON with one line for each case, mark and figure, so that git shows what changed."""

    def flat(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for key, value in result.items():
        if key == "cases":
            text = "[\n" + ",\n".join(flat(row) for row in value) + "\n]"
        elif key == "marks":
            text = "{\n" + ",\n".join(f"{flat(k)}: {flat(v)}" for k, v in value.items()) + "\n}"
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


def load_result(path: Path) -> dict[str, Any]:
    """Reads a result file.

    Raises:
        UsageError: It cannot be read or is of another format.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; name a result file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a result file ({error}); run `evals run`") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise UsageError(f"{path}: not a result file of format {FORMAT}; run `python -m evals run`")
    return result


def tracked_results(folder: Path = RESULTS) -> list[Path]:
    """The result files that git knows."""
    names = _git(folder, "ls-files", "--", "*.json").splitlines() if folder.is_dir() else []
    return [folder / Path(name).name for name in names if (folder / Path(name).name).is_file()]


def newest_published(paths: Iterable[Path]) -> Path | None:
    """The newest result over the whole default suite; None if there is none."""
    found: list[tuple[str, Path]] = []
    for path in paths:
        try:
            result = load_result(path)
        except UsageError:
            continue
        if result["suite"]["default"] and result["suite"]["split"] == "all":
            found.append((result["made"], path))
    return max(found)[1] if found else None
