"""The literature's figures through the project's own ingest and retriever.

One document is one passage, title + space + text, cut by the model at 256 tokens and by nothing
else, since the published figures are so. The documents go into a real index in a temporary
folder; every search is the product's own. Only the vectors are kept between runs.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from assistant import retriever as product
from assistant.encoder import PackagedEncoder
from assistant.errors import UsageError
from assistant.generations import new_generation
from assistant.index import Index, write_index
from assistant.known import Known
from assistant.retriever import Query, Retriever
from assistant.types import Passage, Span
from assistant.words import WordIndex
from evals.lines import LineError, iter_lines, parse_object, shown
from evals.report import progress
from evals.retrieval import per_query
from evals.vectors import encode_cached

MEASURES: Final = ("nDCG@10", "R@10", "R@100", "RR")
DEPTH: Final = 100

# As many as the retriever asks the index for. HNSW's lists differ from build to build: asked for
# 100, SciFact's nDCG@10 was .640 to .645 in eight builds, asked for 200 .6451 in all of them.
CANDIDATES: Final = product.CANDIDATES

_GRADE: Final = re.compile(r"-?[0-9]{1,6}")
_HEADER: Final = re.compile(r"[a-z][a-z _-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BeirData:
    """A BEIR folder: documents, and the queries that have a judgement.

    Attributes:
        documents: Document id → title + space + text.
        queries: Query id → text.
        relevant: Query id → document id → grade.
    """

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]


def load_beir(folder: Path, split: str = "test") -> BeirData:
    """Reads ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv``.

    Ids may be strings or whole numbers; a title may be missing, a text empty.

    Raises:
        UsageError: A file is missing, a line of it cannot be read, or the files do not fit.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; give one with corpus.jsonl and queries.jsonl")
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    documents = {
        row_id: f"{_string(where, row, 'title')} {_string(where, row, 'text')}"
        for where, row_id, row in _iter_rows(corpus)
    }
    if not documents:
        raise UsageError(f"{corpus}: holds no document; give a BEIR folder")
    texts = {row_id: _string(where, row, "text") for where, row_id, row in _iter_rows(queries)}
    path = folder / "qrels" / f"{split}.tsv"
    relevant: dict[str, dict[str, int]] = {}
    for where, query, document, grade in _iter_judgements(path):
        if query not in texts:
            raise UsageError(f"{where}: query {shown(query)} is not in {queries.name}; add it")
        if grade > 0 and document not in documents:
            raise UsageError(
                f"{where}: document {shown(document)} is not in {corpus.name}; take the whole one"
            )
        if relevant.setdefault(query, {}).setdefault(document, grade) != grade:
            raise UsageError(f"{where}: judged before with another grade; keep one")
    # A query whose judgements are all 0 has no recall and is left out, as trec_eval does.
    relevant = {q: grades for q, grades in relevant.items() if any(g > 0 for g in grades.values())}
    if not relevant:
        raise UsageError(f"{path}: no query has a relevant document; give a BEIR folder")
    return BeirData(documents, {query: texts[query] for query in relevant}, relevant)


def _iter_rows(path: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    seen: dict[str, str] = {}
    for where, line in iter_lines(path):
        try:
            row = parse_object(line)
        except LineError as error:
            raise UsageError(f"{where}: {error}") from error
        row_id = row.get("_id")
        if isinstance(row_id, int) and not isinstance(row_id, bool):
            row_id = str(row_id)
        if not isinstance(row_id, str) or not row_id.strip() or not row_id.isprintable():
            raise UsageError(f"{where}: _id is {shown(row_id)}; expected a string or whole number")
        first = seen.setdefault(row_id, where)
        if first != where:
            raise UsageError(f"{where}: duplicate _id {shown(row_id)}, first at {first}")
        yield where, row_id, row


def _string(where: str, row: Mapping[str, Any], key: str) -> str:
    """A text of a row; only a title may be missing or null."""
    value = row.get(key)
    if value is None and key == "title":
        return ""
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} is {shown(value)}; expected a string")
    return value


