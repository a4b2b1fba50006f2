"""The published schema and the API say the same: schemathesis makes requests of the schema, among
them ones it forbids, and judges each reply by it; all its checks, chains of requests included.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from page_double import PageDouble
from page_server import Server
from web_clients import serve, wait_for

from assistant.citations import is_citation_id
from assistant.errors import StoreError
from assistant.settings import Serving
from assistant.types import DISCLAIMER, ClaimResult
from assistant.web import schema

PASSWORD = "open sesame now"


def judge(address: str, *more: str, folder: Path) -> str:
    """What schemathesis prints of the API at `address`; empty where nothing is wrong."""
    pytest.importorskip("schemathesis")
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    options = ["run", f"{address}api/openapi.json", "--checks=all", "--max-examples=10"]
    fixed = ["--seed=1", "--generation-deterministic", "--no-color"]
    done = subprocess.run(
        [*command, *options, *fixed, *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    tested = re.search(r"Tested: +(\d+)", done.stdout)
    assert tested, done.stdout + done.stderr
    assert int(tested[1]) > 0
    return done.stdout if done.returncode else ""


def test_no_reply_contradicts_the_schema(tmp_path: Path) -> None:
    server = Server(lambda _: PageDouble())
    try:
        wait_for(server)
        assert judge(server.address, folder=tmp_path) == ""
    finally:
        server.stop()


def test_no_address_of_the_schema_is_open_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.web.limits.WRONG_PASSWORDS_PER_MINUTE", 100_000)
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    server = Server(lambda _: PageDouble(), Serving(password_file=tmp_path / "password"))
    try:
        wait_for(server)
        tries = ["--auth", f"anyone:{PASSWORD}", "--phases=examples,coverage"]
        assert judge(server.address, *tries, folder=tmp_path) == ""
        counted = httpx.get(f"{server.address}metrics", auth=("anyone", PASSWORD)).text
        for sort in ('refused_total{code="unauthorized"}', 'answers_total{kind="in_scope"'):
            (found,) = re.findall(rf"{re.escape(sort)}\S* (\d+)", counted)
            assert int(found) > 10
    finally:
        server.stop()


def test_a_reply_that_contradicts_the_schema_is_found(tmp_path: Path) -> None:
    class Broken(PageDouble):
        def claim(self, text: str) -> ClaimResult:
            raise StoreError("damaged")

    server = Server(lambda _: Broken())
    try:
        wait_for(server)
        only = ["--include-path=/api/claim", "--phases=examples"]
        assert "Server error" in judge(server.address, *only, folder=tmp_path)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with serve(lambda _: PageDouble()) as client:
        yield client


def test_a_refused_method_names_those_that_the_address_takes(client: Any) -> None:
    published = client.get("/api/openapi.json").json()["paths"]
    assert published
    for path, operations in published.items():
        taken = {name.upper() for name in operations} | ({"HEAD"} if "get" in operations else set())
        for method in {"DELETE", "OPTIONS", "GET", "HEAD", "POST", "PUT"} - taken:
            reply = client.request(method, path)
            assert reply.status_code == 405
            assert {name.strip() for name in reply.headers["allow"].split(",")} == taken


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/read", "/read/fix-the-hip", "/claim", "/", "/nowhere",
     "/page/page.css", "/api/articles", "/api/v1/cite?id=x:1-2", "/api/openapi.json"],
)  # fmt: skip
def test_only_the_head_of_a_reply_can_be_asked_for(client: Any, path: str) -> None:
    head, whole = client.head(path), client.get(path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_no_stream_is_opened_by_asking_for_its_head(client: Any) -> None:
    reply = client.head("/gradio_api/queue/data?session_hash=x")
    assert (reply.status_code, reply.content) == (405, b"")


PIECES = st.sampled_from([*"a-:@ 9é\u0661\x1d\x85\ufeff\u2028", "a:1-2", "@0123abcD", "12345"])


@hypothesis_settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=6).map("".join) | st.text())
def test_what_the_schema_calls_an_id_is_read_as_one(text: str) -> None:
    told = schema.CiteRequest.model_json_schema()["properties"]["id"]
    if jsonschema.Draft202012Validator(told).is_valid(text):
        assert is_citation_id(text)
    elif text == text.strip() and len(text) <= schema.MAX_ID_CHARS:
        assert not is_citation_id(text)


def test_the_schema_speaks_of_a_password_where_there_is_one(tmp_path: Path, client: Any) -> None:
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    assert "securitySchemes" not in client.get("/api/openapi.json").json()["components"]
    with serve(lambda _: PageDouble(), Serving(password_file=tmp_path / "password"), False) as own:
        told = own.get("/api/openapi.json", auth=("", PASSWORD)).json()
    assert told["components"]["securitySchemes"]["password"]["scheme"] == "basic"
    operations = [row for path in told["paths"].values() for row in path.values()]
    assert all(row["security"] == [{"password": []}] for row in operations)


def test_no_text_of_the_schema_has_an_empty_place(client: Any) -> None:
    told = client.get("/api/openapi.json").text
    assert DISCLAIMER in told
    assert not re.findall(r"\{(?:limit|problems)\}", told)
