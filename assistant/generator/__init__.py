"""Evidence → statements by a language model, under the contract of extractive answers.

The model sees one question and numbered quotes; what it replies is checked in code, word by word,
and where too little of it holds, the extractive answer stands. `build_generator` is all that the
pipeline needs; nothing of a provider is imported before it is called.
"""

from __future__ import annotations

from pathlib import Path

from assistant.entailment import CrossEncoderEntailment
from assistant.generator.model import Budget, ChatModel
from assistant.generator.questioner import Proposals, Questioner, build_questioner
from assistant.generator.writer import Generator, Tally
from assistant.settings import Settings

__all__ = [
    "Budget",
    "ChatModel",
    "Generator",
    "Proposals",
    "Questioner",
    "Tally",
    "build_generator",
    "build_questioner",
]


def build_generator(settings: Settings) -> Generator | None:
    """The generator that the settings name; None where no model is to be asked.

    Raises:
        SettingsError: the model's package or key is missing, or it cannot be set up.
        ModelError: there is no inference model in the folder that the settings name.
    """
    if not settings.uses_chat_model:
        return None
    inference = CrossEncoderEntailment(Path(settings.entailment)) if settings.entailment else None
    return Generator(ChatModel(settings), settings.chat_mode, settings.max_statements, inference)