def _iter_judgements(path: Path) -> Iterator[tuple[str, str, str, int]]:
    """Place, query, document and grade of each line; a first line of plain words is a header."""
    for number, (where, line) in enumerate(iter_lines(path)):
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) == 3 and _GRADE.fullmatch(fields[2]):
            yield where, fields[0], fields[1], int(fields[2])
        elif number or len(fields) != 3 or not _HEADER.fullmatch(fields[2]):
            raise UsageError(
                f"{where}: expected query, document and whole-number grade with tabs between, "
                f"got {shown(line)}"
            )


def run_beir(
    folder: Path, console: Console, cache: Path | None = None
) -> dict[str, dict[str, float]]:
    """Words, embeddings and their fusion over one BEIR folder.

    Returns:
        Search → measure → mean over the judged queries, in [0, 1].
    """
    data = load_beir(folder)
    encoder = PackagedEncoder()
    with tempfile.TemporaryDirectory(prefix="evals-beir-") as home, progress(console) as bar:
        task = bar.add_task("encoding documents", total=len(data.documents))
        vectors = encode_cached(
            list(data.documents.values()),
            encoder,
            encoder.weights_sha256,
            cache,
            lambda done: bar.advance(task, done),
        )
        bar.update(task, description="building the index")
        retriever = _build_retriever(Path(home), data.documents, vectors, encoder)
        task = bar.add_task("searching", total=len(data.queries))
        queries = retriever.prepare(list(data.queries.values()))
        rankings: dict[str, dict[str, list[str]]] = {"words": {}, "embeddings": {}, "fusion": {}}
        for query_id, query in zip(data.queries, queries, strict=True):
            found = rank_three_ways(retriever, query)
            for name, ranking in found.items():
                rankings[name][query_id] = ranking
            bar.advance(task)
    figures = {}
    for name, of_queries in rankings.items():
        values = per_query(data.relevant, of_queries, MEASURES)
        figures[name] = {measure: float(np.mean(values[measure])) for measure in MEASURES}
    return figures


def rank_three_ways(retriever: Retriever, query: Query) -> dict[str, list[str]]:
    """The first 100 document ids by words, by embeddings and by the product's fusion."""
    passages = retriever.index.passages

    def ids(rows: Sequence[int]) -> list[str]:
        return [passages[row].span.article_id for row in rows]

    scores = retriever.words.scores(query.text)
    near = retriever.index.nearest(query.vector, CANDIDATES)[:DEPTH]
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    hits = retriever.search(query, DEPTH).evidence.hits
    return {
        "words": ids([int(row) for row in order if scores[row] > 0]),
        "embeddings": ids([row for row, _ in near]),
        "fusion": [hit.passage.span.article_id for hit in hits],
    }


def _build_retriever(
    home: Path,
    documents: Mapping[str, str],
    vectors: np.typing.NDArray[np.float32],
    encoder: PackagedEncoder,
) -> Retriever:
    passages = [
        Passage(Span(document_id, 0, len(text)), (), text, text)
        for document_id, text in documents.items()
    ]
    try:
        with np.errstate(invalid="ignore"):  # bm25s divides by the mean length
            words = WordIndex.build(passages)
    except ValueError as error:  # bm25s, of texts that leave no word
        raise UsageError("no document holds a word to search by; give a BEIR folder") from error
    none = np.zeros((0, vectors.shape[1]), np.float32)
    nothing_known = Known(
        none, np.zeros((0, 2), np.float32), np.zeros(2, np.float32), np.zeros(0, int), len(passages)
    )

    def save(generation: Path) -> None:
        words.save(generation)
        nothing_known.save(generation)

    with new_generation(home) as generation:
        write_index(generation, passages, vectors, [], none, {"model": encoder.name}, save)
    return Retriever(Index(generation), encoder, words)
