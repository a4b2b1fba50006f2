"""The look at open advisories in CI: a new one fails it, a service that is down does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADVISORIES = ROOT / ".ci" / "advisories.toml"
ROW = """
[[advisory]]
package = "Some.Package"
version = "1.0"
ids = ["CVE-2026-1", "PYSEC-2026-9"]
read = 2026-11-25
what = "something"
reason = "It is never called."
"""

Reply = Callable[[Mapping[str, Any]], tuple[int, bytes]]


def known(*vulns: str, package: str = "some-package", version: str = "1.0") -> Reply:
    """A service that knows these advisories of one version, the later names being aliases."""
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}}]
    row = {"id": vulns[0], "aliases": vulns[1:], "summary": "x", "affected": affected}

    def reply(asked: Mapping[str, Any]) -> tuple[int, bytes]:
        about = asked["package"]["name"], asked["version"]
        return 200, json.dumps({"vulns": [row]} if about == (package, version) else {}).encode()

    return reply


def hang(_: Mapping[str, Any]) -> tuple[int, bytes]:
    time.sleep(6)
    return 200, b"{}"


class Service(ThreadingHTTPServer):
    """Speaks as much of OSV's protocol as pip-audit needs."""

    daemon_threads = True

    def __init__(self) -> None:
        self.reply: Reply = lambda _: (200, b"{}")
        self.asked: list[Mapping[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(asked)
        status, body = self.server.reply(asked)
        if status:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service()
    threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True).start()
    yield service
    service.shutdown()
    service.server_close()


Audit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def audit(service: Service, tmp_path: Path) -> Audit:
    pytest.importorskip("pip_audit")
    service.asked.clear()

    def run(
        reply: Reply | None,
        *more: str,
        rows: str = ROW,
        requirements: str = "other==2\nSome_Package==1.0\n",
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "constraints.txt").write_text(requirements, "utf-8")
        (tmp_path / "advisories.toml").write_text(rows, "utf-8")
        if reply:
            service.reply = reply
        port = service.server_address[1] if reply else 9
        options = [f"--service=http://127.0.0.1:{port}/v1/query", *more]
        options += [f"--requirements={tmp_path / 'constraints.txt'}"]
        options += [f"--explained={tmp_path / 'advisories.toml'}"]
        return subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "audit.py"), *options],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def test_where_nothing_is_known_it_passes_and_says_which_row_is_not_needed(
    audit: Audit, service: Service
) -> None:
    done = audit(lambda _: (200, b"{}"))
    assert done.returncode == 0, done.stderr
    assert [row["package"]["name"] for row in service.asked] == ["other", "some-package"]
    assert "Some.Package 1.0 has none of CVE-2026-1, PYSEC-2026-9 any more" in done.stdout


@pytest.mark.parametrize("names", [("CVE-2026-1",), ("GHSA-x", "CVE-2026-1"), ("PYSEC-2026-9",)])
def test_an_advisory_that_is_explained_passes(audit: Audit, names: tuple[str, ...]) -> None:
    done = audit(known(*names))
    assert done.returncode == 0, done.stderr
    assert "explained on 2026-11-25: some-package 1.0" in done.stdout.lower()
    assert "NOT DONE" not in done.stderr


@pytest.mark.parametrize(
    ("reply", "rows", "requirements"),
    [
        (known("CVE-2026-2"), ROW, "some-package==1.0"),
        (known("CVE-2026-2"), "", "some-package==1.0"),
        (known("CVE-2026-1", version="1.1"), ROW, "some-package==1.1"),
        (known("CVE-2026-1", package="other"), ROW, "other==1.0"),
    ],
    ids=["another advisory", "no rows", "another version", "another package"],
)
def test_an_advisory_that_nobody_explained_fails(
    audit: Audit, reply: Reply, rows: str, requirements: str
) -> None:
    done = audit(reply, rows=rows, requirements=requirements)
    assert done.returncode == 1
    assert re.search(r"CVE-2026-\d .*; raise the version, or say in", done.stderr)


OUTAGES: Mapping[str, Reply | None] = {
    "nobody listens": None,
    "500": lambda _: (500, b"{}"),
    "429": lambda _: (429, b"{}"),
    "a page for logging in": lambda _: (200, b"<html>log in</html>"),
    "cut off": lambda _: (0, b""),
    "silence": hang,
}


@pytest.mark.parametrize("reply", OUTAGES.values(), ids=OUTAGES)
def test_a_service_that_is_down_is_said_and_fails_nothing(
    audit: Audit, reply: Reply | None
) -> None:
    done = audit(reply, "--seconds=3")
    assert done.returncode == 0, done.stderr
    assert "NOT DONE: the service of the advisories gave no reply" in done.stderr
    assert done.stdout == ""


def test_who_has_to_know_can_let_it_fail(audit: Audit) -> None:
    done = audit(None, "--must-ask")
    assert done.returncode == 1
    assert "NOT DONE" in done.stderr


@pytest.mark.parametrize(
    ("rows", "requirements", "said"),
    [
        (ROW.replace('"It is never called."', '""'), "some-package==1.0", "an empty place"),
        (ROW.replace("2026-11-25", '"November"'), "some-package==1.0", "no day"),
        (ROW.replace("reason", "raeson"), "some-package==1.0", "cannot be used"),
        (ROW.replace("]", "", 1), "some-package==1.0", "cannot be used"),
        (ROW, "some-package>=1", "pip-audit failed"),
    ],
)
def test_what_is_wrong_with_the_asking_fails(
    audit: Audit, rows: str, requirements: str, said: str
) -> None:
    done = audit(known("CVE-2026-2"), rows=rows, requirements=requirements)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "NOT DONE" not in done.stderr


def test_each_row_explains_a_version_that_is_in_use() -> None:
    pinned = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
    )
    rows = tomllib.loads(ADVISORIES.read_text("utf-8"))["advisory"]
    assert rows
    for row in rows:
        assert pinned[row["package"]] == row["version"]
        assert all(re.fullmatch(r"(CVE|GHSA|PYSEC)-\S+", name) for name in row["ids"])


def test_ci_and_the_page_on_security_ask_in_the_same_way() -> None:
    for path in (".ci/run", "SECURITY.md"):
        text = (ROOT / path).read_text("utf-8")
        assert "python .ci/audit.py" in text
        assert "--ignore-vuln" not in text
