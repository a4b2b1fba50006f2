"""Running it for others: limits, password, what is seen and what is shut, and the deploy files."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_double import ANSWERED, BROKEN, EMERGENCY, PageDouble
from page_server import Server
from web_clients import gradio, refused, serve, wait_for

from assistant.cli import main
from assistant.errors import SettingsError
from assistant.page.guard import CONTENT_POLICY
from assistant.settings import Serving, Settings
from assistant.types import DISCLAIMER
from assistant.web.limits import MAX_CLIENTS, Limiter, client_of
from assistant.web.options import add_options, read_serving

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
SYSTEMD = shutil.which("systemd-analyze")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ASKED = {"question": ANSWERED}


def basic(password: str, user: str = "anyone") -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


# ---- the rate ----


def test_a_client_may_send_so_many_at_once_and_then_as_they_come_back() -> None:
    now = 0.0
    limiter = Limiter(60, lambda: now)
    assert [limiter.take("a") for _ in range(60)] == [0] * 60
    assert limiter.take("a") == pytest.approx(1)
    assert limiter.take("b") == 0
    now = 0.5
    assert limiter.take("a") == pytest.approx(0.5)
    now = 10.5
    assert [limiter.take("a") > 0 for _ in range(11)] == [False] * 10 + [True]


def test_the_limiter_forgets_rather_than_grows() -> None:
    limiter = Limiter(1)
    for number in range(MAX_CLIENTS + 100):
        limiter.take(str(number))
    assert len(limiter._buckets) == MAX_CLIENTS


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_or_its_network(address: str, client: str) -> None:
    assert client_of(address) == client


def test_too_many_questions_get_a_refusal_and_reading_goes_on() -> None:
    with serve(lambda _: PageDouble(), Serving(requests_per_minute=3)) as client:
        replies = [client.post("/api/ask", json=ASKED) for _ in range(5)]
        assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
        refused(replies[-1], 429, "limited")
        assert 0 < int(replies[-1].headers["retry-after"]) <= 20
        for path in ("/api/claim", "/claim", "/gradio_api/queue/join", "/gradio_api/call/ask"):
            assert client.post(path, json={}).status_code == 429
        for path in ("/", "/read", "/healthz", "/page/page.css", "/config"):
            assert client.get(path).status_code == 200


def test_gradios_client_is_limited_as_well() -> None:
    server = Server(lambda _: PageDouble(), Serving(requests_per_minute=2))
    try:
        wait_for(server)
        client = gradio(server.address)
        for _ in range(2):
            assert client.predict(ANSWERED, api_name="/ask")["outcome"] == "answered"
        with pytest.raises(Exception, match=r"429|Too many"):
            client.predict(ANSWERED, api_name="/ask")
    finally:
        server.stop()


def statuses(server: Server, addresses: list[str]) -> list[int]:
    import httpx

    return [
        httpx.post(
            f"{server.address}api/ask", json=ASKED, headers={"x-forwarded-for": address}
        ).status_code
        for address in addresses
    ]


@pytest.mark.parametrize(
    ("trusted", "expected"), [("", [200, 429, 429, 429]), ("127.0.0.1", [200, 200, 429, 429])]
)
def test_who_asks_is_believed_of_a_trusted_proxy_only(trusted: str, expected: list[int]) -> None:
    serving = Serving(requests_per_minute=1, trusted_proxies=trusted)
    server = Server(lambda _: PageDouble(), serving)
    try:
        wait_for(server)
        asked = ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.9, 192.0.2.1"]
        assert statuses(server, asked) == expected
    finally:
        server.stop()


# ---- the password ----


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "password").write_text("open sesame ünd öffne\nnot this\n", "utf-8")
    with serve(
        lambda _: PageDouble(), Serving(password_file=tmp_path / "password"), wait=False
    ) as client:
        time.sleep(0.3)
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/read", "/config", "/metrics", "/api/articles", "/page/page.css", "/api/x"]
)
def test_without_the_password_there_is_nothing_but_health(locked: Any, path: str) -> None:
    reply = locked.get(path)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Basic ")
    assert reply.headers["content-security-policy"] == CONTENT_POLICY
    assert DISCLAIMER in reply.text
    assert locked.get("/healthz").status_code == 200
    assert locked.get("/readyz").status_code == 200


def test_with_the_password_everything_is_as_without_one(locked: Any) -> None:
    headers = basic("open sesame ünd öffne")
    assert locked.post("/api/ask", json=ASKED, headers=headers).json()["outcome"] == "answered"
    assert locked.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        basic("wrong"),
        basic(""),
        basic("open sesame ünd öffne "),
        {"authorization": "Basic"},
        {"authorization": "Basic ☃".encode()},
        {"authorization": "Basic !!!"},
        {"authorization": "Bearer open"},
        {"authorization": ""},
    ],
)
def test_a_wrong_password_is_refused(locked: Any, headers: dict[str, Any]) -> None:
    assert locked.get("/", headers=headers).status_code == 401


def test_guessing_comes_to_an_end(locked: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    guesses = [locked.get("/", headers=basic(f"guess{n}")).status_code for n in range(14)]
    assert guesses == [401] * 10 + [429] * 4
    assert locked.get("/", headers=basic("open sesame ünd öffne")).status_code == 429
    assert "guess" not in caplog.text
    assert "sesame" not in caplog.text


@pytest.mark.parametrize(
    "content", [None, b"", b"\n", b"short\n", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_a_password_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    assert main(["ui", "--port", "0", "--password-file", str(file)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(file) in said
    assert "short" not in said.replace("too short", "")


# ---- what can be set ----


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_REQUESTS_PER_MINUTE", "7")
    monkeypatch.setenv("ASSISTANT_CONCURRENT", "3")
    monkeypatch.setenv("ASSISTANT_METRICS", "yes")
    parser = ArgumentParser()
    add_options(parser)
    serving = read_serving(parser.parse_args(["--concurrent", "2", "--host", "0.0.0.0"]))
    assert (serving.requests_per_minute, serving.concurrent, serving.metrics) == (7, 2, True)
    assert read_serving(parser.parse_args(["--no-metrics"])).metrics is False


@pytest.mark.parametrize(
    ("host", "rate", "metrics"),
    [
        ("127.0.0.1", 0, True),
        ("::1", 0, True),
        ("localhost", 0, True),
        ("0.0.0.0", 300, False),
        ("", 300, False),
        ("knees.example.org", 300, False),
    ],
)
def test_what_is_for_oneself_alone_is_not_limited(host: str, rate: int, metrics: bool) -> None:
    serving = Serving().on(host)
    assert (serving.requests_per_minute, serving.metrics) == (rate, metrics)
    assert Serving(requests_per_minute=5, metrics=True).on(host).requests_per_minute == 5


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROOT_PATH", "knees"),
        ("ROOT_PATH", "/knees/"),
        ("ROOT_PATH", "https://example.org"),
        ("REQUESTS_PER_MINUTE", "many"),
        ("REQUESTS_PER_MINUTE", "-1"),
        ("CONCURRENT", "0"),
        ("TIMEOUT_SECONDS", "1e9"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy"),
        ("METRICS", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=re.compile(variable, re.IGNORECASE)) as caught:
        Serving.from_environment({f"ASSISTANT_{variable}": value})
    assert "; set it to" in str(caught.value)


def test_several_workers_are_refused_with_the_way_that_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["ui", "--workers", "2"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "balancer" in said


# ---- what an operator sees ----


def test_metrics_count_by_kind_and_outcome_and_hold_no_words() -> None:
    with serve(lambda _: PageDouble()) as client:
        for question in (ANSWERED, ANSWERED, EMERGENCY, BROKEN):
            client.post("/api/ask", json={"question": question})
        client.get("/api/cite?id=fix-the-hip:36-626")
        client.get("/secret-path-1")
        client.get("/read/secret-path-2")
        client.request("SECRET", "/")
        shown = client.get("/metrics")
    assert shown.headers["content-type"].startswith("text/plain")
    lines = shown.text.splitlines()
    assert 'knee_hip_answers_total{kind="in_scope",outcome="answered"} 2.0' in lines
    assert 'knee_hip_answers_total{kind="emergency",outcome="redirected"} 1.0' in lines
    assert 'knee_hip_refused_total{code="failed"} 1.0' in lines
    assert 'knee_hip_refused_total{code="method_not_allowed"} 1.0' in lines
    assert "knee_hip_answer_seconds_count 3.0" in lines
    assert "knee_hip_answers_in_flight 0.0" in lines
    assert any('route="/api/ask"' in line and "_bucket" in line for line in lines)
    for word in ("secret", "SECRET", "gluteus", "fix-the-hip", "fever"):
        assert word not in shown.text


def test_answers_on_the_page_are_counted_too() -> None:
    server = Server(lambda _: PageDouble())
    try:
        import httpx

        wait_for(server)
        gradio(server.address).predict(EMERGENCY, api_name="/ask")
        found = httpx.get(f"{server.address}metrics").text
        assert 'knee_hip_answers_total{kind="emergency",outcome="redirected"} 1.0' in found
    finally:
        server.stop()


def test_metrics_can_be_switched_off() -> None:
    with serve(lambda _: PageDouble(), Serving(metrics=False)) as client:
        assert client.get("/metrics").status_code == 404


def test_a_request_leaves_one_line_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="assistant.requests")
    with serve(lambda _: PageDouble(), Serving(log_requests=True)) as client:
        caplog.clear()
        reply = client.post("/api/v1/ask", json={"question": EMERGENCY})
        client.get("/api/cite?id=secret:1-2")
        client.get("/secret?secret=1")
    lines = [json.loads(r.message) for r in caplog.records if r.name == "assistant.requests"]
    asked, cited, closed = lines
    assert asked.pop("ms") >= 0
    assert asked.pop("time").startswith("20")
    assert asked == {
        "event": "request",
        "request": reply.headers["x-request-id"],
        "method": "POST",
        "route": "/api/v1/ask",
        "status": 200,
        "kind": "emergency",
        "outcome": "redirected",
    }
    assert (cited["status"], cited["refused"]) == (404, "no_citation")
    assert closed["route"] == "other"
    assert "secret" not in caplog.text
    assert EMERGENCY not in caplog.text


# ---- what is shut ----

ROUTES = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/read",
    "/read/fix-the-hip",
    "/config",
    "/gradio_api/info",
    "/gradio_api/upload",
    "/api",
    "/api/articles",
    "/api/openapi.json",
    "/api/cite",
    "/api/nowhere",
    "/nowhere",
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with serve(lambda _: PageDouble()) as client:
        yield client


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_every_reply_is_headed_and_no_other_origin_is_let_in(
    client: Any, method: str, path: str
) -> None:
    headers = {
        "origin": "http://localhost:1234",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    reply = client.request(method, path, headers=headers, follow_redirects=False)
    assert reply.headers["content-security-policy"] == CONTENT_POLICY
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert not [name for name in reply.headers if name.startswith("access-control-")]
    assert "localhost:1234" not in reply.text
    if method not in ("GET", "POST"):
        assert reply.status_code == 405
        assert reply.headers["allow"]
    assert reply.status_code < 300 or reply.status_code >= 400
    if reply.status_code >= 400 and "html" not in reply.headers["content-type"]:
        assert DISCLAIMER in reply.text or path in ("/readyz",)


@pytest.mark.parametrize("path", [*ROUTES, "/read/", "/healthz/", "/api/articles/"])
def test_no_host_comes_back_in_a_reply(client: Any, path: str) -> None:
    hosts = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-gradio-server": "http://evil.example",
        "forwarded": "host=evil.example",
    }
    reply = client.get(path, headers=hosts, follow_redirects=False)
    assert "evil" not in reply.text
    assert "evil" not in str(reply.headers)
    assert "location" not in reply.headers


@pytest.mark.parametrize("kept", [True, False])
def test_a_path_before_every_address_may_be_kept_or_cut_off_by_the_proxy(kept: bool) -> None:
    before = "/knees" if kept else ""
    with serve(lambda _: PageDouble(), Serving(root_path="/knees")) as client:
        for path in ("/", "/healthz", "/read/fix-the-hip", "/page/page.css", "/config"):
            assert client.get(before + path).status_code == 200
        assert client.post(f"{before}/api/ask", json=ASKED).status_code == 200
        assert client.get(f"{before}/gradio_api/upload").status_code == 404
        schema = client.get(f"{before}/api/openapi.json").json()
        assert schema["servers"] == [{"url": "/knees"}]
        assert client.get("/kneesocks").status_code == 404


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    server = Server(lambda _: PageDouble(), Serving(timeout_seconds=1))
    try:
        wait_for(server)
        host, port = server.address.removeprefix("http://").rstrip("/").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                b"POST /api/ask HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b"content-length: 500\r\n\r\n{"
            )
            assert b" 408 " in connection.recv(4096).splitlines()[0]
    finally:
        server.stop()


def test_asking_on_the_command_line_loads_nothing_of_the_web() -> None:
    heavy = ("fastapi", "pydantic", "starlette", "gradio", "mcp", "prometheus_client", "uvicorn")
    code = (
        "import sys, assistant.cli; assistant.cli._parser(); "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# ---- the deploy files ----


def command_of(words: list[str]) -> Any:
    """The options of a ``knee-hip ui`` command, which the parser must know."""
    assert Path(words[0]).name == "knee-hip"
    assert words[1] == "ui"
    parser = ArgumentParser(exit_on_error=False)
    add_options(parser)
    return parser.parse_args(words[2:])


def unit_values(name: str) -> list[str]:
    lines = (DEPLOY / "knee-hip@.service").read_text("utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def test_the_unit_starts_what_there_is_and_lets_nothing_out() -> None:
    (start,) = unit_values("ExecStart")
    options = command_of(shlex.split(start.replace("%i", "7860")))
    serving = read_serving(options)
    assert options.host == "127.0.0.1"
    assert serving.requests_per_minute
    assert serving.trusted_proxies
    assert serving.log_requests
    assert unit_values("IPAddressDeny") == ["any"]
    assert unit_values("DynamicUser") == ["yes"]
    for variable in re.findall(r"ASSISTANT_(\w+)=", (DEPLOY / "knee-hip@.service").read_text()):
        assert variable == "DATA" or variable.lower() in Serving.__dataclass_fields__


if SYSTEMD:

    def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
        text = (DEPLOY / "knee-hip@.service").read_text("utf-8")
        unit = tmp_path / "knee-hip@7860.service"
        unit.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", text), "utf-8")
        done = subprocess.run(
            [str(SYSTEMD), "verify", "--man=no", str(unit)], capture_output=True, text=True
        )
        assert "knee-hip@" not in done.stderr, done.stderr


def parse_nginx(text: str) -> list[Any]:
    """Directives as lists of words; a block's directives are the last item."""
    tokens = re.findall(r'#[^\n]*|"[^"]*"|[{};]|[^\s{};]+', text)
    stack: list[list[Any]] = [[]]
    words: list[Any] = []
    for token in tokens:
        if token.startswith("#"):
            continue
        if token == ";":
            stack[-1].append(words)
            words = []
        elif token == "{":
            block: list[Any] = []
            stack[-1].append([*words, block])
            stack.append(block)
            words = []
        elif token == "}":
            assert not words, f"no ; after {words}"
            stack.pop()
        else:
            words.append(token)
    assert len(stack) == 1
    assert not words
    return stack[0]


