"""The packaged MiniLM, once for the encoder and the reader: two would be held and run twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np

from assistant.minilm import DIMENSIONS, Array, MiniLM, load_weights
from assistant.text import sha256_text

DATA: Final = Path(__file__).parent / "data"
LEARNED_FILE: Final = "reader.safetensors"
WEIGHTS_FILE: Final = "model.safetensors"
_REMEMBERED: Final = 256


class Network:
    """Vectors of texts, and what the reader's heads make of others; loaded when first used.

    Args:
        model: folder of the published model.
        learned: file of the reader's change.
    """

    def __init__(self, model: Path, learned: Path) -> None:
        self._model = model
        self._learned = learned
        self._remembered: dict[str, Array] = {}

    @cached_property
    def minilm(self) -> MiniLM:
        """The network itself.

        Raises:
            ModelError: a file is missing or damaged, or they do not belong together.
        """
        weights = load_weights(self._model / WEIGHTS_FILE)
        return MiniLM(self._model, weights, load_weights(self._learned))

    def encode(self, texts: Sequence[str]) -> Array:
        """Unit vectors, shape (texts, 384); one that was read ahead is not computed again."""
        keys = [sha256_text(text) for text in texts]
        known = self._remembered
        rows = [n for n, key in enumerate(keys) if key not in known]
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        if rows:
            vectors[rows] = self.minilm.run([texts[n] for n in rows], [False] * len(rows))["vector"]
        for n in set(range(len(texts))).difference(rows):
            vectors[n] = known[keys[n]]
        return vectors

    def read(self, texts: Sequence[str], ahead: Sequence[str] = ()) -> dict[str, Array]:
        """The heads' scores of `texts` by name, shape (texts, labels), and their ``mean``.

        Args:
            ahead: texts whose vectors are soon asked for; they take little more time here.
        """
        known = self._remembered
        new = {key: text for text in ahead if (key := sha256_text(text)) not in known}
        changed = [True] * len(texts) + [False] * len(new)
        outputs = self.minilm.run([*texts, *new.values()], changed)
        vectors = outputs.pop("vector")[len(texts) :].copy()
        if new:
            # Another thread may still read the old ones: they are left as they are.
            kept = dict(list(known.items())[-_REMEMBERED:])
            self._remembered = kept | dict(zip(new, vectors, strict=True))
        return {name: values[: len(texts)] for name, values in outputs.items()}


@cache
def shared_network(model: Path, data: Path) -> Network:
    """The one network of a model's folder and a folder of what was learned."""
    return Network(model, data / LEARNED_FILE)
