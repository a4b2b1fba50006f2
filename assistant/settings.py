"""One flat set of settings; the only reader of the environment (``ASSISTANT_…``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.text import sha256_text

PROJECT: Final = Path(__file__).resolve().parent.parent
DEFAULT_CORPUS: Final = PROJECT / "corpus"

_QUIET: Final = {
    # No look-up of models or versions, no telemetry, no tracing: promise 8 of the design.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "CHROMA_TELEMETRY_ENABLED": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "DO_NOT_TRACK": "1",
    # Idle OpenMP threads otherwise spin: with another process on one of two cores a question
    # took 500 ms instead of 16.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}


def quiet_environment() -> None:
    """Switch off what the libraries would send or look up; call before they are imported."""
    os.environ.update(_QUIET)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose.

    Attributes:
        corpus: folder of articles, with ``sources.toml`` and ``questions.jsonl`` if there are any.
        data: folder that holds every corpus's index; may be deleted at any time.
        model: folder of a sentence-transformers model, or empty for the packaged one.
        reranker: folder of a sentence-transformers cross-encoder that reorders what is found, or
            empty for none.
        country: two-letter code that chooses the help lines, or empty for the general one.
        passage_chars: neighbouring sentences of a paragraph are joined to passages of at most
            this many characters; 0 keeps every sentence a passage of its own.
        max_statements: how many sentences an answer has at most, lists and steps apart.
        feedback: file that readers' feedback is added to, as JSON lines; none where it is not set.
    """

    corpus: Path = DEFAULT_CORPUS
    data: Path = Path()
    model: str = ""
    reranker: str = ""
    country: str = ""
    passage_chars: int = 0
    max_statements: int = 4
    feedback: Path | None = None

    def __post_init__(self) -> None:
        if self.data == Path():
            object.__setattr__(self, "data", default_data_folder())
        for name in ("corpus", "data", "feedback"):
            path = getattr(self, name)
            if path is None:
                continue
            try:
                object.__setattr__(self, name, path.expanduser().absolute())
            except RuntimeError as error:
                raise SettingsError(
                    f"{name} is {str(path)!r}: {error}; write the path out"
                ) from error
        for name, low, high in (("passage_chars", 0, 4000), ("max_statements", 1, 8)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}; set it to a number from {low} to {high}")
        if self.country and not (len(self.country) == 2 and self.country.isalpha()):
            raise SettingsError(
                f"country is {self.country!r}; set it to a two-letter code such as GB, or leave it"
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from ``ASSISTANT_CORPUS``, ``ASSISTANT_DATA`` and so on.

        `given` (those that are not None) wins over the environment.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for name, read in _READERS.items():
            raw = environ.get(f"ASSISTANT_{name.upper()}", "").strip()
            if not raw:
                continue
            try:
                values[name] = read(raw)
            except ValueError as error:
                raise SettingsError(
                    f"ASSISTANT_{name.upper()} is {raw!r}; set it to a whole number"
                ) from error
        values.update({name: value for name, value in given.items() if value is not None})
        return cls(**values)

    @property
    def index_folder(self) -> Path:
        """Where this corpus's index lies: one folder for each corpus folder."""
        key = sha256_text(str(self.corpus.resolve()))[:8]
        return self.data / f"{self.corpus.name or 'corpus'}-{key}"


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "corpus": Path,
    "data": Path,
    "model": str,
    "reranker": str,
    "country": str.upper,
    "passage_chars": int,
    "max_statements": int,
    "feedback": Path,
}


def default_data_folder() -> Path:
    """The system's folder for a program's own data, e.g. ``~/.local/share/knee-hip-assistant``."""
    import platformdirs

    return Path(platformdirs.user_data_dir("knee-hip-assistant", appauthor=False))