def test_the_nginx_site_keeps_a_client_with_one_process_and_says_who_asks() -> None:
    upstream, server = parse_nginx((DEPLOY / "nginx.conf").read_text("utf-8"))
    assert upstream[:2] == ["upstream", "knee_hip"]
    assert ["ip_hash"] in upstream[2]
    assert sum(row[0] == "server" for row in upstream[2]) == 2
    assert ["client_max_body_size", "8m"] in server[1]
    assert ["access_log", "off"] in server[1]
    assert ["location", "=", "/metrics", [["return", "404"]]] in server[1]
    (site,) = (row[2] for row in server[1] if row[:2] == ["location", "/"])
    assert ["proxy_pass", "http://knee_hip"] in site
    assert ["proxy_set_header", "X-Forwarded-For", "$remote_addr"] in site
    assert ["proxy_buffering", "off"] in site


def test_the_dockerfile_copies_what_there_is_and_starts_it() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    rows = [
        line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")
    ]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {row[0] for row in rows} == known
    assert rows[0][0] == "FROM"
    for instruction, rest in rows:
        if instruction == "COPY":
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
        if instruction == "CMD":
            assert command_of(json.loads(rest)).host == "0.0.0.0"
        if instruction == "HEALTHCHECK":
            compile(json.loads(rest[rest.index("[") :])[2], "HEALTHCHECK", "exec")
    users = [row[1] for row in rows if row[0] == "USER"]
    assert users
    assert users[-1] != "root"


