"""Asks for open advisories of every version in ``constraints.txt``, as CI does.

``python .ci/audit.py`` needs the extra ``audit`` and lets pip-audit ask OSV (https://osv.dev). That
is sent names and versions. What ``advisories.toml`` explains is passed by.

Exit code 0 where nothing else is known, and where the service cannot be asked, which is said: that
it is down is no fault of a change. 1 for an advisory that nobody has explained, and for whatever is
wrong with the asking itself; with ``--must-ask`` also where there was no reply.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ALL_SECONDS: Final = 600
ONE_SECONDS: Final = 15
# How pip-audit ends where the service is not there, is busy or sends what is no reply of it.
_NO_REPLY: Final = re.compile(
    r"^(?:requests|urllib3)\.exceptions\.\w+|\bServiceError\b|Could not connect to", re.M
)


class AuditError(Exception):
    """What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A row of ``advisories.toml``: these advisories of this version do not reach us."""

    package: str
    version: str
    ids: tuple[str, ...]
    read: date
    what: str
    reason: str

    def holds_for(self, package: str, version: str, ids: Sequence[str]) -> bool:
        """Whether it speaks of that advisory, by whichever of its names, in that version."""
        same = (normal(self.package), self.version) == (normal(package), version)
        return same and not set(self.ids).isdisjoint(ids)


@dataclass(frozen=True, slots=True)
class Found:
    """An advisory that the service knows of a version."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no fixed version"
        return f"{self.package} {self.version}: {', '.join(self.ids)} ({fixed})"


def normal(package: str) -> str:
    """A package's name as every index writes it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def load_explained(path: Path) -> tuple[Explained, ...]:
    """The rows of ``advisories.toml``.

    Raises:
        AuditError: it cannot be read, or a row is not whole.
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("advisory", [])
        return tuple(_explained(row) for row in rows)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise AuditError(f"{path}: cannot be used ({error}); correct it") from error


def _explained(row: Mapping[str, Any]) -> Explained:
    found = Explained(**{**row, "ids": tuple(row.get("ids", ()))})
    words = (found.package, found.version, found.what, found.reason, *found.ids)
    if not found.ids or not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError(f"a row of {found.package!r} has an empty place")
    if type(found.read) is not date:
        raise ValueError(f"a row of {found.package!r} has no day such as 2026-11-25 in `read`")
    return found


def ask(requirements: Path, service: str, seconds: float) -> tuple[Found, ...] | None:
    """What is known of the versions in `requirements`; None where there was no reply.

    Raises:
        AuditError: pip-audit is missing or failed by itself.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    command += ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
    command += ["--vulnerability-service=osv", f"--timeout={ONE_SECONDS}"]
    command += [f"--osv-url={service}"] if service else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode in (0, 1) and (done.returncode == 0 or done.stdout.strip()):
        return tuple(_iter_found(done.stdout))
    if _NO_REPLY.search(done.stderr):
        return None
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise AuditError(f"pip-audit failed: {last}; install the extra `audit`, or see what it says")


def _iter_found(printed: str) -> Iterator[Found]:
    """pip-audit prints nothing where nothing is known."""
    for row in json.loads(printed)["dependencies"] if printed.strip() else ():
        if "skip_reason" in row:
            raise AuditError(f"{row['name']} was not asked about: {row['skip_reason']}")
        for known in row["vulns"]:
            ids = (known["id"], *known["aliases"])
            yield Found(row["name"], row["version"], ids, tuple(known["fix_versions"]))


def main(argv: Sequence[str] | None = None) -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog=".ci/audit.py", description="Open advisories.")
    parser.add_argument("--must-ask", action="store_true", help="fail where there is no reply")
    parser.add_argument("--requirements", type=Path, default=HERE.parent / "constraints.txt")
    parser.add_argument("--explained", type=Path, default=HERE / "advisories.toml")
    parser.add_argument("--service", default="", help="another address that speaks OSV's protocol")
    parser.add_argument("--seconds", type=float, default=ALL_SECONDS, help="for all of it")
    options = parser.parse_args(argv)
    try:
        explained = load_explained(options.explained)
        found = ask(options.requirements, options.service, options.seconds)
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 1
    if found is None:
        print(
            "audit: NOT DONE: the service of the advisories gave no reply, so nothing is known of "
            "new ones; run `python .ci/audit.py` where it can be asked",
            file=sys.stderr,
        )
        return 1 if options.must_ask else 0
    return judge(found, explained)


def judge(found: Sequence[Found], explained: Sequence[Explained]) -> int:
    """Says what is open, what is explained and which row is needed no more; 1 if any is open."""
    unexplained = []
    used = set()
    for one in found:
        rows = [row for row in explained if row.holds_for(one.package, one.version, one.ids)]
        used.update(rows)
        if rows:
            print(f"audit: explained on {rows[0].read}: {one}")
        else:
            unexplained.append(one)
    for row in explained:
        if row not in used:
            print(f"audit: {row.package} {row.version} has none of {', '.join(row.ids)} any more")
    for one in unexplained:
        print(
            f"audit: {one}; raise the version, or say in .ci/advisories.toml why it does not "
            "reach us",
            file=sys.stderr,
        )
    print(f"audit: {len(found)} advisories, {len(unexplained)} of them unexplained")
    return 1 if unexplained else 0


if __name__ == "__main__":
    raise SystemExit(main())
