"""What can be set, flat: for answering and for serving; the only reader of the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.text import sha256_text

PROJECT: Final = Path(__file__).resolve().parent.parent
DEFAULT_CORPUS: Final = PROJECT / "corpus"

_NAME_CHARS: Final = 60
_QUIET: Final = {
    # No look-up of models or versions, no telemetry, no tracing: nothing leaves the machine.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "CHROMA_TELEMETRY_ENABLED": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
    # The page shuts Gradio's monitoring, which would go through 10,000 old events after each.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**12),
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    # Would send what is meant for a model's provider to a third party instead.
    "LANGSMITH_GATEWAY": "false",
    "DO_NOT_TRACK": "1",
    # Idle OpenMP threads otherwise spin: with another process on one of two cores a question
    # took 500 ms instead of 16.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}


def quiet_environment() -> None:
    """Switch off what the libraries would send or look up; call before they are imported."""
    os.environ.update(_QUIET)


CHAT_MODES: Final = ("quotes", "arrange", "rephrase")
_CHAT_MODEL: Final = re.compile(r"[a-z_]+:\S(?:.*\S)?", re.ASCII)
_CHAT_URL: Final = re.compile(r"https?://[^\s@/?#]+(?:/[^\s@?#]*)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose.

    Attributes:
        corpus: folder of articles, with ``sources.toml`` and ``questions.jsonl`` if there are any.
        data: folder that holds every corpus's index; may be deleted at any time.
        model: folder of a sentence-transformers model, or empty for the packaged one.
        reranker: folder of a sentence-transformers cross-encoder that reorders what is found, or
            empty for none.
        entailment: folder of a cross-encoder for natural language inference that may stop what a
            language model says, beside the support check; empty for none.
        country: two-letter code that chooses the help lines, or empty for the general one.
        passage_chars: neighbouring sentences of a paragraph are joined to passages of at most
            this many characters; 0 keeps every sentence a passage of its own.
        max_statements: how many sentences an answer has at most, lists and steps apart.
        feedback: file that readers' feedback is added to, as JSON lines; none where it is not set.
        chat_model: ``provider:name`` of a language model that may arrange or reword answers, such
            as ``ollama:llama3.1``; empty for none.
        chat_mode: ``arrange`` lets it choose and order quotes, ``rephrase`` say in other words
            what they say, ``quotes`` nothing.
        chat_url: the model's address where it is not the provider's own, such as
            ``http://127.0.0.1:8080/v1``.
        chat_timeout_seconds: how long one question may wait for the model, retries included.
        chat_max_input_tokens: of one request, estimated at three characters a token.
        chat_max_output_tokens: of one reply.
        chat_price_in: what a million tokens of input cost; as `chat_price_out`, of output, in the
            currency of `chat_max_cost`, which is the limit for one question. 0 sets no limit.
        chat_recordings: folder in which replies are kept, and found again for the same request.
            They hold what was asked. None keeps nothing.
    """

    corpus: Path = DEFAULT_CORPUS
    data: Path = Path()
    model: str = ""
    reranker: str = ""
    entailment: str = ""
    country: str = ""
    passage_chars: int = 0
    max_statements: int = 4
    feedback: Path | None = None
    chat_model: str = ""
    chat_mode: str = "arrange"
    chat_url: str = ""
    chat_timeout_seconds: int = 20
    chat_max_input_tokens: int = 4000
    chat_max_output_tokens: int = 800
    chat_price_in: float = 0.0
    chat_price_out: float = 0.0
    chat_max_cost: float = 0.0
    chat_recordings: Path | None = None

    def __post_init__(self) -> None:
        if self.data == Path():
            object.__setattr__(self, "data", default_data_folder())
        for name in ("corpus", "data", "feedback", "chat_recordings"):
            object.__setattr__(self, name, _written_out(name, getattr(self, name)))
        for name in ("model", "reranker", "entailment"):
            if folder := getattr(self, name):
                object.__setattr__(self, name, str(_written_out(name, Path(folder))))
        self._check_chat()
        for name, low, high in (
            ("passage_chars", 0, 4000),
            ("max_statements", 1, 8),
            ("chat_timeout_seconds", 1, 600),
            ("chat_max_input_tokens", 500, 200_000),
            ("chat_max_output_tokens", 50, 20_000),
            ("chat_price_in", 0, 1_000_000),
            ("chat_price_out", 0, 1_000_000),
            ("chat_max_cost", 0, 1_000_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}; set it to a number from {low} to {high}")
        if self.country and not (len(self.country) == 2 and self.country.isalpha()):
            raise SettingsError(
                f"country is {self.country!r}; set it to a two-letter code such as GB, or leave it"
            )

    def _check_chat(self) -> None:
        if self.chat_model and not _CHAT_MODEL.fullmatch(self.chat_model):
            raise SettingsError(
                f"chat_model is {self.chat_model!r}; set it to provider:name, such as "
                "ollama:llama3.1"
            )
        if self.chat_mode not in CHAT_MODES:
            raise SettingsError(
                f"chat_mode is {self.chat_mode!r}; set it to one of {', '.join(CHAT_MODES)}"
            )
        if self.chat_url and not _CHAT_URL.fullmatch(self.chat_url):
            # Not repeated: somebody may have put a password into it.
            raise SettingsError(
                "chat_url is no address that can be used; set it to one such as "
                "http://127.0.0.1:8080/v1, without a name or password in it"
            )
        if self.chat_max_cost and not (self.chat_price_in or self.chat_price_out):
            raise SettingsError(
                f"chat_max_cost is {self.chat_max_cost} and there are no prices; set "
                "chat_price_in and chat_price_out too, for a million tokens"
            )

    @property
    def uses_chat_model(self) -> bool:
        """Whether a language model is asked anything."""
        return bool(self.chat_model) and self.chat_mode != "quotes"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from ``ASSISTANT_CORPUS``, ``ASSISTANT_DATA`` and so on.

        `given` (those that are not None) wins over the environment.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        return cls(**_values(_READERS, environ, given))

    @property
    def index_folder(self) -> Path:
        """Where this corpus's index lies: one folder for each corpus folder, whatever links to it.

        A corpus that is moved gets a new index; texts of before stay in the old one.
        """
        real = self.corpus.resolve()
        return self.data / f"{real.name[:_NAME_CHARS] or 'corpus'}-{sha256_text(str(real))[:8]}"


@dataclass(frozen=True, slots=True)
class Serving:
    """What an operator can choose about serving the page and the API to others.

    Attributes:
        root_path: what stands before every address where a proxy serves the page below one
            (``/knees``), or empty.
        password_file: a file whose first line is the password that everybody needs, or None.
        requests_per_minute: how many questions and look-ups one client may send, all at once or
            spread out; 0 sets no limit. None is 0 on a loopback address and 300 elsewhere.
        concurrent: questions that are answered at the same time. More than twice the processor's
            cores only make each slower, but where a language model is waited for.
        max_waiting: questions that may wait in line; of more, those of whoever waits with the
            most are told that it is busy.
        timeout_seconds: how long a program waits for an answer at most, and a body to arrive.
        keep_seconds: how long a conversation is kept in memory after its page was closed; a page
            that comes back by then goes on with it.
        max_question_chars: of a program's question with its history. (On the page it is
            `max_body_bytes` that limits.)
        max_body_bytes: of one request; the API takes at most a megabyte of it.
        trusted_proxies: addresses or networks, with commas between, whose ``X-Forwarded-For``
            is believed; empty believes none.
        metrics: whether ``/metrics`` is there. None is yes on a loopback address and no elsewhere.
        mcp: whether the tools are at ``/mcp``, which needs the extra.
        log_requests: whether each request leaves a line of JSON on stderr.
    """

    root_path: str = ""
    password_file: Path | None = None
    requests_per_minute: int | None = None
    concurrent: int = 4
    max_waiting: int = 200
    timeout_seconds: int = 30
    keep_seconds: int = 3600
    max_question_chars: int = 100_000
    max_body_bytes: int = 8 * 1024 * 1024
    trusted_proxies: str = ""
    metrics: bool | None = None
    mcp: bool = False
    log_requests: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "password_file", _written_out("password_file", self.password_file))
        if not _ROOT_PATH.fullmatch(self.root_path):
            raise SettingsError(
                f"root_path is {self.root_path!r}; set it to a path such as /knees, "
                "without a slash at its end"
            )
        for name, low, high in (
            ("requests_per_minute", 0, 1_000_000),
            ("concurrent", 1, 64),
            ("max_waiting", 0, 10_000),
            ("timeout_seconds", 1, 600),
            ("keep_seconds", 1, 1_000_000),
            ("max_question_chars", 1_000, 10_000_000),
            ("max_body_bytes", 10_000, 64 * 1024 * 1024),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(f"{name} is {value}; set it to a number from {low} to {high}")
        for proxy in filter(None, map(str.strip, self.trusted_proxies.split(","))):
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError as error:
                raise SettingsError(
                    f"trusted_proxies has {proxy!r}; set it to addresses or networks such as "
                    "127.0.0.1,10.0.0.0/8"
                ) from error

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Serving:
        """Settings from ``ASSISTANT_ROOT_PATH``, ``ASSISTANT_PASSWORD_FILE`` and so on.

        `given` (those that are not None) wins over the environment.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        return cls(**_values(_SERVING_READERS, environ, given))

    def on(self, host: str) -> Serving:
        """The same with what depends on the address that is listened on filled in."""
        try:
            alone = ipaddress.ip_address(host).is_loopback
        except ValueError:
            alone = host == "localhost"
        rate, metrics = self.requests_per_minute, self.metrics
        return replace(
            self,
            requests_per_minute=(0 if alone else REQUESTS_PER_MINUTE) if rate is None else rate,
            metrics=alone if metrics is None else metrics,
        )


REQUESTS_PER_MINUTE: Final = 300
"""Five a second: more than people behind one address ask, less than makes others wait."""

_ROOT_PATH: Final = re.compile(r"(?:/[\w.~-]+)*", re.ASCII)


def _written_out(name: str, path: Path | None) -> Path | None:
    """A path of the settings in full, its ``~`` and the working folder written out."""
    if path and "\0" in str(path):
        raise SettingsError(f"{name} has a null character in it; write the path out")
    try:
        return path.expanduser().absolute() if path else None
    except RuntimeError as error:
        raise SettingsError(f"{name} is {str(path)!r}: {error}; write the path out") from error


def _yes_or_no(raw: str) -> bool:
    return {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}[
        raw.lower()
    ]


_WANTED: Final[Mapping[Callable[[str], Any], str]] = {_yes_or_no: "yes or no", float: "a number"}
_Readers = Mapping[str, Callable[[str], Any]]
_READERS: Final[_Readers] = {
    "corpus": Path,
    "data": Path,
    "model": str,
    "reranker": str,
    "entailment": str,
    "country": str.upper,
    "passage_chars": int,
    "max_statements": int,
    "feedback": Path,
    "chat_model": str,
    "chat_mode": str.lower,
    "chat_url": str,
    "chat_timeout_seconds": int,
    "chat_max_input_tokens": int,
    "chat_max_output_tokens": int,
    "chat_price_in": float,
    "chat_price_out": float,
    "chat_max_cost": float,
    "chat_recordings": Path,
}
_SERVING_READERS: Final[_Readers] = {
    "root_path": str,
    "password_file": Path,
    "requests_per_minute": int,
    "concurrent": int,
    "max_waiting": int,
    "timeout_seconds": int,
    "keep_seconds": int,
    "max_question_chars": int,
    "max_body_bytes": int,
    "trusted_proxies": str,
    "metrics": _yes_or_no,
    "mcp": _yes_or_no,
    "log_requests": _yes_or_no,
}


def _values(
    readers: _Readers, environ: Mapping[str, str] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What the environment sets, and over it what is given and not None."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for name, read in readers.items():
        variable = f"ASSISTANT_{name.upper()}"
        raw = environ.get(variable, "").strip()
        if not raw:
            continue
        try:
            values[name] = read(raw)
        except (ValueError, KeyError) as error:
            wanted = _WANTED.get(read, "a whole number")
            raise SettingsError(f"{variable} is {raw!r}; set it to {wanted}") from error
    return {**values, **{name: value for name, value in given.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class ProviderEnvironment:
    """What a provider's own variables say, the key itself left out.

    `key_variable` is empty where the provider needs no key, `address` where it is the provider's.
    """

    key_variable: str = ""
    has_key: bool = False
    address: str = ""


_PROVIDERS: Final[Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    "openai": ("OPENAI_API_KEY", ("OPENAI_API_BASE", "OPENAI_BASE_URL"), ""),
    "anthropic": ("ANTHROPIC_API_KEY", ("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"), ""),
    "ollama": ("", ("OLLAMA_HOST",), "http://127.0.0.1:11434"),
}


def provider_environment(
    provider: str, environ: Mapping[str, str] | None = None
) -> ProviderEnvironment:
    """The variables of a chat model's provider; empty for one that is not known here."""
    environ = os.environ if environ is None else environ
    key, addresses, usual = _PROVIDERS.get(provider, ("", (), ""))
    address = next(filter(None, (environ.get(name, "").strip() for name in addresses)), usual)
    return ProviderEnvironment(key, bool(key and environ.get(key, "").strip()), address)


def default_data_folder() -> Path:
    """The system's folder for a program's own data, e.g. ``~/.local/share/knee-hip-assistant``."""
    import platformdirs

    return Path(platformdirs.user_data_dir("knee-hip-assistant", appauthor=False))
