"""What an operator can see: counters for Prometheus, and a JSON line for each request.

Neither holds a question, an answer, a citation or an address: only names out of fixed lists.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from assistant.types import Answer, Tell, Turn

if TYPE_CHECKING:
    from assistant.page.session import AssistantProtocol

Record = dict[str, Any]
"""One request's line, filled in on its way."""

REQUEST: ContextVar[Record | None] = ContextVar("request", default=None)
"""The request that is being answered, where one request is one answer (not on the page)."""

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_log = logging.getLogger("assistant.requests")


class Watch:
    """Counts and notes; `metrics` and `log` switch the two on."""

    def __init__(self, metrics: bool = True, log: bool = False) -> None:
        self._log = log
        self._counts = _Counts() if metrics else None

    def note_request(self, record: Record, streamed: bool) -> None:
        """A request has ended; how long a stream was open says nothing about speed."""
        if self._counts:
            self._counts.requests.labels(record["route"], record["method"], record["status"]).inc()
            if not streamed:
                self._counts.seconds.labels(record["route"]).observe(record["ms"] / 1000)
            if "refused" in record:
                self._counts.refused.labels(record["refused"]).inc()
        self._write({"event": "request", **record})

    def ask(
        self,
        assistant: AssistantProtocol,
        question: str,
        history: Sequence[Turn],
        tell: Tell | None = None,
    ) -> Answer:
        """`assistant.ask`, counted and timed."""
        start = time.perf_counter()
        if self._counts:
            self._counts.in_flight.inc()
        try:
            answer = assistant.ask(question, history, tell)
        finally:
            if self._counts:
                self._counts.in_flight.dec()
        seconds = time.perf_counter() - start
        kind, outcome = answer.kind.value, answer.outcome.value
        if self._counts:
            self._counts.answers.labels(kind, outcome).inc()
            self._counts.answer_seconds.observe(seconds)
        record = REQUEST.get()
        if record is None:
            ms = round(seconds * 1000, 1)
            self._write({"event": "answer", "kind": kind, "outcome": outcome, "ms": ms})
        else:
            record.update(kind=kind, outcome=outcome)
        return answer

    def exposition(self) -> bytes | None:
        """All counters in Prometheus's text format; None where they are switched off."""
        return self._counts.exposition() if self._counts else None

    def _write(self, fields: Mapping[str, Any]) -> None:
        if self._log:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            _log.info(json.dumps({"time": now, **fields}))


def log_to_stderr() -> None:
    """Let the lines of `Watch` out, each as it is."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


class _Counts:
    """The metrics, in a registry of their own: several applications in one process do not mix."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "knee_hip_requests",
            "Requests that have ended",
            ("route", "method", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "knee_hip_request_seconds",
            "Time of a request, streams left out",
            ("route",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.refused = Counter(
            "knee_hip_refused", "Requests without an answer", ("code",), registry=registry
        )
        self.answers = Counter(
            "knee_hip_answers", "Answers given", ("kind", "outcome"), registry=registry
        )
        self.answer_seconds = Histogram(
            "knee_hip_answer_seconds", "Time of an answer", registry=registry, buckets=_SECONDS
        )
        self.in_flight = Gauge(
            "knee_hip_answers_in_flight", "Answers being made", registry=registry
        )

    def exposition(self) -> bytes:
        from prometheus_client import generate_latest

        return bytes(generate_latest(self._registry))


class _Observed:
    """An assistant whose answers are counted; everything else is the assistant's own."""

    def __init__(self, assistant: AssistantProtocol, watch: Watch) -> None:
        self._assistant = assistant
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._assistant, name)

    def in_country(self, country: str) -> AssistantProtocol:
        return observe(self._assistant.in_country(country), self._watch)

    def ask(self, question: str, history: Sequence[Turn] = (), tell: Tell | None = None) -> Answer:
        return self._watch.ask(self._assistant, question, history, tell)


def observe(assistant: AssistantProtocol, watch: Watch) -> AssistantProtocol:
    """The same assistant, its answers counted by `watch`."""
    return cast("AssistantProtocol", _Observed(assistant, watch))
