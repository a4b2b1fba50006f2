"""What a message is about and how urgent it sounds: a small network that has met many messages.

It is the embedding model with a low-rank change of its layers and a few linear heads, learned from
hand-written messages by `python -m training`. It only gives probabilities; what follows from them,
together with the rules, is decided in ``guardrails`` and in the answer check.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from assistant.encoder import packaged_folder
from assistant.errors import ModelError
from assistant.generations import file_sha256
from assistant.minilm import Array, vocabulary
from assistant.network import DATA, LEARNED_FILE, shared_network
from assistant.spelling import Spelling
from assistant.text import sha256_text

URGENCIES: Final = ("none", "conditional", "urgent", "emergency", "crisis")
KINDS: Final = (
    "question", "injection", "harmful", "about_assistant", "safety_net", "personal_plan",
    "diagnosis", "medication", "distress", "unclear", "foreign",
)  # fmt: skip
ABOUTS: Final = ("musculoskeletal", "health", "other")
CRITERIA: Final = (
    "CES", "BACK-E", "BACK-U", "SEP", "FRX-E", "FRX-U", "WB", "KNEE-U", "HIP", "NV", "CS", "DVT",
    "PE", "CA", "PED", "PRG", "NEU", "STRESS", "DRUG", "GEN", "MH",
)  # fmt: skip
HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "urgency": URGENCIES,
    "kind": KINDS,
    "about": ABOUTS,
    "criterion": CRITERIA,
}
FACTS_FILE: Final = "reader.json"
WORDS_FILE: Final = "words.txt"
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Impression:
    """What the network makes of one text.

    Log-probabilities of `URGENCIES`, `KINDS`, `ABOUTS` and `CRITERIA` (which one it is if it is
    urgent at all), in their order; and the hidden vector that other heads read, shape (384,).
    """

    urgency: Array
    kind: Array
    about: Array
    criterion: Array
    hidden: Array


class Reader:
    """Reads normalised texts; slips of the finger are mended first.

    Args:
        model: folder of the embedding model that the change belongs to.
        data: folder of what was learned.

    Attributes:
        facts: what is known of the learned network (``reader.json``).
        counts: how often each word was met in the messages that it was learned from.
        alarm: how much more often a word stood in red flags than in harmless messages, as the
            natural log of that; only words for which it is above 0.
        network: what the texts are read with.

    Raises:
        ModelError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, model: Path, data: Path = DATA) -> None:
        self._model = model
        self._path = data / LEARNED_FILE
        self.network = shared_network(model, data)
        try:
            self.facts: Mapping[str, Any] = json.loads((data / FACTS_FILE).read_text("utf-8"))
            self.sha256 = file_sha256(self._path)
            self.counts, self.alarm = parse_words((data / WORDS_FILE).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{data}: {LEARNED_FILE}, {FACTS_FILE} or {WORDS_FILE} cannot be read ({error}); "
                "restore them"
            ) from error
        if self.sha256 != self.facts.get("sha256"):
            raise ModelError(
                f"{self._path}: SHA-256 {self.sha256[:12]} is not the one in {FACTS_FILE}; restore "
                "both, or run `python -m training`"
            )
        if self.facts.get("heads") != {name: list(labels) for name, labels in HEADS.items()}:
            raise ModelError(
                f"{data / FACTS_FILE}: its heads have other labels than reader.py; restore both, "
                "or run `python -m training`"
            )
        self._remembered: dict[str, Impression] = {}

    @cached_property
    def _spelling(self) -> Spelling:
        return spelling(self._model, self.counts)

    def mend(self, text: str) -> str:
        """Lower-case text with slips of the finger undone, as the network reads it."""
        return self._spelling.mend(text)

    def parts(self, text: str) -> list[str]:
        """The text itself if the network reads it whole, else overlapping parts of it."""
        return self.network.minilm.parts(text)

    def read(self, texts: Iterable[str], ahead: Sequence[str] = ()) -> list[Impression]:
        """An `Impression` of each text, in order; a text met lately is not read again.

        What is remembered is known by a hash of its text.

        Args:
            ahead: texts of which the encoder will soon be asked for the vectors.
        """
        texts = list(texts)
        keys = [sha256_text(text) for text in texts]
        remembered = self._remembered
        found = {key: read for key in keys if (read := remembered.get(key)) is not None}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            outputs = self.network.read([self.mend(text) for text in new.values()], ahead)
            heads = {name: _log_softmax(outputs[name]) for name in HEADS}
            for row, key in enumerate(new):
                own = {name: values[row] for name, values in heads.items()}
                found[key] = Impression(**own, hidden=outputs["mean"][row])
            if len(remembered) + len(new) > _REMEMBERED:
                # Another thread may still read the old one: it is left as it is.
                remembered = self._remembered = {}
            remembered.update((key, found[key]) for key in list(new)[-_REMEMBERED:])
        return [found[key] for key in keys]


def spelling(model: Path, counts: Mapping[str, int]) -> Spelling:
    """What mends a text before the network of this folder reads it."""
    return Spelling(counts, [token for token in vocabulary(model) if token.isalpha()])


def parse_words(text: str) -> tuple[dict[str, int], dict[str, float]]:
    """How often each word was met, and `Reader.alarm`, from lines of ``word count alarm``.

    Raises:
        ValueError: a line is of another form.
    """
    counts: dict[str, int] = {}
    alarm: dict[str, float] = {}
    for line in text.splitlines():
        word, count, weight = line.split()
        counts[word] = int(count)
        if float(weight) > 0:
            alarm[word] = float(weight)
    return counts, alarm


def format_words(counts: Mapping[str, int], alarm: Mapping[str, float]) -> str:
    """The text that `parse_words` reads."""
    return "".join(f"{word} {n} {alarm.get(word, 0.0):.1f}\n" for word, n in counts.items())


@cache
def load_reader() -> Reader:
    """The reader that comes with the project, on the packaged model."""
    return Reader(packaged_folder())


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), np.float32)
