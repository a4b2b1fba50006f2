"""Who may ask how much at once: a password, a rate for each client, places for questions.

Without any library. Addresses are kept in memory only and forgotten when they have been quiet.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextvars
import hmac
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from assistant.errors import SettingsError
from assistant.web.refusals import Refusal

T = TypeVar("T")

MAX_CLIENTS: Final = 20_000
MIN_PASSWORD_CHARS: Final = 8
WRONG_PASSWORDS_PER_MINUTE: Final = 10


class Limiter:
    """A token bucket for each client: `per_minute` requests, all at once or spread out.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one token: 0 if there was one, else the seconds until there is."""
        now = self._clock()
        tokens, then = self._buckets.pop(client, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - then) * self._per_second)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_second

    def is_empty(self, client: str) -> bool:
        """Whether the client has no token left; takes none."""
        tokens, then = self._buckets.get(client, (self._capacity, self._clock()))
        return tokens + (self._clock() - then) * self._per_second < 1


def client_of(address: str) -> str:
    """What one client is counted as: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def client_in(request: Any) -> str:
    """Who sends a request, of Starlette or of Gradio, as `client_of` counts."""
    return client_of(getattr(getattr(request, "client", None), "host", ""))


class Password:
    """One password for everybody, by HTTP Basic authentication; the user name is not looked at."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._wrong = Limiter(WRONG_PASSWORDS_PER_MINUTE)

    @classmethod
    def load(cls, path: Path) -> Password:
        """From the first line of a file.

        Raises:
            SettingsError: it cannot be read, or is too short.
        """
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise SettingsError(
                f"password_file is {str(path)!r}, which cannot be read ({reason}); "
                "name a file whose first line is the password"
            ) from error
        password = lines[0].strip() if lines else ""
        if len(password) < MIN_PASSWORD_CHARS:
            raise SettingsError(
                f"{path}: the password has {len(password)} characters; "
                f"put one of at least {MIN_PASSWORD_CHARS} on its first line"
            )
        return cls(password)

    def check(self, authorization: str, client: str) -> None:
        """Let the request pass.

        Raises:
            Refusal: ``unauthorized``, or ``limited`` after many wrong passwords.
        """
        if authorization and self._wrong.is_empty(client):
            raise Refusal("limited", 60)
        if hmac.compare_digest(_password_in(authorization), self._password):
            return
        if authorization:
            self._wrong.take(client)
        raise Refusal("unauthorized")


def _password_in(authorization: str) -> bytes:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Work that has a place, and where its result goes."""

    work: Callable[[], Any]
    result: Future[Any]


class Gate:
    """Runs questions in threads: `running` at once, `waiting` more in line, each in good time.

    Clients take turns, however many questions one of them has in line. Where every place is
    taken, the newest question of whoever waits with the most makes room for one of a client who
    waits with fewer.
    """

    def __init__(self, running: int, waiting: int, timeout_seconds: float) -> None:
        self._pool = ThreadPoolExecutor(running, "answer")
        self._idle = running
        self._free = running + waiting
        self._timeout_seconds = timeout_seconds
        self._lines: OrderedDict[str, deque[_Asked]] = OrderedDict()
        self._lock = Lock()

    async def run(self, work: Callable[[], T], client: str = "") -> T:
        """The result of `work`, which keeps its place until it has ended.

        Args:
            client: who asks, as `client_of` counts.

        Raises:
            Refusal: ``busy`` or ``timeout``.
        """
        asked = _Asked(partial(contextvars.copy_context().run, work), Future())
        with self._lock:
            self._make_room(client)
            self._free -= 1
            self._lines.setdefault(client, deque()).append(asked)
            self._start()
        result: asyncio.Future[T] = asyncio.wrap_future(asked.result)
        try:
            return await asyncio.wait_for(result, self._timeout_seconds)
        except TimeoutError as error:
            raise Refusal("timeout") from error
        finally:
            self._give_up(client, asked)

    def _make_room(self, client: str) -> None:
        if self._free:
            return
        longest = max(self._lines.values(), key=len, default=deque[_Asked]())
        # Where the two would only change places, whoever came first stays.
        if len(longest) < len(self._lines.get(client, ())) + 2:
            raise Refusal("busy")
        given_up = longest.pop().result
        if given_up.set_running_or_notify_cancel():
            given_up.set_exception(Refusal("busy"))
        self._free += 1

    def _start(self) -> None:
        """Begin what can be begun, one of each client in turn."""
        while self._idle and self._lines:
            client, line = self._lines.popitem(last=False)
            asked = line.popleft()
            if line:
                self._lines[client] = line
            self._idle -= 1
            self._pool.submit(self._work, asked)

    def _work(self, asked: _Asked) -> None:
        wanted = asked.result.set_running_or_notify_cancel()
        found: Any = None
        failure: BaseException | None = None
        try:
            found = asked.work() if wanted else None
        except BaseException as error:  # noqa: BLE001 - Whoever waits for it is told.
            failure = error
        # The place is free before its answer is told: whoever has it may ask the next at once.
        with self._lock:
            self._idle += 1
            self._free += 1
            self._start()
        if failure:
            asked.result.set_exception(failure)
        elif wanted:
            asked.result.set_result(found)

    def _give_up(self, client: str, asked: _Asked) -> None:
        """Out of the line, if nobody waits for it any more."""
        with self._lock:
            line = self._lines.get(client, deque())
            if asked in line:
                line.remove(asked)
                self._free += 1
            if not line:
                self._lines.pop(client, None)
