"""The benchmark's own parts, without its minutes: what is asked, what is compared, what fails."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assistant.corpus import load_corpus
from assistant.errors import StoreError
from assistant.questions import load_questions
from assistant.settings import DEFAULT_CORPUS
from evals import bench, bench_process, bench_scale
from evals.bench import QUESTIONS, choose_spaced, iter_searched_questions, time_asking
from evals.cases import load_suite
from evals.run import default_suite_files
from evals.truth import load_truth


def test_each_question_is_asked_once_and_encoded_beside_it() -> None:
    asked: list[str] = []
    encoded: list[str] = []

    def encode(texts: Sequence[str]) -> None:
        assert asked[-1:] == list(texts)
        encoded.extend(texts)

    times = time_asking(asked.append, encode, ["a?", "b?", "c?"])
    assert asked == ["a?", "b?", "c?"]
    assert Counter(encoded) == dict.fromkeys(asked, bench.ENCODED_BESIDE)
    assert len(times.ratios) == 3


def test_the_questions_asked_are_many_different_and_of_the_open_split() -> None:
    suite = load_suite(default_suite_files(), load_truth(DEFAULT_CORPUS).texts)
    closed = {case.question for case in suite.cases if case.split == "test"}
    found = list(iter_searched_questions())
    asked = choose_spaced(found, bench.ASKED_ONCE)
    assert len(asked) == len(set(asked)) == bench.ASKED_ONCE
    assert len(set(asked) & {*QUESTIONS, *closed}) == 0


def test_spaced_takes_all_where_there_are_few() -> None:
    assert choose_spaced(["a", "b"], 5) == ["a", "b"]
    assert choose_spaced(list("abcdef"), 3) == ["a", "c", "e"]


def test_the_small_corpus_has_no_written_questions(tmp_path: Path) -> None:
    bench_scale.write_small_corpus(DEFAULT_CORPUS, tmp_path / "small")
    names = {path.name for path in (tmp_path / "small").iterdir()}
    assert names == {path.name for path in DEFAULT_CORPUS.glob("*.txt")} | {"sources.toml"}
    small = load_corpus(tmp_path / "small")
    assert load_questions(tmp_path / "small", small) == ()


@pytest.mark.parametrize(
    ("events", "error"),
    [
        (b'data: {"msg":"process_completed","success":true}\n', ""),
        (b'data: {"msg":"process_completed","success":false}\n', "failed on a question"),
        (b'data: {"msg":"estimation"}\n', "ended its reply before it was completed"),
        (b"", "ended its reply before it was completed"),
    ],
)
def test_a_question_to_the_page_has_to_be_completed(
    events: bytes, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(address: Any, **_: Any) -> io.BytesIO:
        return io.BytesIO(events if "queue/data" in str(address) else b"{}")

    monkeypatch.setattr(bench_process, "urlopen", reply)
    body = {"data": [], "fn_index": 1, "session_hash": "s"}
    if error:
        with pytest.raises(StoreError, match=error):
            bench_process._queue("http://127.0.0.1:1", body)
    else:
        bench_process._queue("http://127.0.0.1:1", body)
