"""A corpus folder → passages → an index of its own; only what changed is embedded.

Nothing is searched or answered here. A build that fails or is killed leaves the index in use
as it was. A file that cannot be used is named with its reason, and the others are indexed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.answerability import train
from assistant.bulk import load_vectors
from assistant.corpus import Corpus, hash_files, read_corpus
from assistant.disagreements import load_disagreements
from assistant.encoder import Encoder, Vectors
from assistant.errors import CorpusError, StoreError
from assistant.finder import Finder, load_finder, question_key
from assistant.generations import new_generation, seal, writer_lock
from assistant.index import Index, IndexedQuestion, write_index
from assistant.known import Known, learn
from assistant.opening import BESIDE, corpus_facts, hash_beside, open_current, topics_sha256
from assistant.passages import iter_passages
from assistant.questions import load_questions
from assistant.settings import Settings
from assistant.texts import TextStore
from assistant.topics import TopicExample, load_topics
from assistant.types import Passage, Progress, Span
from assistant.words import WordIndex

_PROGRESS_BATCH: Final = 256
_RECORDED_LIBRARIES: Final = (
    "chromadb",
    "onnxruntime",
    "sentence-transformers",
    "bm25s",
    "scikit-learn",
)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did, or would do. `built` is False where nothing had changed.

    Attributes:
        embedded: how many texts the model had to read, of passages, questions and examples.
        carried_over: how many vectors were taken from the index before, or from a file.
        failed: the reason why a file was left out, by its path below the corpus folder.
    """

    built: bool
    articles: int
    passages: int
    questions: int
    embedded: int
    carried_over: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an ingest has to do: everything that is known before a text is encoded.

    Attributes:
        previous: the index in use, where it can be opened.
        kept: vectors that need not be computed, by text.
        texts_whole: whether the stored texts are there and may be used.
    """

    corpus: Corpus
    facts: Mapping[str, Any]
    passages: Sequence[Passage]
    questions: Sequence[IndexedQuestion]
    topics: Sequence[TopicExample]
    previous: Index | None
    kept: Mapping[str, Vectors]
    texts_whole: bool

    @property
    def texts(self) -> list[str]:
        """Every text that needs a vector: passages, questions, examples of other topics."""
        return [
            *(passage.embedded_text for passage in self.passages),
            *(question.text for question in self.questions),
            *(topic.text for topic in self.topics),
        ]

    @property
    def to_embed(self) -> list[str]:
        """The texts that have to be encoded, each once."""
        return list(dict.fromkeys(text for text in self.texts if text not in self.kept))

    @property
    def unchanged(self) -> bool:
        """Whether the index in use is built from exactly this."""
        before = self.previous.manifest if self.previous else {}
        return self.texts_whole and all(before.get(k) == v for k, v in self.facts.items())

    def report(self, built: bool) -> IngestReport:
        """What is done by carrying it out."""
        texts, to_embed = len(set(self.texts)), len(self.to_embed)
        before = dict(self.previous.manifest.get("articles", {})) if self.previous else {}
        now = self.facts["articles"]
        return IngestReport(
            built,
            len(now),
            len(self.passages),
            len(self.questions),
            to_embed,
            texts - to_embed,
            tuple(sorted(set(now) - set(before))),
            tuple(sorted(name for name in now if before.get(name, now[name]) != now[name])),
            tuple(sorted(set(before) - set(now))),
            {name: str(error) for name, error in self.corpus.failed.items()},
        )


def no_progress(message: str, fraction: float) -> None:
    """Tell nobody."""


def make_plan(
    settings: Settings,
    encoder: Encoder,
    force: bool = False,
    strict: bool = False,
    vectors: Path | None = None,
) -> Plan:
    """Find out what an ingest would do; writes nothing.

    Args:
        force: take nothing over from the index in use.
        strict: a file that cannot be used is an error.
        vectors: a file of vectors that were computed elsewhere (``bulk``).

    Raises:
        CorpusError: no article can be used, or what is beside them is wrong.
        UsageError: the file of vectors cannot be used.
    """
    beside = hash_beside(settings.corpus)
    corpus = _read(settings, force)
    if strict and corpus.failed:
        raise CorpusError(" | ".join(str(error) for error in corpus.failed.values()))
    facts = corpus_facts(settings, encoder, corpus, beside)
    written = load_questions(settings.corpus, corpus.articles, corpus.missing)
    differences = load_disagreements(settings.corpus, corpus.articles, corpus.missing)
    passages = [
        passage
        for article in corpus.articles.values()
        for passage in iter_passages(article, settings.passage_chars)
    ]
    ids_at = _ids_at(passages)
    questions = [IndexedQuestion(question.text, ids_at(question.spans)) for question in written]
    questions += [
        IndexedQuestion(text, ids_at(differs.spans), differs.id)
        for differs in differences
        for text in differs.questions
    ]
    topics = load_topics()
    previous = _previous_index(settings)
    kept: dict[str, Vectors] = {}
    if previous and not force and previous.manifest.get("model") == encoder.name:
        kept = {**previous.stored_vectors(), **_topic_vectors(previous, topics)}
    stored = set(TextStore(settings.index_folder).names())
    whole = not force and all(text.name in stored for text in corpus.texts.values())
    plan = Plan(corpus, facts, passages, questions, topics, previous, kept, whole)
    if vectors is not None:
        kept.update(load_vectors(vectors, plan.to_embed, encoder))
    return plan


def ingest(
    settings: Settings,
    encoder: Encoder,
    progress: Progress = no_progress,
    force: bool = False,
    finish: Callable[[Path], None] | None = None,
    strict: bool = False,
    vectors: Path | None = None,
) -> IngestReport:
    """Build the index of ``settings.corpus`` if anything it is made of has changed.

    Args:
        progress: called with what is being done and the fraction done, from 0 to 1.
        force: build it anew, every vector included.
        finish: adds to the new generation what only an assistant over it can tell, before it is
            switched to.
        strict: a file that cannot be used is an error; otherwise the report names it.
        vectors: a file of vectors that were computed elsewhere (``bulk``).

    Raises:
        CorpusError: no article can be used, or one was changed meanwhile; the index in use is
            untouched.
        StoreError: the index cannot be written, or another process is building it.
        UsageError: the file of vectors cannot be used.
    """
    progress("reading the articles", 0.0)
    folder = settings.index_folder
    hash_files(settings.corpus)  # A wrong path is told before a folder is made for it.
    with writer_lock(folder):
        plan = make_plan(settings, encoder, force, strict, vectors)
        if plan.unchanged:
            return plan.report(built=False)
        found = _encode(encoder, plan.texts, plan.to_embed, plan.kept, progress)
        texts = TextStore(folder)
        with new_generation(folder) as generation:
            texts.keep(plan.corpus.texts.values())
            _write(settings, generation, plan, found, progress)
            del found  # A new index is opened twice now, and at scale all this is much.
            if finish:
                progress("trying the suggestions", 0.96)
                finish(generation)
                seal(generation)
            progress("checking the index", 0.98)
            Index(generation).check_every_vector()
            _check_files(settings, plan)
        texts.forget_others(_texts_to_keep(plan, texts))
    progress("done", 1.0)
    return plan.report(built=True)


def _write(
    settings: Settings, generation: Path, plan: Plan, vectors: Vectors, progress: Progress
) -> None:
    """Train what has to be trained, and write a whole generation."""
    sizes = np.cumsum([len(plan.passages), len(plan.questions)])
    of_passages, of_questions, of_topics = np.split(vectors, sizes)
    progress("training the check of answers", 0.9)
    words = WordIndex.build(plan.passages, plan.questions)
    rows = {passage.id: row for row, passage in enumerate(plan.passages)}
    known, resembled = learn(rows, plan.questions, of_questions, plan.topics, of_topics)
    finder = load_finder(settings.corpus, plan.passages, plan.facts["reader"])
    found = _left_out(finder, plan.questions, plan.topics) if finder else None
    check = train(
        of_passages, plan.questions, of_questions, plan.topics, of_topics, resembled, found
    )

    def extras(home: Path) -> None:
        words.save(home)
        known.save(home)
        check.save(home)

    progress("writing the index", 0.94)
    write_index(
        generation,
        plan.passages,
        of_passages,
        plan.questions,
        of_questions,
        {
            **plan.facts,
            "libraries": {name: version(name) for name in _RECORDED_LIBRARIES},
            "dimensions": int(vectors.shape[1]),
            "texts": _texts_to_keep(plan, TextStore(settings.index_folder)),
        },
        extras,
    )


def _texts_to_keep(plan: Plan, texts: TextStore) -> list[str]:
    """Names of the stored texts of this generation and of all before it, in order."""
    whole = set(texts.names())
    kept = whole & set(plan.previous.manifest.get("texts", ())) if plan.previous else whole
    return sorted({*kept, *(text.name for text in plan.corpus.texts.values())})


def _read(settings: Settings, force: bool) -> Corpus:
    """The corpus; texts that were stored but are damaged are extracted again."""
    try:
        return read_corpus(settings.corpus, None if force else TextStore(settings.index_folder))
    except StoreError:
        return read_corpus(settings.corpus)


def _check_files(settings: Settings, plan: Plan) -> None:
    """Raise where a file is not what it was when it was read."""
    now = hash_files(settings.corpus)
    read = {name: text.original.sha256 for name, text in plan.corpus.texts.items()}
    changed = sorted(name for name, sha256 in read.items() if now.get(name) != sha256)
    beside = hash_beside(settings.corpus)
    changed += sorted(name for name in BESIDE if beside.get(name) != plan.facts["beside"].get(name))
    if changed:
        raise CorpusError(
            f"{settings.corpus}: {', '.join(changed)} changed while it was being read; the index "
            "in use stays; run `knee-hip ingest` again"
        )


def _previous_index(settings: Settings) -> Index | None:
    """The index in use if it can be opened: a damaged one is rebuilt, not carried over."""
    try:
        return open_current(settings)
    except StoreError:
        return None


def _left_out(
    finder: Finder, questions: Sequence[IndexedQuestion], topics: Sequence[TopicExample]
) -> NDArray[np.float64]:
    """What the head says of each text as if it had been left out; not a number where unknown."""
    unknown = (np.nan, np.nan)
    texts = [*(question.text for question in questions), *(topic.text for topic in topics)]
    keys = map(question_key, texts)
    return np.array([finder.left_out.get(key, unknown) for key in keys], np.float64)


def _topic_vectors(previous: Index, topics: Sequence[TopicExample]) -> dict[str, Vectors]:
    """Vectors of the examples that an index was trained on, by text; none of others."""
    if previous.manifest.get("topics") != topics_sha256():
        return {}
    try:
        known = Known.load(previous.generation).topic_vectors
    except StoreError:
        return {}
    return {topic.text: known[row] for row, topic in enumerate(topics)}


def _ids_at(passages: Sequence[Passage]) -> Callable[[Sequence[Span]], tuple[str, ...]]:
    """What gives the ids of the passages that touch any of some spans, in reading order."""

    @cache  # Thousands of questions share a few hundred spans.
    def rows_at(span: Span) -> tuple[int, ...]:
        return tuple(row for row, p in enumerate(passages) if p.span.overlaps(span))

    def ids_at(spans: Sequence[Span]) -> tuple[str, ...]:
        rows = sorted({row for span in spans for row in rows_at(span)})
        return tuple(passages[row].id for row in rows)

    return ids_at


def _encode(
    encoder: Encoder,
    texts: Sequence[str],
    to_embed: Sequence[str],
    known: Mapping[str, Vectors],
    progress: Progress,
) -> Vectors:
    """Vectors of `texts` in order, those in `known` not encoded again."""
    rows = defaultdict(list)
    for row, text in enumerate(texts):
        rows[text].append(row)
    found = np.empty((len(texts), encoder.encode([]).shape[1]), np.float32)
    for text in known.keys() & rows.keys():
        found[rows[text]] = known[text]
    start = time.perf_counter()
    for first in range(0, len(to_embed), _PROGRESS_BATCH):
        batch = to_embed[first : first + _PROGRESS_BATCH]
        rate = first / (time.perf_counter() - start)
        progress(
            f"reading passages ({first} of {len(to_embed)}, {rate:.0f}/s)",
            0.9 * first / len(to_embed),
        )
        for text, vector in zip(batch, encoder.encode(batch), strict=True):
            found[rows[text]] = vector
    return found
