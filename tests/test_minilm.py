"""The network by onnxruntime, against sentence-transformers on the same weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assistant.encoder import PackagedEncoder, SentenceTransformerEncoder, packaged_folder
from assistant.errors import ModelError
from assistant.minilm import GRAPH, MAX_TOKENS, MiniLM, load_weights, vocabulary
from assistant.network import DATA, LEARNED_FILE, Network, shared_network
from assistant.questions import load_questions
from assistant.reader import HEADS, load_reader
from assistant.settings import DEFAULT_CORPUS
from assistant.types import Article
from training.graph import build_packaged_graph

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


def test_the_reader_is_the_network_with_its_change_added_to_the_matrices() -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    learned = load_weights(DATA / LEARNED_FILE)
    texts = ["my hip clicks and my knee aches", "chest pain since noon"]
    bert = AutoModel.from_pretrained(packaged_folder())
    with torch.no_grad():
        for name in (key.removesuffix(".a") for key in learned if key.endswith(".a")):
            change = learned[f"{name}.b"] @ learned[f"{name}.a"]
            bert.get_submodule(name).weight += torch.from_numpy(change)
        tokens = AutoTokenizer.from_pretrained(packaged_folder())(
            texts, padding=True, return_tensors="pt"
        )
        hidden = bert(**tokens).last_hidden_state
        mask = tokens["attention_mask"][:, :, None]
        mean = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
    outputs = shared_network(packaged_folder(), DATA).read(texts)
    assert np.allclose(outputs["mean"], mean, atol=1e-4)
    for name in HEADS:
        scores = mean @ learned[f"heads.{name}.weight"].T + learned[f"heads.{name}.bias"]
        assert np.allclose(outputs[name], scores, atol=1e-3)


def test_both_ways_of_reading_in_one_run_are_those_of_two() -> None:
    network = Network(packaged_folder(), DATA / LEARNED_FILE)
    texts = ["a weak hip", "why does my knee hurt when i run"]
    alone = network.minilm.run(texts, [False, False])["vector"]
    read = network.read(texts)
    together = network.read(texts, ahead=[texts[1]])
    assert all(np.allclose(read[name], together[name], atol=1e-5) for name in read)
    assert np.allclose(network.encode(texts), alone, atol=1e-6)
    assert not np.allclose(read["mean"], network.minilm.run(texts, [False, False])["mean"])


def test_encoder_and_reader_hold_one_network() -> None:
    assert load_reader().network is PackagedEncoder().network


def test_what_was_read_ahead_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(packaged_folder(), DATA / LEARNED_FILE)
    network.read(["a"], ahead=["a weak hip", "a knee"])
    run: list[str] = []
    monkeypatch.setattr(
        MiniLM,
        "run",
        lambda _, texts, changed: run.extend(texts) or {"vector": np.ones((len(texts), 384))},
    )
    network.encode(["a weak hip", "a shoulder", "a knee"])
    assert run == ["a shoulder"]


def test_the_graph_in_the_package_is_what_its_builder_writes() -> None:
    assert GRAPH.read_bytes() == build_packaged_graph()


def test_a_text_is_cut_at_the_models_length(real_encoder: PackagedEncoder) -> None:
    long = "knee " * MAX_TOKENS
    assert np.allclose(real_encoder.encode([long]), real_encoder.encode([long + "shoulder"]))


def test_a_text_of_many_tokens_is_read_in_parts_that_overlap() -> None:
    folder = packaged_folder()
    network = shared_network(folder, DATA).minilm
    assert network.parts("a weak hip") == ["a weak hip"]
    words = [f"{n:010d}" for n in range(200)]
    parts = network.parts(" ".join(words))
    assert all(len(network.tokenizer.encode(part).ids) < MAX_TOKENS for part in parts)
    assert all(any(word in part for part in parts) for word in words)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the weights of MiniLM"):
        MiniLM(packaged_folder(), load_weights(DATA / LEARNED_FILE), {})
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "cut.safetensors")


def test_a_damaged_graph_or_a_change_of_another_rank_is_told(tmp_path: Path) -> None:
    weights = load_weights(packaged_folder() / "model.safetensors")
    learned = load_weights(DATA / LEARNED_FILE)
    name = "encoder.layer.0.output.dense"
    other = learned | {
        f"{name}.a": learned[f"{name}.a"][:5],
        f"{name}.b": learned[f"{name}.b"][:, :5],
    }
    with pytest.raises(ModelError, match="cannot be started"):
        MiniLM(packaged_folder(), weights, other)
    (tmp_path / "minilm.onnx").write_bytes(GRAPH.read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"restore minilm\.onnx"):
        MiniLM(packaged_folder(), weights, learned, tmp_path / "minilm.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        MiniLM(packaged_folder(), weights, learned, tmp_path / "none.onnx")


def test_a_missing_tokenizer_or_vocabulary_is_named(tmp_path: Path) -> None:
    weights = load_weights(packaged_folder() / "model.safetensors")
    shutil.copy(packaged_folder() / "config.json", tmp_path)
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        MiniLM(tmp_path, weights, load_weights(DATA / LEARNED_FILE)).run(["a"], [False])
    with pytest.raises(ModelError, match=r"vocab\.txt"):
        vocabulary(tmp_path)
