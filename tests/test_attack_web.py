"""Requests made to get at files, at other people's words, or to be read as more than text.

Sent as bytes to the real server: a client's library would put their addresses right.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hostile import HOSTILE
from page_double import ANSWERED, PageDouble
from page_server import Server
from web_clients import wait_for

from assistant.citations import make_citation
from assistant.page.export import FORMS, export
from assistant.pipeline import Assistant, build_assistant
from assistant.render import answer_to_json, render_answer
from assistant.settings import Serving, Settings
from assistant.types import DISCLAIMER
from tests.conftest import HashingEncoder

INSIDE = "outside-of-the-page-4711"
"""What a file next to the page's own says."""
MARK = "x-was-let-in"


@pytest.fixture(scope="module")
def double() -> PageDouble:
    return PageDouble()


@pytest.fixture(scope="module")
def server(double: PageDouble) -> Iterator[Server]:
    server = Server(lambda _: double, Serving(root_path="/knees"))
    wait_for(server)
    yield server
    server.stop()


def raw(server: Server, target: bytes, *lines: bytes, method: bytes = b"GET") -> bytes:
    """The whole reply to a request of these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as there:
        head = [method + b" " + target + b" HTTP/1.1", b"host: h", b"connection: close", *lines]
        there.sendall(b"\r\n".join(head) + b"\r\n\r\n")
        parts = []
        while part := there.recv(65536):
            parts.append(part)
    return b"".join(parts)


# ---- files ----

UP = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", ".//..//",
      "..;/", "%c0%ae%c0%ae/", "..%00/")  # fmt: skip
BELOW = ("read/", "page/", "static/", "assets/", "svelte/", "gradio_api/file=", "file=", "file/",
         "gradio_api/file/", "gradio_api/proxy=", "gradio_api/stream/", "pwa_icon/", "api/", "mcp/",
         "gradio_api/custom_component/x/client/component/", "custom_component/x/client/x/",
         "")  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(f"{INSIDE}\n\nNobody may read this here.\n", "utf-8")
    return path


@pytest.mark.parametrize("below", BELOW)
def test_no_way_up_leads_to_a_file(server: Server, outside: Path, below: str) -> None:
    targets = [f"{up * 12}{str(outside)[1:]}" for up in UP]
    targets += [f"{up * n}pyproject.toml" for up in UP for n in (1, 2, 3, 4)]
    targets += [str(outside), f"/{outside}", f"file://{outside}", str(outside).replace("/", "%2f")]
    for root in ("/", "/knees/", "//", "/./", "/knees/../"):
        for target in targets:
            reply = raw(server, f"{root}{below}{target}".encode())
            assert reply.startswith(b"HTTP/1.1 "), target
            assert INSIDE.encode() not in reply, target
            assert b"knee-hip-assistant" not in reply, target


CLOSED = (
    "gradio_api/upload gradio_api/file=/etc/passwd gradio_api/run-history gradio_api/runs "
    "gradio_api/proxy=http://127.0.0.1/ gradio_api/component_server gradio_api/vibe-code "
    "gradio_api/dev/reload config/../x monitoring openapi.json"
).split()


@pytest.mark.parametrize("address", CLOSED)
def test_no_other_spelling_opens_what_is_shut(server: Server, address: str) -> None:
    first, rest = address[0], address[1:]
    spelt = [address, f"%{ord(first):02x}{rest}", f"/{address}", f"./{address}", f"x/../{address}",
             address.replace("/", "//"), address.replace("/", "%2f"), address.upper(),
             f"{address}/", f"{address}%00", f"{address}%0a", f"{address};x", f"{address}?x",
             f"%2f{address}", f"\\{address}", address.replace("_", "%5f"),
             f"{address}%20"]  # fmt: skip
    for root in ("/", "/knees/", "/knees//", "/knees/knees/", "//knees/"):
        for form in spelt:
            for method in (b"GET", b"POST", b"HEAD"):
                reply = raw(server, f"{root}{form}".encode(), b"content-length: 0", method=method)
                status = int(reply.split(b" ", 2)[1])
                assert status in (400, 404, 405, 422), (root + form, method, status)


# ---- headers ----

BREAKS = ("%0d%0a", "%0a", "%0d", "%E5%98%8D%E5%98%8A", "%u000d%u000a", "%00", "%c4%8d%c4%8a",
          "\t", "%0d%0a%20", "%2525250d%2525250a")  # fmt: skip
NAMES = frozenset(
    "content-security-policy referrer-policy x-content-type-options x-frame-options "
    "cross-origin-opener-policy cross-origin-resource-policy permissions-policy cache-control "
    "x-request-id content-type content-length date allow vary content-encoding connection "
    "transfer-encoding etag last-modified retry-after accept-ranges".split()
)


def headers_of(reply: bytes) -> Mapping[str, str]:
    head = reply.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(":") for line in head)}


@pytest.mark.parametrize("end", BREAKS)
def test_no_word_of_a_request_becomes_a_header(server: Server, end: str) -> None:
    put = f"{end}{MARK}: 1{end}{end}<b>{MARK}".replace(" ", "%20")
    for target in (
        f"/{put}", f"/?cite={put}", f"/read/{put}", f"/claim?part={put}", f"/api/cite?id={put}",
        f"/read/fix-the-hip?at={put}&also={put}&part={put}", f"/api/{put}", f"/page/{put}",
        f"/config?{put}", f"/gradio_api/heartbeat/{put}x/y", f"/gradio_api/queue/data/{put}",
        f"/assets/{put}",
        f"/healthz?{put}", f"/mcp/{put}", f"/gradio_api/call/ask/{put}/x", f"/knees/{put}",
    ):  # fmt: skip
        reply = raw(server, target.encode())
        found = headers_of(reply)
        assert set(found) <= NAMES, target
        assert MARK not in str(found), target
        assert f"<b>{MARK}".encode() not in reply, target


SENT = ("accept-language", "cookie", "origin", "referer", "user-agent", "x-request-id", "range",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix", "x-original-url",
        "x-rewrite-url", "x-http-method-override", "authorization", "if-none-match",
        "accept-encoding", "content-type", "x-gradio-user", "forwarded")  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_no_header_of_a_request_comes_back_or_leads_elsewhere(server: Server, name: str) -> None:
    value = f"/gradio_api/file=/etc/passwd, {MARK}, {{{{7*7}}}}, GB-{MARK}"
    body = json.dumps({"question": ANSWERED}).encode()
    for target, method in ((b"/", b"GET"), (b"/api/articles", b"GET"), (b"/api/ask", b"POST"),
                           (b"/read/fix-the-hip", b"GET"), (b"/nowhere", b"GET"),
                           (b"/healthz", b"GET"), (b"/config", b"GET")):  # fmt: skip
        lines = [f"{name}: {value}".encode()]
        if method == b"POST":
            lines.append(b"content-length: %d" % len(body))
            reply = raw(server, target, *lines, b"", body, method=method)
        else:
            reply = raw(server, target, *lines)
        assert MARK.encode() not in reply
        assert b"root:x:" not in reply
        assert set(headers_of(reply)) <= NAMES | {"content-range"}


# ---- templates ----

TEMPLATES = (
    *"{question} {0} {0.__class__.__init__.__globals__} {} { } {{7919*7907}} ${7919*7907} "
    "#{7919*7907} <%=7919*7907%> {%print(7919*7907)%} %(question)s %s%n%d $question $$ "
    "\\{7919*7907} `${7919*7907}` {articles!r:>9999} \\g<0>\\1 [[7919*7907]]".split(),
    *HOSTILE[:4],
)


def check_literal(text: str) -> None:
    assert "62615533" not in text
    assert "__globals__': " not in text
    assert "<module" not in text


@pytest.fixture(scope="module")
def templated(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """A corpus whose titles, headings, sentences, names and facts are all templates."""
    folder = tmp_path_factory.mktemp("templated")
    for number, template in enumerate(TEMPLATES):
        name = f"{number} {template}".replace("/", "-").replace("\0", "")
        paragraphs = [f"Elbows {template}", f"A sore elbow {template} rests for {number} days.",
                      f"What Helps {template}", f"Hold the elbow {template} still."]  # fmt: skip
        (folder / f"{name}.txt").write_text("\n\n".join(paragraphs) + "\n", "utf-8")
    about = json.dumps(" ".join(TEMPLATES[:8]), ensure_ascii=False)
    (folder / "sources.toml").write_text(f"[corpus]\nabout = {about}\n", "utf-8")
    settings = Settings(corpus=folder, data=tmp_path_factory.mktemp("data"))
    return build_assistant(settings, encoder=HashingEncoder())


def test_articles_made_of_templates_are_quoted_to_the_letter(templated: Assistant) -> None:
    for question in (*TEMPLATES, "how long does a sore elbow rest", "what are the articles about",
                     "who are you", "does turmeric {0} help"):  # fmt: skip
        answer = templated.ask(question)
        for form in FORMS:
            check_literal(export((answer,), form, datetime(2026, 1, 1, tzinfo=UTC)).text)
        check_literal(json.dumps(answer_to_json(answer)) + render_answer(answer))
    assert len(templated.articles) == len(TEMPLATES)
    for article in templated.articles.values():
        for sentence in article.sentences:
            citation = make_citation(article, sentence.span)
            shown = templated.cite(citation.id).citation.quote
            assert shown == article.text[sentence.span.start : sentence.span.end]


# ---- other people's words ----


class Visitor:
    """One open page: its session, as Gradio's script drives it."""

    def __init__(self, server: Server, session: Any = None) -> None:
        self.client = httpx.Client(base_url=server.address, timeout=30)
        self.session = uuid.uuid4().hex[:11] if session is None else session
        self.events = self.client.get("config").json()["dependencies"]

    def event(self, name: str) -> dict[str, Any]:
        return next(row for row in self.events if row["api_name"] == name)

    def send(self, name: str, how: str, *data: Any, **event_data: Any) -> httpx.Response:
        body = {"data": data, "fn_index": self.event(name)["id"], "session_hash": self.session}
        return self.client.post(f"gradio_api/{how}", json={**body, "event_data": event_data})

    def ask(self, question: str, state: Any = None) -> httpx.Response:
        return self.send("on_question", "queue/join", question, state)

    def read(self) -> str:
        """All that the stream of this session brings, and what it would bring to take along."""
        params = {"session_hash": self.session}
        try:
            told = self.client.get("gradio_api/queue/data", params=params).text
        except httpx.HTTPError:  # Gradio breaks the stream of a session that it does not know.
            told = ""
        file = self.send("on_take", "run/predict", None, form="json").text
        body = re.search(r'data-body=\\"([^"\\]+)', file)
        return told + file + (base64.b64decode(body[1]).decode() if body else "")


