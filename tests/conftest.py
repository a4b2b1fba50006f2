"""What the tests share: the real assistant on the real corpus, and doubles that behave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.corpus import load_corpus
from assistant.encoder import PackagedEncoder, Vectors
from assistant.pipeline import Assistant, build_assistant
from assistant.settings import DEFAULT_CORPUS, Settings, quiet_environment
from assistant.text import words
from assistant.types import Article

quiet_environment()


class HashingEncoder:
    """Words hashed into 64 places: nearer texts share more words. Counts what it encodes."""

    name = "hashing@1"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded.extend(texts)
        vectors = np.full((len(texts), 64), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % 64] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def real_encoder() -> PackagedEncoder:
    return PackagedEncoder()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def assistant(settings: Settings, real_encoder: PackagedEncoder) -> Assistant:
    """The real thing: the four articles, the real model, the real Chroma."""
    return build_assistant(settings, encoder=real_encoder)


@pytest.fixture(scope="session")
def articles() -> dict[str, Article]:
    return load_corpus(DEFAULT_CORPUS)


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Two short articles without anything beside them."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "elbow.txt").write_text(
        "Tennis Elbow\n\nTennis elbow is pain on the outside of the elbow. It comes from gripping "
        "too much.\n\nWhat Helps\n\n"
        "  • Rest the arm for a few days.\n  • Hold a cold pack on it.\n",
        "utf-8",
    )
    (folder / "wrist.txt").write_text(
        "Sore Wrists\n\nA sore wrist often comes from typing. A splint keeps it straight.\n",
        "utf-8",
    )
    return folder


@pytest.fixture
def small_settings(small_corpus: Path, tmp_path: Path) -> Settings:
    return Settings(corpus=small_corpus, data=tmp_path / "data")


@pytest.fixture
def small_assistant(small_settings: Settings) -> Callable[[], Assistant]:
    return lambda: build_assistant(small_settings, encoder=HashingEncoder())
