"""The one home of Chroma: write, open and search an index.

Chroma finds which rows are near. The vectors themselves lie beside it in a hashed file, and the
similarity of every row found is computed from them, so that a damaged database can hide a row but
never show a wrong one; a sample is looked for again when it is opened. Where there are few rows
all of them are compared, which is exact and takes less time than loading Chroma. Nothing here
knows what a row means.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.request import pathname2url

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import Vectors
from assistant.errors import StoreError
from assistant.generations import Lease, read_manifest, write_manifest
from assistant.text import squeeze
from assistant.types import Passage, Span

Row = TypeVar("Row")

CHROMA_BATCH: Final = 2000
COMPARED_WHOLE: Final = 500
"""Up to so many passages each is compared with a query, without Chroma."""
_SAMPLE: Final = 8
_SAMPLE_K: Final = 5
_SAME: Final = 0.999
_MAY_BE_LOST: Final = 0.25
_NEAR_ENOUGH: Final = 1e-5
# With Chroma's own 100 and 100 what is found differs from build to build (SciFact nDCG@10 .640 to
# .645). With its 16 neighbours a row, recall@10 against exact search is .98 at 100,000 passages.
HNSW: Final = {"ef_construction": 200, "ef_search": 200, "max_neighbors": 32}


@dataclass(frozen=True, slots=True)
class IndexedQuestion:
    """A written question and the passages that answer it together; none: no article answers it.

    `disagreement` is the id of the disagreement that it asks about, or ``""``.
    """

    text: str
    passage_ids: tuple[str, ...] = ()
    disagreement: str = ""


class Index:
    """An opened generation: passages and questions with their vectors, and Chroma to search them.

    Attributes:
        passages: in the order of the rows.
        questions: the written index, in the order of its rows; may be empty.
        question_vectors: unit vectors, shape (questions, dimensions).
        manifest: what it was built from.
    """

    def __init__(self, generation: Path) -> None:
        """Open a generation.

        Raises:
            StoreError: a file in it is missing, damaged or was changed.
        """
        self.generation = generation
        self.lease = Lease(generation)
        self.manifest = read_manifest(generation)
        try:
            self.passages = tuple(_read_rows(generation / "passages.jsonl", _passage))
            self.questions = tuple(_read_rows(generation / "questions.jsonl", _question))
            self._vectors: Vectors = np.asarray(np.load(generation / "vectors.npy", mmap_mode="r"))
            self.question_vectors: Vectors = np.load(generation / "question_vectors.npy")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{generation}: cannot be read ({error}); run `knee-hip ingest --force`"
            ) from error
        if len(self.passages) > COMPARED_WHOLE:
            self._find_a_sample_again()
        else:
            _check_database(generation / "chroma")

    @cached_property
    def _collection(self) -> Any:
        """Chroma's collection, opened when it is first needed."""
        client, collection = _open_collection(self.generation / "chroma", len(self.passages))
        # Chroma keeps what it has opened until it is told; whoever holds the index last tells it.
        weakref.finalize(self, client.close).atexit = False
        return collection

    def _find_a_sample_again(self) -> None:
        """Raise where Chroma does not find most of a sample of passages by their own vectors.

        Not all: its graph may miss one among very many that are nearly the same.
        """
        rows = range(0, len(self.passages), max(1, len(self.passages) // _SAMPLE))
        lost = []
        for row in rows:
            nearest = self.nearest(self._vectors[row], _SAMPLE_K)
            if not nearest or nearest[0][1] < _SAME:
                lost.append(row)
        if len(lost) > _MAY_BE_LOST * len(rows):
            raise StoreError(
                f"{self.generation / 'chroma'}: does not find row {lost[0]} again; "
                "run `knee-hip ingest --force`"
            )

    def check_every_vector(self) -> None:
        """Raise a `StoreError` where Chroma does not hold exactly the vectors that were given."""
        rows, collection = range(len(self.passages)), self._collection
        for first in range(0, len(rows), CHROMA_BATCH):
            batch = rows[first : first + CHROMA_BATCH]
            with _translated(self.generation / "chroma"):
                found = collection.get(ids=list(map(str, batch)), include=["embeddings"])
            held = {int(row): vector for row, vector in zip(*_held(found), strict=True)}
            if set(held) != set(batch) or not np.allclose(
                np.stack([held[row] for row in batch]),
                self._vectors[batch.start : batch.stop],
                atol=_NEAR_ENOUGH,
            ):
                raise StoreError(
                    f"{self.generation / 'chroma'}: does not hold every vector of rows "
                    f"{batch.start} to {batch.stop}; run `knee-hip ingest --force`"
                )

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Row number of each passage id."""
        return {passage.id: row for row, passage in enumerate(self.passages)}

    def nearest(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """At most `k` (row, cosine similarity), the nearest first; ties by row.

        Args:
            vector: a unit vector, shape (dimensions,).
        """
        near = self.candidates(vector, k)
        similarities = self.similarities(vector, near)
        order = np.lexsort((near, -similarities))[:k]
        return [(int(near[i]), float(similarities[i])) for i in order]

    def candidates(self, vector: Vectors, k: int) -> NDArray[np.int64]:
        """Rows among which the `k` nearest are, in no order; all rows where there are few."""
        if len(self.passages) <= COMPARED_WHOLE:
            return np.arange(len(self.passages))
        collection = self._collection
        with _translated(self.generation / "chroma"):
            found = collection.query(
                query_embeddings=[vector], n_results=min(k, len(self.passages)), include=[]
            )
            return np.array([int(row) for row in found["ids"][0]], dtype=np.int64)

    def similarities(self, vector: Vectors, rows: NDArray[np.int64]) -> Vectors:
        """Cosine similarity of `vector` with each of `rows`, in their order."""
        return np.asarray(self._vectors[rows] @ vector, np.float32)

    def stored_vectors(self) -> dict[str, Vectors]:
        """The vector of every embedded text in it, to be carried over to the next generation."""
        known = {p.embedded_text: self._vectors[row] for row, p in enumerate(self.passages)}
        known.update((q.text, self.question_vectors[row]) for row, q in enumerate(self.questions))
        return known


def write_index(
    generation: Path,
    passages: Sequence[Passage],
    vectors: Vectors,
    questions: Sequence[IndexedQuestion],
    question_vectors: Vectors,
    facts: Mapping[str, Any],
    extras: Callable[[Path], None],
) -> None:
    """Write a whole index into an empty folder and seal it with its manifest.

    Args:
        vectors: unit vectors of the passages' embedded texts, shape (passages, dimensions).
        extras: writes whatever else belongs to the generation, before it is sealed.
    """
    _write_rows(generation / "passages.jsonl", (asdict(p) for p in passages))
    _write_rows(generation / "questions.jsonl", (asdict(q) for q in questions))
    np.save(generation / "vectors.npy", vectors)
    np.save(generation / "question_vectors.npy", question_vectors)
    with _translated(generation / "chroma"):
        _write_vectors(generation / "chroma", vectors[: len(passages)])
    extras(generation)
    write_manifest(generation, {**facts, "passages": len(passages), "questions": len(questions)})


def _write_vectors(folder: Path, vectors: Vectors) -> None:
    client = _client(folder)
    try:
        # Asked for here or never: a later request for cosine is silently ignored.
        collection = client.create_collection(
            "passages",
            configuration={"hnsw": {"space": "cosine", **HNSW}},
            embedding_function=None,
        )
        for first in range(0, len(vectors), CHROMA_BATCH):
            batch = vectors[first : first + CHROMA_BATCH]
            ids = [str(row) for row in range(first, first + len(batch))]
            collection.add(ids=ids, embeddings=batch)
    finally:
        client.close()


def _held(found: Any) -> tuple[list[str], list[Any]]:
    vectors = found["embeddings"]
    return found["ids"], [] if vectors is None else list(vectors)


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(
        path=str(folder), settings=Settings(anonymized_telemetry=False)
    )


def _open_collection(folder: Path, rows: int) -> tuple[Any, Any]:
    if not folder.is_dir():
        raise StoreError(f"{folder}: is missing; run `knee-hip ingest --force`")
    with _translated(folder):
        client = _client(folder)
        collection = client.get_collection("passages", embedding_function=None)
        count = collection.count()
        space = collection.configuration_json["hnsw"]["space"]
    if count != rows or space != "cosine":
        raise StoreError(
            f"{folder}: holds {count} rows in {space} space, not {rows} in cosine; "
            "run `knee-hip ingest --force`"
        )
    return client, collection


def _check_database(folder: Path) -> None:
    """Raise a `StoreError` where Chroma's database is missing or damaged, without Chroma."""
    database = folder / "chroma.sqlite3"
    try:
        address = f"file:{pathname2url(str(database.absolute()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        said = str(error)
    if said != "ok":
        raise StoreError(
            f"{database}: cannot be used ({squeeze(said)[:200]}); run `knee-hip ingest --force`"
        )


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Whatever Chroma raises over a damaged folder or a full disk, as a `StoreError`."""
    try:
        yield
    except BaseException as error:  # Its Rust core panics with one that is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise StoreError(
                f"{folder}: Chroma cannot use it ({type(error).__name__}: "
                f"{squeeze(str(error))[:200]}); check that it may be written and has space, then "
                "run `knee-hip ingest --force`"
            ) from error
        raise


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _read_rows(path: Path, parse: Callable[[Any], Row]) -> list[Row]:
    with path.open(encoding="utf-8", newline="\n") as file:
        return [parse(json.loads(line)) for line in file]


def _passage(row: Any) -> Passage:
    return Passage(Span(**row["span"]), tuple(row["section"]), row["quote"], row["embedded_text"])


def _question(row: Any) -> IndexedQuestion:
    passage_ids = tuple(map(sys.intern, row["passage_ids"]))  # Each stands in many rows.
    return IndexedQuestion(row["text"], passage_ids, row["disagreement"])
