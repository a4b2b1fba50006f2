"""A cross-encoder of the operator's own that looks at question and passage together: optional."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.cross_encoder import check_folder, load_cross_encoder
from assistant.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Scores = NDArray[np.float32]


class Reranker(Protocol):
    """Scores passages for a query; higher is better, on whatever scale."""

    def score(self, query: str, passages: Sequence[str]) -> Scores: ...


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder in a folder, loaded when first used.

    Raises:
        ModelError: there is no model in the folder, or it cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = check_folder(folder, "ASSISTANT_RERANKER")

    @cached_property
    def _model(self) -> CrossEncoder:
        return load_cross_encoder(self.folder)

    def score(self, query: str, passages: Sequence[str]) -> Scores:
        """One score for each passage, shape (passages,)."""
        if not passages:
            return np.zeros(0, np.float32)
        pairs = [(query, passage) for passage in passages]
        scores = self._model.predict(pairs, show_progress_bar=False, convert_to_numpy=True)
        if np.ndim(scores) != 1:
            raise ModelError(
                f"{self.folder}: gives {np.shape(scores)[-1]} scores a passage, not one; choose a "
                "cross-encoder that was made for ranking"
            )
        return np.asarray(scores, np.float32)
