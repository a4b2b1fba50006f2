"""Embeddings of large collections, kept on disk between runs.

A collection is encoded in blocks; each block is one file named after the model's hash and the
block's texts. So a run that was killed goes on where it stopped, and another model or another
text never meets an old vector. Holds no model itself: any `TextEncoder` will do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_TEXTS = 256


class TextEncoder(Protocol):
    """Turns texts into unit vectors, one row each, float32, in order."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


def cache_folder() -> Path:
    """Where vectors are kept: the user's cache folder, never the project."""
    import platformdirs

    folder = platformdirs.user_cache_dir("knee-hip-assistant", appauthor=False)
    return Path(folder) / "vectors"


def block_name(model_sha256: str, texts: Sequence[str]) -> str:
    """The name of a block's file: a hash over the model and each text with its length."""
    digest = hashlib.sha256(model_sha256.encode("ascii"))
    for text in texts:
        data = text.encode("utf-8")
        digest.update(f"\n{len(data)}:".encode("ascii"))
        digest.update(data)
    return digest.hexdigest()[:32] + ".npy"


def encode_cached(
    texts: Sequence[str],
    encoder: TextEncoder,
    model_sha256: str,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """The vectors of `texts`, from the cache where they are there.

    Args:
        texts: In any order; the rows follow it.
        encoder: Asked only for blocks that are not in the cache.
        model_sha256: Names the model; another one has another cache.
        folder: The cache; by default `cache_folder()`.
        progress: Called with the number of texts done since the last call.

    Returns:
        float32 of shape ``(len(texts), dimensions)``; shape ``(0, 0)`` for no text.
    """
    folder = (folder or cache_folder()) / model_sha256[:12]
    folder.mkdir(parents=True, exist_ok=True)
    blocks: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), BLOCK_TEXTS):
        part = texts[start : start + BLOCK_TEXTS]
        path = folder / block_name(model_sha256, part)
        vectors = _load_block(path, len(part))
        if vectors is None:
            vectors = np.asarray(encoder.encode(part), dtype=np.float32)
            _save_block(path, vectors)
        blocks.append(vectors)
        if progress is not None:
            progress(len(part))
    if not blocks:
        return np.zeros((0, 0), dtype=np.float32)
    return np.vstack(blocks)


def _load_block(path: Path, rows: int) -> NDArray[np.float32] | None:
    try:
        vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return vectors if vectors.ndim == 2 and len(vectors) == rows else None


def _save_block(path: Path, vectors: NDArray[np.float32]) -> None:
    """Writes beside the target and renames, so that a killed run leaves no half file."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, vectors, allow_pickle=False)
    part.replace(path)