def test_interleaved_sessions_hear_their_own_words_alone() -> None:
    double = PageDouble(seconds=0.02)
    server = Server(lambda _: double, Serving(concurrent=4))
    wait_for(server)
    try:
        names = [f"visitor-{letter * 3}" for letter in "abcdefgh"]

        def visit(name: str) -> list[str]:
            visitor = Visitor(server)
            told = []
            for turn in range(4):
                assert visitor.ask(f"{name} asks {turn}").status_code == 200
                told.append(visitor.read())
            return told

        with ThreadPoolExecutor(len(names)) as pool:
            heard = dict(zip(names, pool.map(visit, names), strict=True))
    finally:
        server.stop()
    for name, told in heard.items():
        for turn, text in enumerate(told):
            assert {found for found in names if found in text} == {name}
            assert all(f"{name} asks {n}" in text for n in range(turn + 1))
    for history in double.histories:
        assert len({name for name in names for turn in history if name in turn.content}) <= 1


STRANGERS = ("", " ", "0", "null", "undefined", "*", "%", "../", "{}", "__proto__", None, 0, [], {})


@pytest.mark.parametrize("session", STRANGERS, ids=repr)
def test_who_does_not_know_a_session_hears_nothing_of_it(server: Server, session: Any) -> None:
    owner = Visitor(server)
    said = f"my own words {owner.session}"
    assert owner.ask(said).status_code == 200
    assert said in owner.read()
    stranger = Visitor(server, session)
    stranger.session = session
    stolen = {"exchanges": [{"number": 1, "question": said}], "session_hash": owner.session}
    for state in (None, stolen, owner.session):
        for name in ("on_stop", "on_take", "on_note", "on_clear"):
            reply = stranger.send(name, "run/predict", state, form="md", turn=1)
            assert said not in reply.text
        if stranger.ask("hello", state).status_code == 200 and isinstance(session, str):
            assert said not in stranger.read()
    assert said in owner.send("on_stop", "run/predict", None).text