if NGINX:

    @pytest.fixture
    def balanced(tmp_path: Path) -> Iterator[str]:
        """Two processes' worth of servers behind the real nginx with the site of ``deploy/``."""
        serving = Serving(trusted_proxies="127.0.0.1")
        servers = [Server(lambda _: PageDouble(), serving) for _ in range(2)]
        for server in servers:
            wait_for(server)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        site = (DEPLOY / "nginx.conf").read_text("utf-8")
        for name, server in zip(("7860", "7861"), servers, strict=True):
            site = site.replace(f":{name};", f":{server.address.rstrip('/').split(':')[-1]};")
        site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        site = re.sub(r"\n\s*(ssl_\w+|error_log) [^;]+;", "", site)
        folders = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/pid; daemon off; error_log {tmp_path}/error.log;"
            f"events {{}} http {{ access_log off; {folders} {site} }}"
        )
        process = subprocess.Popen(
            [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
            stderr=subprocess.PIPE,
        )
        address = f"http://127.0.0.1:{port}/"
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()
            process.wait(10)
            for server in servers:
                server.stop()

    def test_chats_and_programs_get_their_answers_through_nginx(balanced: str) -> None:
        import httpx

        client = gradio(balanced)
        for _ in range(10):
            assert client.predict(ANSWERED, api_name="/ask")["outcome"] == "answered"
        assert httpx.post(f"{balanced}api/ask", json=ASKED).json()["outcome"] == "answered"
        assert httpx.get(f"{balanced}metrics").status_code == 404


# ---- the page of examples ----


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.S)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(lambda _: PageDouble())
    wait_for(server)
    yield server
    server.stop()


