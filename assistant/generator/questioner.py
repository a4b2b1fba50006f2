"""A model writes questions about numbered sentences; what of a reply can be used at all.

Whether a question finds its sentence is for whoever has a retriever; here its form is looked at,
and that the words it rests on stand in the sentence that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from assistant.generator.checks import holds, is_plain_text
from assistant.generator.model import Budget, ChatModel
from assistant.generator.prompts import Prompt, questions_prompt
from assistant.settings import Settings
from assistant.text import squeeze, words

# Asked for at a time: few enough that a reply fits into the tokens of one.
SENTENCES: Final = 6
PER_SENTENCE: Final = 2
NEAR_MISSES: Final = 3
MAX_CHARS: Final = 200
MIN_WORDS: Final = 3
MAX_WHY: Final = 120
NO_WHY: Final = "not said in this section"
# Of more than these a reply is no longer what was asked for.
_MOST: Final = 2

NOT_PLAIN: Final = "empty, too long, too short or no plain text"
NO_SENTENCE: Final = "names a sentence that is not there"
NO_WORDS: Final = "rests on words that are not in its sentence"
COPIED: Final = "repeats its sentence"
TOO_MANY: Final = "more than were asked for"


class Asks(Protocol):
    """A model: `ChatModel`."""

    name: str
    max_input_tokens: int

    def budget(self) -> Budget: ...
    def ask(self, prompt: Prompt, budget: Budget) -> str: ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """A question as the model gave it. `sentence` counts from 0; None: no sentence answers it,
    and `why` says what is missing.
    """

    question: str
    sentence: int | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proposals:
    """What of one reply can be used, and why not the rest; not `readable`: none of it."""

    proposed: tuple[Proposed, ...]
    refused: tuple[str, ...]
    readable: bool = True


class Questioner:
    """Asks a model for questions, one section's sentences at a time."""

    def __init__(self, model: Asks) -> None:
        self.name = model.name
        self._model = model

    def tokens(self, heading: str, sentences: Sequence[str]) -> int:
        """How many tokens a request has at most."""
        return _prompt(heading, sentences).tokens

    def fits(self, heading: str, sentences: Sequence[str]) -> bool:
        """Whether a request about these sentences may be made."""
        return self.tokens(heading, sentences) <= self._model.max_input_tokens

    def propose(self, heading: str, sentences: Sequence[str], spent: Budget) -> Proposals:
        """Questions about `sentences`.

        Args:
            heading: where they stand.
            spent: what the request takes is added to it; it sets no limit.

        Raises:
            ChatError: the model gave nothing.
        """
        from assistant.generator.replies import Questions, parse_reply

        budget = self._model.budget()
        try:
            text = self._model.ask(_prompt(heading, sentences), budget)
        finally:
            spent.requests += budget.requests
            spent.tokens_in += budget.tokens_in
            spent.tokens_out += budget.tokens_out
            spent.cost += budget.cost
        reply = parse_reply(text, Questions)
        if reply is None:
            return Proposals((), (), readable=False)
        most = _MOST * PER_SENTENCE * len(sentences), _MOST * NEAR_MISSES
        proposed, refused = [], []
        for asked in reply.questions[: most[0]]:
            reason = _fault(asked.text, asked.sentence, asked.words, sentences)
            if reason:
                refused.append(reason)
            else:
                proposed.append(Proposed(squeeze(asked.text), asked.sentence - 1))
        for missed in reply.near_misses[: most[1]]:
            if _is_plain(missed.text):
                why = squeeze(missed.missing)
                usable = is_plain_text(why, MAX_WHY)
                proposed.append(Proposed(squeeze(missed.text), None, why if usable else NO_WHY))
            else:
                refused.append(NOT_PLAIN)
        over = len(reply.questions[most[0] :]) + len(reply.near_misses[most[1] :])
        return Proposals(tuple(proposed), (*refused, *[TOO_MANY] * over))


def build_questioner(settings: Settings) -> Questioner:
    """The questioner with the configured model.

    Raises:
        SettingsError: the model's package or key is missing, or it cannot be set up.
    """
    return Questioner(ChatModel(settings))


def _prompt(heading: str, sentences: Sequence[str]) -> Prompt:
    return questions_prompt(heading, sentences, PER_SENTENCE, NEAR_MISSES)


def _is_plain(text: str) -> bool:
    return is_plain_text(squeeze(text), MAX_CHARS) and len(words(text)) >= MIN_WORDS


def _fault(text: str, number: int, leaning: Sequence[str], sentences: Sequence[str]) -> str:
    """Why a question cannot be used; empty where it can."""
    if not _is_plain(text):
        return NOT_PLAIN
    if not 0 < number <= len(sentences):
        return NO_SENTENCE
    sentence = sentences[number - 1]
    stretches = [stretch for stretch in leaning if stretch.strip()]
    if not stretches or not all(words(s) and holds(sentence, s) for s in stretches):
        return NO_WORDS
    return COPIED if holds(sentence, text.rstrip(" ?")) else ""
