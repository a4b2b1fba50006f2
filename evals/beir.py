"""The literature's figures through the project's own ingest and retriever.

One document is one passage, title + space + text, cut by the model at 256 tokens and by nothing
else, since the published figures are so. The documents go into a real index in a temporary
folder; every search is the product's own. Only the vectors are kept between runs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assistant.errors import UsageError
from assistant.index import Index, SentenceTransformerEncoder, write_index
from assistant.retriever import Retriever
from assistant.types import Passage, Span
from assistant.words import WordIndex
from evals.retrieval import per_query
from evals.vectors import encode_cached

MEASURES: Final = ("nDCG@10", "R@10", "R@100", "RR")
DEPTH: Final = 100

# As many as the retriever asks the index for. HNSW's lists differ from build to build: asked for
# 100, SciFact's nDCG@10 was .640 to .645 in eight builds, asked for 200 .6451 in all of them.
CANDIDATES: Final = 200


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

    Raises:
        UsageError: A file is missing or a line of it cannot be read.
    """
    documents = {
        row["_id"]: f"{row.get('title') or ''} {row['text']}"
        for row in _iter_rows(folder / "corpus.jsonl")
    }
    texts = {row["_id"]: row["text"] for row in _iter_rows(folder / "queries.jsonl")}
    relevant: dict[str, dict[str, int]] = {}
    path = folder / "qrels" / f"{split}.tsv"
    for number, line in enumerate(_read(path).splitlines()[1:], 2):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise UsageError(f"{path}:{number}: not query, document and grade: {line[:60]!r}")
        if fields[0] not in texts:
            raise UsageError(f"{path}:{number}: query {fields[0]!r} is not in queries.jsonl")
        relevant.setdefault(fields[0], {})[fields[1]] = int(fields[2])
    # A query whose judgements are all 0 has no recall and is left out, as trec_eval does.
    relevant = {q: grades for q, grades in relevant.items() if any(g > 0 for g in grades.values())}
    if not documents or not relevant:
        raise UsageError(f"{folder}: no documents or no judged queries; give a BEIR folder")
    return BeirData(documents, {query: texts[query] for query in relevant}, relevant)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; give a BEIR folder") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error


def _iter_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            row["_id"], row["text"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UsageError(f"{path}:{number}: not a BEIR line ({error!r})") from error
        yield row


def run_beir(
    folder: Path, console: Console, cache: Path | None = None
) -> dict[str, dict[str, float]]:
    """Words, embeddings and their fusion over one BEIR folder.

    Returns:
        Search → measure → mean over the judged queries, in [0, 1].
    """
    data = load_beir(folder)
    encoder = SentenceTransformerEncoder()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        tempfile.TemporaryDirectory(prefix="evals-beir-") as home,
        Progress(*columns, console=console, transient=True) as bar,
    ):
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
        queries = encode_cached(list(data.queries.values()), encoder, encoder.weights_sha256, cache)
        rankings: dict[str, dict[str, list[str]]] = {"words": {}, "embeddings": {}, "fusion": {}}
        for query_id, vector in zip(data.queries, queries, strict=True):
            found = rank_three_ways(retriever, data.queries[query_id], vector)
            for name, ranking in found.items():
                rankings[name][query_id] = ranking
            bar.advance(task)
    figures = {}
    for name, of_queries in rankings.items():
        values = per_query(data.relevant, of_queries, MEASURES)
        figures[name] = {measure: float(np.mean(values[measure])) for measure in MEASURES}
    return figures


def rank_three_ways(
    retriever: Retriever, query: str, vector: np.typing.NDArray[np.float32]
) -> dict[str, list[str]]:
    """The first 100 document ids by words, by embeddings and by the product's fusion."""
    passages = retriever.index.passages

    def ids(rows: Sequence[int]) -> list[str]:
        return [passages[row].span.article_id for row in rows]

    words = retriever.words.scores(query)
    order = np.argsort(-words, kind="stable")[:DEPTH]
    hits = retriever.search(query, DEPTH, vector).evidence.hits
    return {
        "words": ids([int(row) for row in order if words[row] > 0]),
        "embeddings": ids([row for row, _ in retriever.index.nearest(vector, CANDIDATES)][:DEPTH]),
        "fusion": [hit.passage.span.article_id for hit in hits],
    }


def _build_retriever(
    home: Path,
    documents: Mapping[str, str],
    vectors: np.typing.NDArray[np.float32],
    encoder: SentenceTransformerEncoder,
) -> Retriever:
    passages = [
        Passage(Span(document_id, 0, len(text)), (), text, text)
        for document_id, text in documents.items()
    ]
    words = WordIndex.build(passages)
    none = np.zeros((0, vectors.shape[1]), np.float32)
    write_index(home, passages, vectors, [], none, {"model": encoder.name}, words.save)
    return Retriever(Index(home), encoder, words)