def run_example(
    command: list[str], code: str, server: Server, **environ: str
) -> subprocess.CompletedProcess[str]:
    there = code.replace("http://127.0.0.1:7860", server.address.rstrip("/"))
    done = subprocess.run(
        [*command, there],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr
    return done


if shutil.which("curl"):

    @pytest.mark.parametrize("code", blocks_of("bash"))
    def test_the_examples_for_the_shell_work(server: Server, code: str) -> None:
        done = run_example(["bash", "-e", "-c"], code, server)
        assert done.stdout.count(DISCLAIMER) == code.count("curl ")


@pytest.mark.parametrize("code", blocks_of("python"))
def test_the_examples_in_python_work(
    server: Server, code: str, small_corpus: Path, tmp_path: Path
) -> None:
    if "mcp" in code:
        pytest.importorskip("mcp", reason="the extra is not installed")
        started = f'command={sys.executable!r}, args=["-m", "assistant", "mcp"]'
        code = code.replace('command="knee-hip", args=["mcp"]', f"{started}, env=dict(os.environ)")
        assert started in code
        code = f"import os\n{code}"
    done = run_example(
        [sys.executable, "-c"],
        code,
        server,
        ASSISTANT_CORPUS=str(small_corpus),
        ASSISTANT_DATA=str(tmp_path / "data"),
    )
    assert DISCLAIMER in done.stdout


def test_the_examples_are_all_there() -> None:
    assert len(blocks_of("bash")) == 1
    assert len(blocks_of("python")) == 3


def test_the_page_of_examples_names_every_option_and_code() -> None:
    from assistant.web.refusals import load_refusals

    parser = ArgumentParser()
    add_options(parser)
    for action in parser._actions:
        if action.dest not in ("help", "port", "corpus"):
            assert action.option_strings[0] in DOCS
    for code, row in load_refusals().items():
        assert f"`{code}`" in DOCS or code == "closed"
        assert str(row["status"]) in DOCS


@pytest.mark.parametrize("name", ["corpus", "data", "model", "reranker", "entailment", "feedback"])
def test_a_path_may_start_at_home(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.from_environment({f"ASSISTANT_{name.upper()}": "~/there"})
    assert str(getattr(settings, name)) == str(tmp_path / "there")


def test_a_password_file_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    serving = Serving.from_environment({"ASSISTANT_PASSWORD_FILE": "~/there"})
    assert serving.password_file == tmp_path / "there"
