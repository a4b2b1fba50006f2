"""BEIR folders: read rightly, or told in one line why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.errors import UsageError
from evals import __main__ as command
from evals.beir import load_beir

CORPUS = '{"_id": "d1", "title": "T", "text": "x"}\n'
QUERIES = '{"_id": "q1", "text": "x?"}\n{"_id": "q2", "text": ""}\n'
HEADER = "query-id\tcorpus-id\tscore\n"


def beir_folder(
    home: Path, qrels: str = HEADER + "q1\td1\t1\n", corpus: str = CORPUS, queries: str = QUERIES
) -> Path:
    (home / "qrels").mkdir()
    (home / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    (home / "queries.jsonl").write_text(queries, encoding="utf-8")
    (home / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return home


@pytest.mark.parametrize("header", [HEADER, ""])
def test_a_beir_folder_keeps_title_and_judged_queries(header: str, tmp_path: Path) -> None:
    data = load_beir(beir_folder(tmp_path, header + "q1\td1\t1\r\nq2\td1\t0\n"))
    assert data.documents == {"d1": "T x"}
    assert data.queries == {"q1": "x?"}
    assert data.relevant == {"q1": {"d1": 1}}


def test_a_folder_is_searched_in_three_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"d1": "Hips move the leg.", "d2": "Bread is baked.", "d3": "Rain fills the river."}
    corpus = "".join(
        json.dumps({"_id": i, "title": "", "text": t}) + "\n" for i, t in texts.items()
    )
    queries = '{"_id": "q1", "text": "which part moves a leg, the hips?"}\n'
    folder = beir_folder(tmp_path, HEADER + "q1\td1\t1\n", corpus, queries)
    assert command.main(["beir", str(folder), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {name: f["nDCG@10"] for name, f in figures.items()} == {
        "words": 1.0,
        "embeddings": 1.0,
        "fusion": 1.0,
    }


def test_whole_numbers_are_ids_and_a_document_may_be_empty(tmp_path: Path) -> None:
    corpus = '{"_id": 1, "text": "x"}\n{"_id": 2, "title": null, "text": ""}\n'
    queries = '{"_id": 7, "text": "x"}\n'
    data = load_beir(beir_folder(tmp_path, HEADER + "7\t1\t1\n", corpus, queries))
    assert data.documents == {"1": " x", "2": " "}
    assert data.relevant == {"7": {"1": 1}}


@pytest.mark.parametrize(
    "line", ["q1 d1 1", "q1\td1\tmuch", "q1\td1\t²", "q1\td1\t--1", "q1\td1\t0.5", "q9\td1\t1"]
)
def test_a_bad_judgement_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"test\.tsv:2"):
        load_beir(beir_folder(tmp_path, HEADER + line + "\n"))


def test_a_judged_document_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"test\.tsv:2: document 'd9' is not in corpus\.jsonl"):
        load_beir(beir_folder(tmp_path, HEADER + "q1\td9\t1\n"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('"x"', "not an object but str"),
        ('{"_id": "d2", "text": null}', "text is None; expected a string"),
        ('{"_id": "d2", "text": ["x"]}', "text is .* expected a string"),
        ('{"_id": "d2", "title": 3, "text": "x"}', "title is 3"),
        ('{"_id": null, "text": "x"}', "_id is None"),
        ('{"_id": ["d2"], "text": "x"}', "_id is "),
        ('{"_id": "", "text": "x"}', "_id is ''"),
        ('{"_id": "d\\tx", "text": "x"}', "_id is "),
        ('{"_id": "d2", "text": "x \\ud800"}', "holds half a character"),
        ('{"_id": "d1", "text": "other"}', "duplicate _id 'd1', first at .*:1"),
    ],
)
def test_a_bad_document_is_named(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"corpus\.jsonl:2: {words}") as raised:
        load_beir(beir_folder(tmp_path, corpus=CORPUS + line + "\n"))
    assert "\n" not in str(raised.value)


def test_a_query_without_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"queries\.jsonl:1: text is None"):
        load_beir(beir_folder(tmp_path, queries='{"_id": "q1", "text": null}\n'))


def test_a_collection_without_words_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = beir_folder(tmp_path, corpus=json.dumps({"_id": "d1", "text": ""}) + "\n")
    assert command.main(["beir", str(folder)]) == 1
    assert "no document holds a word" in capsys.readouterr().err


def test_a_folder_that_is_no_beir_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["beir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "corpus.jsonl" in error
    assert error.count("\n") == 1
