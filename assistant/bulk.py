"""Vectors that were computed elsewhere, for corpora too large to be encoded here.

`knee-hip ingest --texts FILE.jsonl` writes what would have to be encoded, a line
``{"sha256", "text"}`` for each; `knee-hip ingest --vectors FILE.npz` takes the arrays ``sha256``
(n strings, each the hash of a text) and ``vectors`` (n, dimensions) that were made of them by the
same model. A sample is encoded here and compared, so that another model's vectors are refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from assistant.documents.files import DAMAGED
from assistant.encoder import Encoder, Vectors
from assistant.errors import UsageError
from assistant.text import sha256_text, squeeze

_COMPARED: Final = 16
_SAME: Final = 0.999
_SMALL: Final = 50_000_000
_MAX_RATIO: Final = 50


def save_texts(path: Path, texts: Iterable[str]) -> int:
    """Write the texts as JSON lines; how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            row = {"sha256": sha256_text(text), "text": text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def load_vectors(path: Path, texts: Iterable[str], encoder: Encoder) -> Mapping[str, Vectors]:
    """Unit vectors of those of `texts` that the file has, by text.

    Raises:
        UsageError: the file cannot be read, or its vectors are not this model's.
    """
    try:
        _check_packing(path)
        with np.load(path, allow_pickle=False) as file:
            hashes = np.char.decode(h) if (h := file["sha256"]).dtype.kind == "S" else h
            vectors = np.asarray(file["vectors"], np.float32)
    except (zipfile.BadZipFile, *DAMAGED) as error:
        raise UsageError(
            f"{path}: cannot be read ({squeeze(str(error))}); it needs the arrays `sha256` and "
            "`vectors`, as numpy.savez writes them"
        ) from error
    dimensions = encoder.encode(["size"]).shape[1]
    if hashes.ndim != 1:
        raise UsageError(f"{path}: `sha256` is no list of hashes; give one for each vector")
    if vectors.ndim != 2 or vectors.shape != (len(hashes), dimensions):
        raise UsageError(
            f"{path}: {len(hashes)} hashes and vectors of shape {vectors.shape}; there must be one "
            f"vector of {dimensions} numbers for each hash"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise UsageError(f"{path}: a vector is zero or not finite; compute it again")
    rows = {str(name): row for row, name in enumerate(hashes)}
    found = {text: rows[key] for text in texts if (key := sha256_text(text)) in rows}
    if not found:
        raise UsageError(
            f"{path}: none of its {len(hashes)} hashes is of a text that has to be encoded; make "
            "them with `knee-hip ingest --texts`"
        )
    vectors /= lengths[:, None]
    _compare(path, list(found), vectors[list(found.values())], encoder)
    return {text: vectors[row] for text, row in found.items()}


def _check_packing(path: Path) -> None:
    """Raise where an array unpacks to far more than it takes: numbers do not, a bomb does."""
    with zipfile.ZipFile(path) as file:
        for part in file.infolist():
            if part.file_size > max(_SMALL, _MAX_RATIO * part.compress_size):
                raise ValueError(f"{part.filename} would unpack to {part.file_size} bytes")


def _compare(path: Path, texts: list[str], vectors: Vectors, encoder: Encoder) -> None:
    """Raise where a sample of the vectors is not what the encoder gives."""
    if not texts:
        return
    sample = range(0, len(texts), max(1, len(texts) // _COMPARED))
    here = encoder.encode([texts[row] for row in sample])
    for row, vector in zip(sample, here, strict=True):
        if float(vectors[row] @ vector) < _SAME:
            raise UsageError(
                f"{path}: the vector of {sha256_text(texts[row])} is not what {encoder.name} "
                "gives; compute the vectors with this model"
            )
