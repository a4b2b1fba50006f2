"""Keys, passwords and what people ask stand in no log, whatever is switched on.

A server of its own has every logger at its lowest level, asyncio and the providers' packages told
to be loud, and a language model that fails in many ways with the key in its words.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from model_server import KEY, ModelServer, Request, Response, error, running, says

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "sesame-4711-not-to-be-seen"
WRONG = "guess-0815-not-to-be-seen"
MARK = "zebrafish"
"""A word of whatever is sent, and of nothing else."""
LOUD = {
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "OPENAI_LOG": "debug",
    "HTTPX_LOG_LEVEL": "trace",
    "LANGCHAIN_VERBOSE": "true",
    "LANGCHAIN_DEBUG": "true",
    "GRADIO_DEBUG": "1",
}
COMMAND = """
import logging, sys
logging.basicConfig(level=1, stream=sys.stderr)
import assistant.ingest, assistant.live, assistant.opening, assistant.pipeline
from assistant.cli import main
from assistant.topics import load_topics
from tests.conftest import HashingEncoder
topics = load_topics()[::40]
assistant.ingest.load_topics = lambda: topics
for module in (assistant.live, assistant.opening, assistant.pipeline):
    module.build_encoder = lambda _: HashingEncoder()
sys.exit(main(sys.argv[1:]))
"""
REPLIES = (
    says(f"{MARK} {KEY} is no JSON"),
    error(401),
    error(429, headers={"retry-after": "0"}),
    error(500),
    error(400, f"the key {KEY} and {MARK}"),
    Response(f"<html>{KEY} {MARK}</html>"),
    says(json.dumps({"statements": [{"text": f"{MARK} {KEY}", "sentences": [1], "words": []}]})),
)
FIT: Sequence[Any] = (
    {"question": f"what helps a tennis elbow, {MARK}"},
    {"question": "what helps a tennis elbow"},
    {
        "question": "what helps it",
        "history": [{"role": "user", "content": f"my {MARK} tennis elbow hurts"}],
    },
)
"""To which the model is asked, too."""
WRONG_DATA: Sequence[Any] = ([], [MARK], [MARK] * 9, {MARK: MARK}, MARK, [[MARK]], [{MARK: MARK}])


@dataclass(frozen=True, slots=True)
class Loud:
    """A running server: its address, what it has written, and its model."""

    address: str
    written: Path
    model: ModelServer

    def text(self) -> str:
        return self.written.read_text("utf-8", "replace")


@pytest.fixture
def model() -> Iterator[ModelServer]:
    turn = iter(range(10_000))

    def play(_: Request) -> Response:
        return REPLIES[next(turn) % len(REPLIES)]

    with running() as server:
        server.play = play
        yield server


@pytest.fixture
def environment(model: ModelServer, small_corpus: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ASSISTANT_DATA": str(tmp_path / "data"),
        "ASSISTANT_CORPUS": str(small_corpus),
        "ASSISTANT_CHAT_MODEL": "openai:played",
        "ASSISTANT_CHAT_MODE": "rephrase",
        "ASSISTANT_CHAT_URL": model.url,
        "ASSISTANT_CHAT_TIMEOUT_SECONDS": "3",
        "OPENAI_API_KEY": KEY,
        **LOUD,
    }


@pytest.fixture
def loud(model: ModelServer, environment: dict[str, str], tmp_path: Path) -> Iterator[Loud]:
    """When it can answer; stopped at the end, so that all is written that it has to say."""
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n", "utf-8")
    options = ["--port=0", "--log-requests", "--mcp", f"--password-file={password}"]
    written = tmp_path / "written"
    with written.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "ui", *options],
            cwd=ROOT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=out,
        )
        try:
            yield Loud(_address(server, written), written, model)
        finally:
            server.terminate()
            server.wait(30)


def _address(server: subprocess.Popen[bytes], written: Path) -> str:
    for _ in range(1200):
        time.sleep(0.1)
        said = written.read_text("utf-8", "replace")
        assert server.poll() is None, said
        if "The page is at " in said:
            address = said.split("The page is at ")[1].split()[0]
            if httpx.get(f"{address}readyz").status_code == 200:
                return address
    raise AssertionError("the server was not ready in time")


def check_nothing_told(text: str, *secrets: str) -> None:
    for secret in secrets:
        for shift in range(3):  # Base 64 depends on what stands before.
            packed = base64.b64encode(b"x" * shift + secret.encode()).decode().rstrip("=")
            assert packed[4:-2] not in text
        assert secret not in text, [line for line in text.splitlines() if secret in line]


@pytest.mark.slow
def test_no_log_of_whatever_level_holds_a_key_a_password_or_a_question(loud: Loud) -> None:
    with httpx.Client(base_url=loud.address, auth=("anyone", PASSWORD), timeout=60) as client:
        for n in range(9):
            assert client.post("api/ask", json=FIT[n % 3]).status_code == 200
        assert len(loud.model.requests) > 9
        client.post("api/ask", json={"question": MARK, MARK: MARK})
        client.post("api/claim", json={"text": f"a {MARK} is sore"})
        client.post("api/claim", content=f'{{"text": "{MARK}')
        client.post("claim", data={"claim": f"a {MARK}"})
        for address in (f"api/cite?id={MARK}:1-2", f"read/{MARK}?at=1-2", f"{MARK}?{MARK}"):
            assert client.get(address).status_code == 404
        call = {"name": "ask", "arguments": {"question": MARK, MARK: MARK}}
        for method in ("tools/call", MARK):
            client.post("mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": call})
        _send_events(client)
    for header in (f"Bearer {WRONG}", f"Basic {base64.b64encode(f'x:{WRONG}'.encode()).decode()}"):
        headers = {"authorization": header, "cookie": MARK}
        assert httpx.get(f"{loud.address}{MARK}", headers=headers).status_code in (401, 404)
        assert httpx.get(f"{loud.address}api/articles", headers=headers).status_code == 401
    time.sleep(0.5)
    text = loud.text()
    assert "DEBUG:" in text
    assert "an answer is extractive" in text
    assert "an event failed with a ValueError" in text
    check_nothing_told(text, KEY, PASSWORD, WRONG, MARK)


def _send_events(client: httpx.Client) -> None:
    """Of each event of the page what does not fit it, through the queue and around it."""
    for event in client.get("config").json()["dependencies"]:
        for n, data in enumerate(WRONG_DATA):
            session = f"session-{event['id']}-{n}"
            body = {"data": data, "fn_index": event["id"], "session_hash": session}
            body["event_data"] = {"turn": MARK, "question": [MARK], MARK: MARK}
            client.post("gradio_api/run/predict", json=body)
            if (
                client.post("gradio_api/queue/join", json=body).status_code == 200
                and event["queue"]
            ):
                told = client.get("gradio_api/queue/data", params={"session_hash": session}).text
                assert '"success":false' not in told or "not a diagnosis" in told
    for how in ("call", "call/v2", "api", "run"):
        for data in WRONG_DATA:
            client.post(f"gradio_api/{how}/ask", json={"data": data, "question": {MARK: MARK}})


@pytest.mark.slow
def test_the_command_line_tells_no_key_either(
    environment: dict[str, str], model: ModelServer
) -> None:
    for argv in (["ask", f"what helps a tennis elbow, {MARK}"], ["doctor"], ["claim", MARK]):
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *argv],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        # The doctor finds an index of words where the packaged model is asked for.
        assert done.returncode == (argv[0] == "doctor"), done.stderr
        assert "Traceback" not in done.stderr
        check_nothing_told(done.stderr, KEY, MARK)
        check_nothing_told(done.stdout, KEY)
    assert model.requests
