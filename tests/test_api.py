"""The API for programs: the same answers as elsewhere, and an answer to every request whatever."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_double import (
    ABSTAINED,
    ANSWERED,
    BROKEN,
    CRISIS,
    DIAGNOSIS,
    DIFFERS,
    EMERGENCY,
    OFF_TOPIC,
    REFUSED,
    STEPS,
    URGENT,
    PageDouble,
)
from page_server import Server
from web_clients import gradio, refused, serve, wait_for

import ui
from assistant.citations import make_citation
from assistant.corpus import load_corpus
from assistant.errors import StoreError
from assistant.pipeline import Assistant
from assistant.render import answer_to_json, claim_to_json, context_to_json
from assistant.settings import Serving
from assistant.types import DISCLAIMER, Statement, Turn
from assistant.web import schema

VERSIONS = ("/api", "/api/v1")
QUESTIONS = (
    ANSWERED,
    DIFFERS,
    STEPS,
    ABSTAINED,
    EMERGENCY,
    CRISIS,
    URGENT,
    OFF_TOPIC,
    REFUSED,
    DIAGNOSIS,
    "",
    "\0",
    "😀" * 10,
    "knee " * 10_000,
)
SECRET = "sesame"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def double() -> PageDouble:
    return PageDouble()


@pytest.fixture(scope="module")
def client(double: PageDouble) -> Iterator[Any]:
    with serve(lambda _: double) as client:
        yield client


@pytest.fixture(scope="module")
def server(double: PageDouble) -> Iterator[Server]:
    server = Server(lambda _: double)
    wait_for(server)
    yield server
    server.stop()


def without_timings(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "timings_ms": {}}


# ---- the same as elsewhere ----


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_the_json_of_the_command(
    client: Any, double: PageDouble, version: str, question: str
) -> None:
    reply = client.post(f"{version}/ask", json={"question": question})
    assert reply.status_code == 200
    assert reply.json() == answer_to_json(double.ask(question))
    assert reply.json()["disclaimer"] == DISCLAIMER


@pytest.mark.parametrize("version", VERSIONS)
def test_a_citation_and_a_claim_are_the_json_of_the_command(
    client: Any, double: PageDouble, version: str
) -> None:
    citation = double.ask(ANSWERED).citations[0]
    expected = {**context_to_json(double.cite(citation.id)), "disclaimer": DISCLAIMER}
    for given_id in (citation.id, f"{citation.id}@{citation.sha256[:8]}"):
        assert client.get(f"{version}/cite", params={"id": given_id}).json() == expected
        assert client.post(f"{version}/cite", json={"id": given_id}).json() == expected
    for text in (citation.quote, "Bananas cure it."):
        reply = client.post(f"{version}/claim", json={"text": text})
        assert reply.json() == claim_to_json(double.claim(text))


def test_the_articles_are_listed_with_what_is_known_of_them(
    client: Any, double: PageDouble
) -> None:
    found = client.get("/api/articles").json()
    assert [row["id"] for row in found["articles"]] == list(double.articles)
    assert found["articles"][0]["sha256"] == next(iter(double.articles.values())).sha256
    assert found["disclaimer"] == DISCLAIMER


def test_what_was_said_before_reaches_the_assistant(client: Any, double: PageDouble) -> None:
    history = [
        {"role": "user", "content": EMERGENCY},
        {"role": "assistant", "content": "Get help.", "id": "ignored as in a batch"},
    ]
    client.post("/api/ask", json={"question": ANSWERED, "history": history})
    assert double.histories[-1] == (Turn("user", EMERGENCY), Turn("assistant", "Get help."))
    assert client.post("/api/ask", json={"question": ANSWERED, "history": None}).is_success


def test_the_real_assistant_answers_the_same_and_by_country(
    small_assistant: Callable[[], Assistant],
) -> None:
    assistant = small_assistant()
    with serve(lambda _: assistant) as client:
        for question in (
            "what helps a tennis elbow",
            "will bananas help",
            CRISIS,
            "my chest hurts",
        ):
            for language, country in (("en-GB,en;q=0.8", "GB"), ("", "")):
                reply = client.post(
                    "/api/ask", json={"question": question}, headers={"accept-language": language}
                )
                expected = answer_to_json(assistant.in_country(country).ask(question))
                assert without_timings(reply.json()) == without_timings(expected)
        british, general = (
            client.post("/api/ask", json={"question": CRISIS}, headers=headers).json()["notices"]
            for headers in ({"accept-language": "en-GB"}, {"accept-language": "en"})
        )
    assert british != general


# ---- the schema ----


def test_every_reply_fits_the_published_schema(client: Any, double: PageDouble) -> None:
    published = client.get("/api/openapi.json").json()
    assert published["openapi"].startswith("3.")
    citation = double.ask(ANSWERED).citations[0].id
    replies = {
        ("post", "/api/v1/ask"): [
            client.post("/api/v1/ask", json={"question": question}) for question in QUESTIONS
        ],
        ("get", "/api/v1/cite"): [client.get("/api/v1/cite", params={"id": citation})],
        ("post", "/api/v1/claim"): [client.post("/api/v1/claim", json={"text": "The gluteus"})],
        ("get", "/api/v1/articles"): [client.get("/api/v1/articles")],
        ("get", "/api/cite"): [client.get("/api/cite"), client.get("/api/cite?id=none:1-2")],
    }
    for (method, path), found in replies.items():
        for reply in found:
            documented = published["paths"][path][method]["responses"][str(reply.status_code)]
            part = documented["content"]["application/json"]["schema"]
            jsonschema.validate(reply.json(), {**part, "components": published["components"]})


def test_a_citation_of_a_pdf_and_one_that_has_moved_fit_the_schema(double: PageDouble) -> None:
    article = load_corpus(Path(__file__).parent / "corpora" / "shoulder")["scapular-control"]
    citation = make_citation(article, article.sentences[3].span)
    assert citation.page
    answer = replace(double.ask(ANSWERED), statements=(Statement(citation.quote, (citation,)),))
    schema.Answer.model_validate_json(json.dumps(answer_to_json(answer)))
    moved = replace(
        double.cite(double.ask(ANSWERED).citations[0].id), citation=citation, moved_from="x:1-2@0"
    )
    body = {**context_to_json(moved), "disclaimer": DISCLAIMER}
    schema.Context.model_validate_json(json.dumps(body))
    jsonschema.validate(body, schema.Context.model_json_schema())


def test_the_schema_has_each_key_of_an_answer_and_both_versions(
    client: Any, double: PageDouble
) -> None:
    published = client.get("/api/openapi.json").json()
    answer = published["components"]["schemas"]["Answer"]
    assert set(answer["properties"]) == set(answer["required"])
    assert set(answer["properties"]) == set(answer_to_json(double.ask(ANSWERED)))
    assert {
        f"{v}/{name}" for v in VERSIONS for name in ("ask", "cite", "claim", "articles")
    } == set(published["paths"])
    operations = [row for path in published["paths"].values() for row in path.values()]
    assert len({row["operationId"] for row in operations}) == len(operations)
    assert DISCLAIMER in published["info"]["description"]


# ---- what cannot be answered ----


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/api/v2/ask", 404, "not_found"),
        ("GET", "/api/ask", 405, "method_not_allowed"),
        ("POST", "/api/articles", 405, "method_not_allowed"),
        ("DELETE", "/api/ask", 405, "method_not_allowed"),
        ("OPTIONS", "/api/ask", 405, "method_not_allowed"),
        ("GET", "/api/cite", 422, "invalid"),
        ("GET", "/api/cite?id=", 422, "invalid"),
        ("GET", "/api/cite?id=fix-the-hip:9-3", 404, "no_citation"),
        ("GET", "/api/cite?id=fix-the-hip:1", 422, "invalid"),
        ("GET", "/api/cite?id=fix-the-hip:%D9%A1-%D9%A2", 422, "invalid"),
        ("GET", "/api/cite?id=fix-the-hip:1-99999999", 404, "no_citation"),
        ("GET", "/api/cite?id=none:1-2", 404, "no_citation"),
        ("GET", "/api/cite?id=fix-the-hip:36-626@00000000", 404, "no_citation"),
        ("GET", "/api/cite?id=%ED%A0%80", 422, "invalid"),
    ],
)
def test_every_error_says_what_to_do_and_carries_the_disclaimer(
    client: Any, method: str, path: str, status: int, code: str
) -> None:
    reply = client.request(method, path)
    assert refused(reply, status, code).endswith(".")
    assert "allow" in reply.headers or status != 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"question": "\xff"}', 400),
        (b"[" * 50_000, 400),
        (b'{"question":' * 5_000, 400),
        (b"9" * 5_000, 400),
        (b"NaN", 422),
        (b"null", 422),
        (b'"sesame"', 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"question": NaN}', 422),
        (b'{"question": 1e999}', 422),
        (b'{"question": null}', 422),
        (b'{"question": ["sesame"]}', 422),
        (b'{"question": "\\ud800"}', 422),
        (b'{"question": "x", "sesame": 1}', 422),
        (b'{"question": "x", "\\ud800": 1}', 422),
        (b'{"question": "x", "history": "sesame"}', 422),
        (b'{"question": "x", "history": {"sesame": 1}}', 422),
        (b'{"question": "x", "history": [["sesame"]]}', 422),
        (b'{"question": "x", "history": [{"role": "sesame", "content": "x"}]}', 422),
        (b'{"question": "x", "history": [{"role": "user", "content": "\\udfff"}]}', 422),
        (b'{"question": "x", "history": [{"role": "user"}]}', 422),
        (b'{"question": "x", "history": [' + b'{"role":"user","content":"x"},' * 300 + b"1]}", 422),
        (b'{"question": "' + b"x" * 200_000 + b'"}', 413),
        (b'{"question": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
def test_a_body_that_does_not_fit_is_refused_without_an_echo(
    client: Any, body: bytes, status: int
) -> None:
    codes = {400: "bad_request", 413: "too_large", 422: "invalid"}
    for version in VERSIONS:
        reply = client.post(f"{version}/ask", content=body, headers=JSON)
        refused(reply, status, codes[status])
        assert SECRET not in reply.text


@pytest.mark.parametrize("path", ["/api/claim", "/api/cite"])
@pytest.mark.parametrize("body", [{"sesame": 1}, {"text": 5, "id": 5}, ["sesame"], "sesame", None])
def test_the_other_addresses_refuse_likewise(client: Any, path: str, body: object) -> None:
    reply = client.post(path, json=body)
    refused(reply, 422, "invalid")
    assert SECRET not in reply.text


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]) | VALUES, "content": VALUES}
)
ALMOST = st.fixed_dictionaries(
    {},
    optional={
        "question": st.text() | VALUES,
        "history": st.lists(TURNS, max_size=3) | VALUES,
        "id": st.text() | VALUES,
        "text": st.text() | VALUES,
        "other": VALUES,
    },
)
BODIES = st.binary(max_size=300) | (ALMOST | VALUES).map(lambda value: json.dumps(value).encode())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    BODIES,
    st.sampled_from(["ask", "claim", "cite"]),
    st.sampled_from(["application/json", "text/plain", "application/json; charset=latin-1", ""]),
)
def test_any_body_whatever_gets_an_answer_or_a_plain_refusal(
    client: Any, body: bytes, name: str, content_type: str
) -> None:
    reply = client.post(f"/api/v1/{name}", content=body, headers={"content-type": content_type})
    assert reply.status_code in (200, 400, 404, 422), reply.text
    assert reply.json()["disclaimer"] == DISCLAIMER
    if reply.status_code != 200:
        schema.Error.model_validate(reply.json())


def test_what_fails_is_a_plain_sentence_and_the_question_is_in_no_log(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reply = client.post("/api/ask", json={"question": BROKEN})
    refused(reply, 500, "failed")
    assert BROKEN not in reply.text
    assert BROKEN not in caplog.text
    assert "RuntimeError" in caplog.text


def test_before_it_is_ready_it_says_when_to_come_back() -> None:
    go = threading.Event()

    def load(_: ui.Progress) -> PageDouble:
        go.wait(10)
        return PageDouble()

    with serve(load, wait=False) as client:
        reply = client.post("/api/ask", json={"question": ANSWERED})
        refused(reply, 503, "not_ready")
        assert int(reply.headers["retry-after"]) > 0
        assert client.get("/api/openapi.json").status_code == 200
        go.set()


def test_a_failed_start_is_told_without_its_reason() -> None:
    def load(_: ui.Progress) -> PageDouble:
        raise StoreError("/home/somebody/index: damaged; delete it")

    with serve(load, wait=False) as client:
        time.sleep(0.2)
        message = refused(client.get("/api/articles"), 503, "not_started")
    assert "somebody" not in message


def test_beyond_the_places_it_says_that_it_is_busy() -> None:
    double = PageDouble(seconds=0.7)
    with serve(lambda _: double, Serving(concurrent=1, max_waiting=1)) as client:

        def ask(_: int) -> Any:
            return client.post("/api/ask", json={"question": ANSWERED})

        with ThreadPoolExecutor(6) as pool:
            replies = list(pool.map(ask, range(6)))
        busy = [reply for reply in replies if reply.status_code == 503]
        assert sum(reply.status_code == 200 for reply in replies) == 2
        assert len(busy) == 4
        assert all(refused(reply, 503, "busy") for reply in busy)
        assert all(int(reply.headers["retry-after"]) > 0 for reply in busy)
        assert ask(0).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    double = PageDouble(seconds=1.5)
    with serve(lambda _: double, Serving(timeout_seconds=1)) as client:
        refused(client.post("/api/ask", json={"question": ANSWERED}), 503, "timeout")


# ---- gradio_client ----


def test_gradios_client_gets_the_same_answer(server: Server, double: PageDouble) -> None:
    client = gradio(server.address)
    history = [{"role": "user", "content": STEPS}]
    for question in (ANSWERED, EMERGENCY, ABSTAINED):
        found = client.predict(question, history, api_name="/ask")
        assert found == answer_to_json(double.ask(question))
    assert client.predict(question=ANSWERED, api_name="/ask")["outcome"] == "answered"
    assert Turn("user", STEPS) in double.histories[-3]


@pytest.mark.parametrize(
    "arguments", [(5,), (None,), ("x", "sesame"), ("x", [{"role": "system", "content": "sesame"}])]
)
def test_gradios_client_is_told_what_does_not_fit(
    server: Server, arguments: Sequence[object]
) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        gradio(server.address).predict(*arguments, api_name="/ask")
    assert DISCLAIMER in str(caught.value)
    assert "does not fit" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_gradios_client_sees_one_endpoint_and_can_call_no_other(server: Server) -> None:
    client = gradio(server.address)
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/ask"]
    private = [event for event in client.config["dependencies"] if event["api_name"] != "ask"]
    assert private
    for event in private:
        with pytest.raises(ValueError, match="Invalid function index"):
            client.predict(ANSWERED, fn_index=event["id"])


def test_no_event_of_the_page_is_called_by_its_name_or_around_the_queue(server: Server) -> None:
    import httpx

    with httpx.Client(base_url=server.address) as client:
        events = client.get("config").json()["dependencies"]
        for event in events:
            if event["api_name"] != "ask":
                for how in ("call", "call/v2", "api", "run"):
                    address = f"gradio_api/{how}/{event['api_name']}"
                    assert client.post(address, json={"data": []}).status_code == 404
        for event in events:
            if event["queue"]:
                reply = client.post(
                    "gradio_api/run/predict", json={"data": ["x", None], "fn_index": event["id"]}
                )
                assert reply.status_code == 404
                assert reply.json()["disclaimer"] == DISCLAIMER


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[]", b'{"data": "sesame"}', b'{"fn_index": "sesame", "data": []}']
)
def test_what_gradio_cannot_read_is_not_echoed_either(client: Any, body: bytes) -> None:
    reply = client.post("/gradio_api/queue/join", content=body, headers=JSON)
    assert 400 <= reply.status_code < 500
    assert SECRET not in reply.text
    assert reply.json()["disclaimer"] == DISCLAIMER
    assert isinstance(reply.json()["detail"], str)
