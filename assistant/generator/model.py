"""A chat model behind one method: a prompt in, text out, or a `ChatError` with a fixed text.

LangChain's ``init_chat_model`` finds the provider's package, which finds its key in the
environment by itself. Nothing that a provider says in an error is repeated: it may hold the key or
the question. One question has one `Budget` of time and money, retries included.
"""

from __future__ import annotations

import email.utils
import json
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.errors import ChatError, SettingsError
from assistant.generator.prompts import CHARS_A_TOKEN, Prompt
from assistant.settings import Settings, provider_environment

ATTEMPTS: Final = 3
FIRST_WAIT_SECONDS: Final = 0.5
MAX_REPLY_CHARS: Final = 200_000
# A call that is over time goes on in its thread until its connection ends; so many may.
MAX_CALLS: Final = 8
_MILLION: Final = 1_000_000
_EXTRAS: Final = frozenset({"openai", "anthropic", "ollama", "huggingface"})
_LOGGERS: Final = ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "ollama")

TIMED_OUT: Final = "the language model took too long"
UNREACHABLE: Final = "the language model cannot be reached; check its address and that it runs"
BAD_KEY: Final = "the language model's service refused the key; check the provider's variable"
NO_MODEL: Final = "the service has no such language model; check its name"
BUSY: Final = "the language model's service takes no more requests for now"
SERVER: Final = "the language model's service failed"
REJECTED: Final = "the language model's service rejected the request"
TOO_LONG: Final = "the question and its sentences are too long for the language model"
TOO_MUCH: Final = "the language model's reply is too long to be one"
COSTS: Final = "asking the language model would cost more than the limit for one question"
BROKEN: Final = "the language model's service sent something that is no reply"


@dataclass(slots=True)
class Budget:
    """What one question may still take, and what it has taken; tokens as the provider counts them,
    estimated where it does not.
    """

    seconds_left: float
    cost_left: float = float("inf")
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """`again`: whether the same request may succeed, after `wait_seconds` if the server said so.

    `charged`: whether the provider may have written a reply that it asks money for.
    """

    reason: str
    again: bool = False
    wait_seconds: float | None = None
    charged: bool = False


