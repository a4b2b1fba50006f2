"""The errors an operator can repair. Everything else becomes an ``Answer``.

    AssistantError
    ├── CorpusError      an article, ``sources.toml`` or ``questions.jsonl`` is wrong
    ├── StoreError       the index is missing, damaged, busy, or not of this corpus or model
    ├── ModelError       the embedding model is missing or not the pinned one
    ├── CitationError    an id that is malformed or names words that are not there
    │   └── CitationChangedError   the words were there when the id was given
    ├── ChatError        the language model gave nothing that can be used; caught, never shown
    ├── SettingsError    a setting has a value that cannot be used
    └── UsageError       the command was called with something it cannot read

Each message says what is wrong, with the value, and what to do, in one line.
"""

from __future__ import annotations


class AssistantError(Exception):
    """Base of all errors that are shown to the operator in one line."""


class CorpusError(AssistantError):
    """An article or a file beside it cannot be used."""


class StoreError(AssistantError):
    """The index is missing, damaged, locked, or does not fit what is on disk."""


class ModelError(AssistantError):
    """The embedding model is missing, or its weights are not the pinned ones."""


class CitationError(AssistantError):
    """A citation id is malformed, or the words it names are not there."""


class CitationChangedError(CitationError):
    """The words that an id named have changed since.

    Attributes:
        was: what the article said.
        now: the sentence that is most like it, or empty.
        now_id: the id of that sentence, or empty.
    """

    def __init__(self, message: str, was: str, now: str, now_id: str) -> None:
        super().__init__(message)
        self.was = was
        self.now = now
        self.now_id = now_id


class ChatError(AssistantError):
    """The language model gave nothing; the extractive answer stands.

    The text is one of a few fixed ones: nothing of what the provider said, which may hold a key.
    """


class SettingsError(AssistantError):
    """A setting cannot be used."""


class UsageError(AssistantError):
    """The caller's input (a batch file, an export, an argument) cannot be read."""
