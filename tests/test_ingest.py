"""An ingest is all or nothing and embeds only what changed; no alteration goes unseen."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.corpus import read_corpus
from assistant.encoder import Encoder, PackagedEncoder
from assistant.errors import CorpusError, StoreError
from assistant.generations import current_generation, writer_lock
from assistant.ingest import ingest
from assistant.opening import open_index
from assistant.pipeline import Assistant, build_assistant
from assistant.settings import Settings
from tests.conftest import HashingEncoder


@pytest.mark.parametrize("real", [False, True])
def test_an_encoder_gives_unit_vectors_in_order(real: bool, real_encoder: PackagedEncoder) -> None:
    encoder: Encoder = real_encoder if real else HashingEncoder()
    texts = ["the hip is weak", "bananas and insurance", "a weak hip"]
    vectors = encoder.encode(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]
    assert np.allclose(encoder.encode(texts[1:2])[0], vectors[1], atol=1e-5)
    assert encoder.encode([]).shape[0] == 0


def test_running_it_again_changes_nothing_and_encodes_nothing(small_settings: Settings) -> None:
    first = ingest(small_settings, HashingEncoder())
    generation = current_generation(small_settings.index_folder)
    encoder = HashingEncoder()
    second = ingest(small_settings, encoder)
    assert first.built
    assert not second.built
    assert not encoder.encoded
    assert current_generation(small_settings.index_folder) == generation


def test_only_the_changed_sentence_is_embedded_again(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    path = small_settings.corpus / "wrist.txt"
    path.write_text(path.read_text("utf-8").replace("A splint", "A soft splint"), "utf-8")
    encoder = HashingEncoder()
    assert ingest(small_settings, encoder).embedded == 1
    assert [text for text in encoder.encoded if "A soft splint" not in text] == []


def test_a_removed_article_goes(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    (small_settings.corpus / "wrist.txt").unlink()
    ingest(small_settings, HashingEncoder())
    index = open_index(small_settings, HashingEncoder())
    assert {p.span.article_id for p in index.passages} == {"elbow"}


def test_a_failing_ingest_leaves_the_index_in_use_whole(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    before = current_generation(small_settings.index_folder)
    path = small_settings.corpus / "wrist.txt"
    text = path.read_text("utf-8")
    path.write_text(text + "More about wrists.\n", "utf-8")

    class Broken(HashingEncoder):
        def encode(self, texts: object) -> np.ndarray:  # type: ignore[override]
            raise MemoryError("no room")

    with pytest.raises(MemoryError):
        ingest(small_settings, Broken())
    assert current_generation(small_settings.index_folder) == before
    path.write_text(text, "utf-8")
    assert open_index(small_settings, HashingEncoder()).passages


def test_each_corpus_folder_has_its_own_index(small_settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("Ankles\n\nAnkles bend.\n", "utf-8")
    second = Settings(corpus=other, data=small_settings.data)
    ingest(small_settings, HashingEncoder())
    ingest(second, HashingEncoder())
    assert small_settings.index_folder != second.index_folder
    assert len(open_index(second, HashingEncoder()).passages) == 1
    assert len(open_index(small_settings, HashingEncoder()).passages) == 6


def test_a_changed_article_or_model_is_told_and_what_to_run(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    other = HashingEncoder()
    other.name = "another@2"
    with pytest.raises(StoreError, match=r"model changed.*knee-hip ingest"):
        open_index(small_settings, other)
    path = small_settings.corpus / "elbow.txt"
    path.write_text(path.read_text("utf-8").replace("pain", "ache"), "utf-8")
    with pytest.raises(StoreError, match=r"elbow changed.*knee-hip ingest"):
        open_index(small_settings, HashingEncoder())


def test_a_missing_index_is_told(small_settings: Settings) -> None:
    with pytest.raises(StoreError, match="no index yet"):
        open_index(small_settings, HashingEncoder())


def test_one_changed_byte_in_any_hashed_file_of_the_index_is_found(
    small_settings: Settings,
) -> None:
    ingest(small_settings, HashingEncoder())
    generation = current_generation(small_settings.index_folder)
    assert generation
    files = [
        p
        for p in sorted(generation.rglob("*"))
        if p.stat().st_size and p.is_file() and "chroma" not in p.relative_to(generation).parts
    ]
    chance = random.Random(7)
    for path in (chance.choice(files) for _ in range(40)):
        whole = path.read_bytes()
        at = chance.randrange(len(whole))
        path.write_bytes(
            whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
        )
        with pytest.raises(StoreError):
            open_index(small_settings, HashingEncoder())
        path.write_bytes(whole)
    assert open_index(small_settings, HashingEncoder())


def test_a_lost_database_is_told_and_built_again(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    generation = current_generation(small_settings.index_folder)
    assert generation
    (generation / "chroma" / "chroma.sqlite3").write_bytes(b"not a database")
    with pytest.raises(StoreError, match="ingest --force"):
        open_index(small_settings, HashingEncoder())
    assert ingest(small_settings, HashingEncoder()).built
    assert open_index(small_settings, HashingEncoder())


def test_a_damaged_database_is_told(small_settings: Settings) -> None:
    ingest(small_settings, HashingEncoder())
    generation = current_generation(small_settings.index_folder)
    assert generation
    database = generation / "chroma" / "chroma.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(StoreError, match="ingest --force"):
        open_index(small_settings, HashingEncoder())


def test_a_passage_that_is_not_the_articles_words_is_told(
    small_settings: Settings,
) -> None:
    ingest(small_settings, HashingEncoder())
    corpus = read_corpus(small_settings.corpus)
    moved = replace(corpus.articles["wrist"], text="x" + corpus.articles["wrist"].text)
    wrong = replace(corpus, articles={**corpus.articles, "wrist": moved})
    with pytest.raises(StoreError, match="not what the article says"):
        open_index(small_settings, HashingEncoder(), wrong)


def test_a_second_writer_is_told_that_another_builds(small_settings: Settings) -> None:
    with (
        writer_lock(small_settings.index_folder),
        pytest.raises(StoreError, match="another process"),
    ):
        ingest(small_settings, HashingEncoder())


def test_generations_do_not_pile_up(small_settings: Settings) -> None:
    path = small_settings.corpus / "wrist.txt"
    for number in range(5):
        path.write_text(f"Sore Wrists\n\nA sore wrist hurts {number} times.\n", "utf-8")
        ingest(small_settings, HashingEncoder())
    assert len(list((small_settings.index_folder / "generations").iterdir())) <= 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "questions.jsonl:1"),
        ('{"question": "why?", "article": "elbow", "quote": "Not there."}', "occurs 0 times"),
        ('{"question": "why?", "article": "shin", "quote": "x"}', "no article has the id"),
        ('{"question": "why?", "article": null}', "`why` does not say"),
    ],
)
def test_a_wrong_line_of_the_written_index_is_named(
    small_settings: Settings, line: str, said: str
) -> None:
    (small_settings.corpus / "questions.jsonl").write_text(line, "utf-8")
    with pytest.raises(CorpusError, match=said):
        ingest(small_settings, HashingEncoder())


def test_a_corpus_without_written_questions_works(small_settings: Settings) -> None:
    assistant: Assistant = build_assistant(small_settings, encoder=HashingEncoder())
    answer = assistant.ask("What is tennis elbow, the pain on the outside of the elbow?")
    assert all(c.quote in assistant.articles[c.span.article_id].text for c in answer.citations)
    assert answer.disclaimer


def test_the_manifest_says_what_it_was_built_from(assistant: Assistant) -> None:
    manifest = assistant.retriever.index.manifest
    assert set(manifest["articles"]) == set(assistant.articles)
    assert "all-MiniLM-L6-v2@53aa51172d14" in manifest["model"]
    json.dumps(manifest)
