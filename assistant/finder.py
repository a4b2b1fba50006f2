"""Which passages answer a question, learned beforehand for one corpus: optional data beside it.

`python -m training` writes ``finder.safetensors``: a linear head on the reader's hidden vector with
one score for each passage, and one for "none of them". It fits the reader that it was learned with
and the passages whose words it names; a passage that it does not know counts as the least likely of
those that it does, so a changed article loses little but the changed sentences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.errors import CorpusError
from assistant.minilm import Array
from assistant.text import sha256_text
from assistant.types import Passage

FINDER_FILE: Final = "finder.safetensors"
_METADATA: Final = "finder"
_KEY: Final = 16
# A head that knows a smaller share of the passages is of no use.
MIN_KNOWN: Final = 0.8


@dataclass(frozen=True, slots=True)
class Finding:
    """What the head says of one question.

    `passages` has the log-probability that each of the index's passages is the answer, shape
    (passages,); `answered` the log-odds that any is.
    """

    passages: Array
    answered: float


@dataclass(frozen=True, slots=True)
class Finder:
    """The head, its rows brought into the order of one index's passages.

    Attributes:
        weight, bias: shapes (passages + 1, 384) and (passages + 1,), of the passages that it was
            learned with; the last row is "none of them".
        known, rows: which of those rows are in the index, and where; shape (known,) each.
        size: how many passages the index has.
        left_out: scores of the questions it was learned from, by a head that had not met them:
            `answered` and the log-probability of the best passage, by the question's key.
    """

    weight: Array
    bias: Array
    known: NDArray[np.int64]
    rows: NDArray[np.int64]
    size: int
    left_out: Mapping[str, tuple[float, float]]

    def find(self, hidden: Array) -> Finding:
        """Score every passage for the question with this hidden vector, shape (384,)."""
        scores = self.weight @ hidden + self.bias
        scores = scores - np.logaddexp.reduce(scores)
        passages = np.full(self.size, scores[:-1].min(), np.float32)
        passages[self.rows] = scores[self.known]
        answered = float(np.logaddexp.reduce(scores[:-1]) - scores[-1])
        return Finding(passages, answered)


def question_key(text: str) -> str:
    """What a question is known by in the file, so that its words are stored once only."""
    return sha256_text(text)[:_KEY]


def passage_key(passage: Passage) -> str:
    """What a passage is known by: its article and its words, wherever they stand."""
    return sha256_text(f"{passage.span.article_id}\n{passage.quote}")[:_KEY]


def load_finder(folder: Path, passages: Sequence[Passage], reader_sha256: str) -> Finder | None:
    """The corpus's head, None where it has none, or one for another reader or other passages.

    Raises:
        CorpusError: the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FINDER_FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as file:
            facts = json.loads(file.metadata()[_METADATA])
            weight, bias = (file.get_tensor(name).astype(np.float32) for name in ("weight", "bias"))
            left_out = file.get_tensor("left_out").astype(float)
        known: Sequence[str] = facts["passages"]
        keys: Sequence[str] = facts["questions"]
        if facts["reader"] != reader_sha256:
            return None
        if len(known) + 1 != len(bias) or len(keys) != len(left_out):
            raise ValueError("its parts do not fit together")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"{path}: cannot be read ({error}); restore it, or delete it to do without"
        ) from error
    here = {passage_key(passage): row for row, passage in enumerate(passages)}
    kept = [n for n, key in enumerate(known) if key in here]
    if len(kept) < MIN_KNOWN * len(passages):
        return None
    return Finder(
        weight,
        bias,
        np.array(kept, np.int64),
        np.array([here[known[n]] for n in kept], np.int64),
        len(passages),
        {key: (float(a), float(b)) for key, (a, b) in zip(keys, left_out, strict=True)},
    )


def save_finder(
    path: Path,
    head: tuple[Array, Array],
    passages: Sequence[Passage],
    reader_sha256: str,
    left_out: Mapping[str, tuple[float, float]],
) -> None:
    """Write the file that `load_finder` reads, in half precision.

    Args:
        head: weight (passages + 1, 384) and bias (passages + 1,).
        left_out: by question key.
    """
    from safetensors.numpy import save_file

    weight, bias = head
    facts = {
        "reader": reader_sha256,
        "passages": [passage_key(passage) for passage in passages],
        "questions": list(left_out),
    }
    tensors = {
        "weight": weight.astype(np.float16),
        "bias": bias.astype(np.float16),
        "left_out": np.array(list(left_out.values()), np.float16).reshape(-1, 2),
    }
    save_file(tensors, path, {_METADATA: json.dumps(facts)})
