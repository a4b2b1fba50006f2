"""The network by onnxruntime, against sentence-transformers on the same weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assistant.encoder import PackagedEncoder, SentenceTransformerEncoder, packaged_folder
from assistant.errors import ModelError
from assistant.minilm import MAX_TOKENS, MiniLM, load_weights, vocabulary
from assistant.questions import load_questions
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Article

ODD = ["", " ", "a", "膝が痛い", "x" * 5000, "knee " * 400, "🙂 why?", "\n\n"]


def test_the_vectors_are_those_of_sentence_transformers(
    real_encoder: PackagedEncoder, articles: dict[str, Article]
) -> None:
    texts = [q.text for q in load_questions(DEFAULT_CORPUS, articles)][::40] + ODD
    reference = SentenceTransformerEncoder(packaged_folder()).encode(texts)
    found = real_encoder.encode(texts)
    assert found.shape == reference.shape
    assert (found * reference).sum(axis=1).min() >= 0.99999
    asked, known = found[:50], found[50:]
    nearest = np.argmax(asked @ known.T, axis=1)
    assert (nearest == np.argmax(reference[:50] @ reference[50:].T, axis=1)).all()


def test_a_batch_gives_what_single_texts_give(real_encoder: PackagedEncoder) -> None:
    texts = ["Why does my knee hurt?", "hip", "It hurts on the outside when I go down stairs."]
    together = real_encoder.encode(texts)
    alone = np.vstack([real_encoder.encode([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert real_encoder.encode([]).shape == (0, 384)


def test_heads_score_the_mean_of_the_tokens() -> None:
    folder = packaged_folder()
    weights = load_weights(folder / "model.safetensors")
    random = np.random.default_rng(0)
    matrix = random.normal(size=(3, 384)).astype(np.float32)
    bias = np.arange(3, dtype=np.float32)
    outputs = MiniLM(folder, weights, {"own": (matrix, bias)}).run(["a weak hip", "a knee"])
    assert outputs["own"].shape == (2, 3)
    assert np.allclose(outputs["own"], outputs["mean"] @ matrix.T + bias, atol=1e-4)
    unit = MiniLM(folder, weights).run(["a weak hip"])["vector"][0]
    mean = outputs["mean"][0]
    assert np.allclose(unit, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_text_is_cut_at_the_models_length(real_encoder: PackagedEncoder) -> None:
    long = "knee " * MAX_TOKENS
    assert np.allclose(real_encoder.encode([long]), real_encoder.encode([long + "shoulder"]))


def test_a_text_of_many_tokens_is_read_in_parts_that_overlap() -> None:
    folder = packaged_folder()
    network = MiniLM(folder, load_weights(folder / "model.safetensors"))
    assert network.parts("a weak hip") == ["a weak hip"]
    words = [f"{n:010d}" for n in range(200)]
    parts = network.parts(" ".join(words))
    assert all(len(network.tokenizer.encode(part).ids) < MAX_TOKENS for part in parts)
    assert all(any(word in part for part in parts) for word in words)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the weights of MiniLM"):
        MiniLM(packaged_folder(), {"embeddings.word_embeddings.weight": np.zeros((2, 2), "f4")})
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "cut.safetensors")


def test_a_missing_tokenizer_or_vocabulary_is_named(tmp_path: Path) -> None:
    weights = load_weights(packaged_folder() / "model.safetensors")
    shutil.copy(packaged_folder() / "config.json", tmp_path)
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        MiniLM(tmp_path, weights).run(["a"])
    with pytest.raises(ModelError, match=r"vocab\.txt"):
        vocabulary(tmp_path)