class ChatModel:
    """The configured model.

    Raises:
        SettingsError: it cannot be set up; the message names the extra or the variable.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recordings = settings.chat_recordings
        self._slots = threading.BoundedSemaphore(MAX_CALLS)
        self.name = shown_name(settings.chat_model)
        self.max_input_tokens = settings.chat_max_input_tokens
        self._model = _open(settings)

    def budget(self) -> Budget:
        """That of a new question."""
        limit = self._settings.chat_max_cost
        return Budget(self._settings.chat_timeout_seconds, limit or float("inf"))

    def ask(self, prompt: Prompt, budget: Budget) -> str:
        """The model's reply, within the budget.

        Raises:
            ChatError: there is none, with one of the fixed texts above.
        """
        if prompt.tokens > self.max_input_tokens:
            raise ChatError(TOO_LONG)
        if (recorded := self._recorded(prompt)) is not None:
            return recorded
        reply = self._ask(prompt, budget)
        if len(reply.text) > MAX_REPLY_CHARS:
            raise ChatError(TOO_MUCH)
        self._record(prompt, reply)
        return reply.text

    def _ask(self, prompt: Prompt, budget: Budget) -> _Reply:
        for attempt in range(1, ATTEMPTS + 1):
            worst = self._cost(prompt.tokens, self._settings.chat_max_output_tokens)
            if worst > budget.cost_left:
                raise ChatError(COSTS)
            start = time.monotonic()
            outcome = self._call(prompt, budget.seconds_left)
            budget.seconds_left -= time.monotonic() - start
            budget.requests += 1
            if isinstance(outcome, _Reply):
                budget.tokens_in += outcome.tokens_in
                budget.tokens_out += outcome.tokens_out
                _charge(budget, self._cost(outcome.tokens_in, outcome.tokens_out))
                return outcome
            if outcome.charged:
                _charge(budget, worst)
            wait = outcome.wait_seconds
            if wait is None:
                wait = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * (1 + random.random() / 4)
            if not outcome.again or attempt == ATTEMPTS or wait >= budget.seconds_left:
                raise ChatError(outcome.reason)
            time.sleep(wait)
            budget.seconds_left -= wait
        raise ChatError(TIMED_OUT)

    def _call(self, prompt: Prompt, seconds: float) -> _Reply | _Failure:
        """One request, waited for no longer than `seconds`.

        A provider's own time-out is for each read: a server that sends a byte now and then would
        keep a reader waiting for ever. So the call has a thread, left behind when over time.
        """
        if seconds <= 0 or not self._slots.acquire(timeout=seconds):
            return _Failure(TIMED_OUT)
        outcome: queue.SimpleQueue[_Reply | _Failure] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put(self._invoke(prompt))
            finally:
                self._slots.release()

        threading.Thread(target=work, name="ask-model", daemon=True).start()
        try:
            return outcome.get(timeout=seconds)
        except queue.Empty:
            return _Failure(TIMED_OUT, charged=True)

    def _invoke(self, prompt: Prompt) -> _Reply | _Failure:
        try:
            human = prompt.render()
            message = self._model.invoke([("system", prompt.system), ("human", human)])
            text = str(message.text)
            usage = getattr(message, "usage_metadata", None) or {}
        except Exception as error:  # noqa: BLE001 - A thread's edge, and any provider's errors.
            return _failure_of(error)
        return _Reply(
            text,
            int(usage.get("input_tokens") or prompt.tokens),
            int(usage.get("output_tokens") or len(text) // CHARS_A_TOKEN),
        )

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        prices = self._settings.chat_price_in, self._settings.chat_price_out
        return (tokens_in * prices[0] + tokens_out * prices[1]) / _MILLION

    def _recorded(self, prompt: Prompt) -> str | None:
        if self._recordings is None:
            return None
        path = self._recording(self._recordings, prompt)
        try:
            reply = json.loads(path.read_text("utf-8"))["reply"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ChatError(f"{path.name}: a damaged recording; delete it") from error
        return str(reply)

    def _record(self, prompt: Prompt, reply: _Reply) -> None:
        if self._recordings is None:
            return
        path = self._recording(self._recordings, prompt)
        row = {
            "model": self.name,
            "system": prompt.system,
            "parts": prompt.parts,
            "reply": reply.text,
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
            part.write_text(json.dumps(row, ensure_ascii=False, indent=1), "utf-8", "replace")
            part.replace(path)
        except OSError as error:
            raise ChatError(f"{path.parent}: recordings cannot be written there") from error

    def _recording(self, folder: Path, prompt: Prompt) -> Path:
        return folder / f"{prompt.sha256(self._settings.chat_model)}.json"


def shown_name(chat_model: str) -> str:
    """``provider:name``; of a local folder its own name only."""
    provider, _, name = chat_model.partition(":")
    return f"{provider}:{Path(name).name if Path(name).is_absolute() else name}"


def _charge(budget: Budget, cost: float) -> None:
    budget.cost += cost
    budget.cost_left -= cost


def _open(settings: Settings) -> Any:
    """The LangChain chat model."""
    provider = settings.chat_model.partition(":")[0]
    known = provider_environment(provider)
    options = _options(settings, provider)
    if known.key_variable and not known.has_key:
        if not (settings.chat_url or known.address):
            raise SettingsError(
                f"chat_model is {shown_name(settings.chat_model)!r} and {known.key_variable} is "
                "not set; set it to your key, or chat_url to a server that needs none"
            )
        options["api_key"] = "none"
    try:
        from langchain.chat_models import init_chat_model

        model = init_chat_model(settings.chat_model, **options)
    except ImportError:
        what = f'the extra: pip install -e ".[{provider}]"' if provider in _EXTRAS else "it"
        raise SettingsError(
            f"chat_model is {shown_name(settings.chat_model)!r} and its provider's package is not "
            f"installed; install {what}"
        ) from None
    except Exception as error:  # noqa: BLE001 - Any provider's errors; their text may hold a key.
        raise SettingsError(
            f"chat_model {shown_name(settings.chat_model)!r} cannot be set up "
            f"({type(error).__name__}); check the provider, the name and chat_url"
        ) from None
    for name in _LOGGERS:  # At their lower levels they write down what they send.
        logging.getLogger(name).setLevel(logging.WARNING)
    return model


def _options(settings: Settings, provider: str) -> dict[str, Any]:
    """What the provider's class calls the limits."""
    seconds, tokens = settings.chat_timeout_seconds, settings.chat_max_output_tokens
    options: dict[str, Any] = {"temperature": 0}
    if settings.chat_url:
        options["base_url"] = settings.chat_url
    if provider == "ollama":
        return {**options, "num_predict": tokens, "client_kwargs": {"timeout": seconds}}
    if provider == "huggingface":
        # The prompt is no part of the reply: what is in it could be read as one.
        generate = {"max_new_tokens": tokens, "max_time": float(seconds), "do_sample": False}
        return {"backend": "pipeline", "pipeline_kwargs": {**generate, "return_full_text": False}}
    options |= {"max_tokens": tokens, "timeout": seconds, "max_retries": 0}
    if provider == "openai":
        options["use_responses_api"] = False
        if settings.chat_url:  # Servers that speak the protocol may not know the newer name.
            del options["max_tokens"]
            options["extra_body"] = {"max_tokens": tokens}
    return options


def _failure_of(error: Exception) -> _Failure:
    """What an exception of any provider means; nothing of its text is kept."""
    status = getattr(error, "status_code", None)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    if "ContextOverflow" in kinds or status == 413:
        return _Failure(TOO_LONG)
    if status in (401, 403) or "Authentication" in kinds or "PermissionDenied" in kinds:
        return _Failure(BAD_KEY)
    if status == 404:
        return _Failure(NO_MODEL)
    if status == 429 or "RateLimit" in kinds:
        return _Failure(BUSY, True, _retry_after(error))
    if isinstance(status, int) and status >= 500:
        return _Failure(SERVER, True, _retry_after(error))
    if isinstance(status, int) and 400 <= status < 500:
        return _Failure(REJECTED)
    if "Timeout" in kinds:
        return _Failure(TIMED_OUT, True, charged=True)
    if "Connect" in kinds or "TransportError" in kinds or "OSError" in kinds:
        return _Failure(UNREACHABLE, True, charged="Protocol" in kinds)
    return _Failure(BROKEN, charged=True)


def _retry_after(error: Exception) -> float | None:
    """Seconds to wait, from the reply's header; None where it names none that makes sense."""
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", None) or {}
    value = str(headers.get("retry-after", ""))
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None