@pytest.mark.parametrize("how", [str.upper, lambda text: text[:-1], lambda text: f"{text} ",
                                 lambda text: f"{text}\0"])  # fmt: skip
def test_nearly_the_same_session_is_another_one(server: Server, how: Any) -> None:
    owner = Visitor(server, f"mine-{uuid.uuid4().hex[:8]}a")
    owner.ask("my own words")
    owner.read()
    reply = Visitor(server, how(owner.session)).send("on_stop", "run/predict", None)
    assert "my own words" not in reply.text


def test_nobody_stops_or_forgets_what_another_asked(double: PageDouble) -> None:
    slow = Server(lambda _: PageDouble(seconds=0.5))
    wait_for(slow)
    try:
        owner, other = Visitor(slow), Visitor(slow)
        asked = owner.ask(ANSWERED).json()
        for told in ({"session_hash": other.session}, {"session_hash": ""}, {"event_id": "x"}):
            body = {"session_hash": "", "event_id": "", **told}
            other.client.post("gradio_api/cancel", json={"fn_index": 0, **body})
            other.client.post("gradio_api/reset", json=body)
        for name in ("on_stop", "on_clear"):
            other.send(name, "run/predict", None)
        assert asked["event_id"]
        assert '"outcome": "answered"' in owner.read()
    finally:
        slow.stop()


def test_the_bytes_sent_here_do_reach_the_page(server: Server) -> None:
    for target, said in ((b"/page/page.css", b"{"), (b"/knees/read/fix-the-hip", b"Fix the Hip"),
                         (b"//page/../nowhere", DISCLAIMER.encode())):  # fmt: skip
        assert said in raw(server, target)
