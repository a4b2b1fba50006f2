"""Evidence → statements by a language model, under the contract of extractive answers.

The model sees one question and numbered quotes; what it replies is checked in code, word by word,
and where too little of it holds, the extractive answer stands. `build_generator` is all that the
pipeline needs; nothing of a provider is imported before it is called.
"""

from __future__ import annotations

from assistant.generator.model import Budget, ChatModel
from assistant.generator.writer import Generator, Tally
from assistant.settings import Settings

__all__ = ["Budget", "ChatModel", "Generator", "Tally", "build_generator"]


def build_generator(settings: Settings) -> Generator | None:
    """The generator that the settings name; None where no model is to be asked.

    Raises:
        SettingsError: the model's package or key is missing, or it cannot be set up.
    """
    if not settings.uses_chat_model:
        return None
    return Generator(ChatModel(settings), settings.chat_mode, settings.max_statements)
