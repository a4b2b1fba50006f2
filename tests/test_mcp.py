"""The tools for a language model's client, spoken to by the protocol's own client."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from page_double import ABSTAINED, ANSWERED, BROKEN, EMERGENCY, PageDouble
from page_server import Server
from web_clients import refused, wait_for

from assistant.cli import main
from assistant.errors import StoreError
from assistant.render import answer_to_json, claim_to_json, context_to_json, render_answer
from assistant.types import DISCLAIMER, Turn

mcp = pytest.importorskip("mcp", reason="the extra is not installed: pip install -e '.[mcp]'")
from assistant.page.session import Loader  # noqa: E402
from assistant.settings import Serving  # noqa: E402
from assistant.web.limits import Gate  # noqa: E402
from assistant.web.mcp_server import build_server  # noqa: E402
from assistant.web.service import Service  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SECRET = "sesame"
Use = Callable[[Any], Awaitable[None]]


def with_client(load: Callable[[Any], PageDouble], use: Use) -> None:
    """A client and the server in one process, over the protocol."""

    async def run() -> None:
        loader = Loader(load)
        loader.start()
        server = build_server(Service(loader, Gate(2, 10, 30), 100_000), loader)
        async with mcp.Client(server) as client:
            await use(client)

    asyncio.run(run())


def test_the_tools_say_what_they_do_and_that_they_do_not_diagnose() -> None:
    async def use(client: Any) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["ask", "cite", "claim"]
        for tool in tools:
            assert "not diagnose" in tool.description
            assert tool.annotations.read_only_hint
            assert tool.input_schema["type"] == "object"
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)

    with_client(lambda _: PageDouble(), use)


@pytest.mark.parametrize("question", [ANSWERED, ABSTAINED, EMERGENCY, "", "😀"])
def test_an_answer_comes_as_json_and_as_text(question: str) -> None:
    double = PageDouble()

    async def use(client: Any) -> None:
        (ask, *_) = (await client.list_tools()).tools
        found = await client.call_tool("ask", {"question": question})
        assert not found.is_error
        assert found.structured_content == answer_to_json(double.ask(question))
        jsonschema.validate(found.structured_content, ask.output_schema)
        assert found.content[0].text == render_answer(double.ask(question))
        assert DISCLAIMER in found.content[0].text

    with_client(lambda _: double, use)


def test_earlier_turns_reach_the_assistant() -> None:
    double = PageDouble()

    async def use(client: Any) -> None:
        history = [{"role": "user", "content": EMERGENCY}]
        await client.call_tool("ask", {"question": ANSWERED, "history": history})

    with_client(lambda _: double, use)
    assert double.histories == [(Turn("user", EMERGENCY),)]


def test_a_citation_and_a_claim_are_looked_up() -> None:
    double = PageDouble()
    citation = double.ask(ANSWERED).citations[0]

    async def use(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        cited = await client.call_tool("cite", {"id": citation.id})
        expected = {**context_to_json(double.cite(citation.id)), "disclaimer": DISCLAIMER}
        assert cited.structured_content == expected
        assert citation.quote in cited.content[0].text
        claimed = await client.call_tool("claim", {"text": citation.quote})
        assert claimed.structured_content == claim_to_json(double.claim(citation.quote))
        for found, name in ((cited, "cite"), (claimed, "claim")):
            jsonschema.validate(found.structured_content, tools[name].output_schema)
            assert DISCLAIMER in found.content[0].text

    with_client(lambda _: double, use)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ask", {}),
        ("ask", {"question": 5}),
        ("ask", {"question": "x", "sesame": 1}),
        ("ask", {"question": "x", "history": [{"role": "sesame", "content": "x"}]}),
        ("ask", {"question": BROKEN}),
        ("cite", {"id": "sesame"}),
        ("cite", {"id": "sesame:1-2"}),
        ("claim", {"text": "sesame" * 1000}),
        ("sesame", {}),
    ],
)
def test_what_cannot_be_done_is_a_sentence_with_the_disclaimer(
    name: str, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def use(client: Any) -> None:
        found = await client.call_tool(name, arguments)
        assert found.is_error
        assert DISCLAIMER in found.content[0].text
        assert SECRET not in found.content[0].text
        assert BROKEN not in found.content[0].text

    with_client(lambda _: PageDouble(), use)
    assert BROKEN not in caplog.text


def test_an_assistant_that_cannot_start_is_told() -> None:
    def load(_: Any) -> PageDouble:
        raise StoreError("index/: damaged; delete it and start again")

    async def use(client: Any) -> None:
        found = await client.call_tool("ask", {"question": ANSWERED})
        assert found.is_error
        assert "index/: damaged" in found.content[0].text

    with_client(load, use)


def test_the_tools_are_there_over_http_under_the_same_limits() -> None:
    import httpx

    server = Server(lambda _: PageDouble(), Serving(mcp=True, requests_per_minute=20))
    double = PageDouble()

    async def run() -> None:
        async with mcp.Client(f"{server.address}mcp") as client:
            found = await client.call_tool("ask", {"question": ANSWERED})
            assert found.structured_content == answer_to_json(double.ask(ANSWERED))

    try:
        wait_for(server)
        asyncio.run(run())
        replies = [httpx.post(f"{server.address}mcp", json={}) for _ in range(21)]
        assert refused(replies[-1], 429, "limited")
    finally:
        server.stop()


PROTOCOL = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", PROTOCOL),
        (b"sesame", PROTOCOL),
        (b"[]", PROTOCOL),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "sesame"}', PROTOCOL),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": "sesame"}', PROTOCOL),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}}', PROTOCOL),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}', {"content-type": "text/plain"}),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}', {"accept": "text/html"}),
        (b"", {}),
    ],
)
def test_errors_of_the_protocol_carry_the_disclaimer_and_no_word_of_the_request(
    body: bytes, headers: dict[str, str]
) -> None:
    import httpx

    server = Server(lambda _: PageDouble(), Serving(mcp=True))
    try:
        wait_for(server)
        reply = httpx.post(f"{server.address}mcp", content=body, headers=headers)
    finally:
        server.stop()
    assert reply.headers["content-type"] == "application/json"
    assert SECRET not in reply.text
    error = reply.json()
    assert DISCLAIMER in (error.get("disclaimer"), error["error"].get("data", {}).get("disclaimer"))


def test_no_stream_is_opened_over_http_and_a_note_gets_no_reply() -> None:
    import httpx

    server = Server(lambda _: PageDouble(), Serving(mcp=True))
    note = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    try:
        wait_for(server)
        assert refused(
            httpx.get(f"{server.address}mcp", headers=PROTOCOL), 405, "method_not_allowed"
        )
        noted = httpx.post(f"{server.address}mcp", content=note, headers=PROTOCOL)
    finally:
        server.stop()
    assert noted.status_code == 202
    assert noted.content == b""


def test_the_command_speaks_over_stdin_and_stdout(small_corpus: Path, tmp_path: Path) -> None:
    """The real assistant in a process of its own, its index built on the way."""

    async def run() -> None:
        parameters = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "assistant", "mcp", "--corpus", str(small_corpus)],
            cwd=ROOT,
            env={**os.environ, "ASSISTANT_DATA": str(tmp_path / "data")},
        )
        async with mcp.Client(mcp.stdio_client(parameters), read_timeout_seconds=200) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["ask", "cite", "claim"]
            found = await client.call_tool("ask", {"question": "What causes tennis elbow?"})
            answer = found.structured_content
            assert answer["disclaimer"] == DISCLAIMER
            ids = [row["id"] for row in answer["citations"] or answer["nearest"]]
            cited = await client.call_tool("cite", {"id": ids[0]})
            text = (small_corpus / f"{cited.structured_content['article']}.txt").read_text("utf-8")
            start, end = (cited.structured_content[name] for name in ("start", "end"))
            assert cited.structured_content["quote"] == text[start:end]

    asyncio.run(run())


def test_only_the_protocol_goes_to_stdout(small_corpus: Path, tmp_path: Path) -> None:
    """Also what is no protocol at all gets no other line there; errors carry the disclaimer."""
    unknown = b'{"jsonrpc": "2.0", "id": 1, "method": "sesame"}\n'
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "mcp", "--corpus", str(small_corpus)],
        input=b"\xff\xfe not json\n{}\n[]\n" + unknown,
        cwd=ROOT,
        env={**os.environ, "ASSISTANT_DATA": str(tmp_path / "data")},
        capture_output=True,
        timeout=200,
    )
    for line in done.stdout.splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"
        assert DISCLAIMER in line.decode()
        assert SECRET not in line.decode()
    assert done.stdout
    assert b"not json" not in done.stderr


@pytest.mark.parametrize("command", [["mcp"], ["ui", "--mcp", "--port", "0"]])
def test_without_the_extra_one_line_names_the_command(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import assistant.web

    for name in [name for name in sys.modules if name.split(".")[0] in ("mcp", "mcp_types")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "assistant.web.mcp_server", raising=False)
    monkeypatch.delattr(assistant.web, "mcp_server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    assert main(command) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "pip install" in said.err
    assert "[mcp]" in said.err
