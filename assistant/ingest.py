"""A corpus folder → passages → an index of its own; only what changed is embedded.

Nothing is searched or answered here. A build that fails or is killed leaves the index in use
as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.answerability import AnswerCheck, train
from assistant.articles import SPLITTER_VERSION, load_corpus
from assistant.disagreements import DISAGREEMENTS_FILE, load_disagreements
from assistant.encoder import Encoder, Vectors
from assistant.errors import AssistantError, StoreError
from assistant.finder import FINDER_FILE, Finder, load_finder, question_key
from assistant.generations import (
    current_generation,
    file_sha256,
    new_generation,
    seal,
    writer_lock,
)
from assistant.index import Index, IndexedQuestion, write_index
from assistant.known import Known, learn
from assistant.left_out import rules_sha256
from assistant.questions import EXAMPLES_FILE, QUESTIONS_FILE, WrittenQuestion, load_questions
from assistant.reader import load_reader
from assistant.settings import Settings
from assistant.sources import SOURCES_FILE
from assistant.text import sha256_text, squeeze
from assistant.topics import TopicExample, load_topics
from assistant.types import Article, Passage, Sentence, Span
from assistant.words import WordIndex

Progress = Callable[[str, float], None]

BUILD_VERSION: Final = "7"
_PROGRESS_BATCH: Final = 256
_RECORDED_LIBRARIES: Final = ("chromadb", "sentence-transformers", "bm25s", "scikit-learn")


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did. `built` is False where nothing had changed."""

    built: bool
    articles: int
    passages: int
    questions: int
    embedded: int
    carried_over: int


def no_progress(message: str, fraction: float) -> None:
    """Tell nobody."""


def iter_passages(article: Article, passage_chars: int) -> Iterator[Passage]:
    """The passages of an article, in order.

    Args:
        passage_chars: neighbouring sentences of one block are joined while the passage stays
            within so many characters; 0 makes each sentence a passage.
    """
    group: list[Sentence] = []
    for sentence in (s for s in article.sentences if s.quotable):
        if group and (
            sentence.block != group[0].block
            or sentence.span.end - group[0].span.start > passage_chars
            or not _adjacent(article, group[-1].span, sentence.span)
        ):
            yield _passage(article, group)
            group = []
        group.append(sentence)
    if group:
        yield _passage(article, group)


def _adjacent(article: Article, first: Span, second: Span) -> bool:
    """Whether only white space stands between; left-out text must never come into a passage."""
    return not article.text[first.end : second.start].strip()


def _passage(article: Article, sentences: Sequence[Sentence]) -> Passage:
    first = sentences[0]
    span = Span(article.id, first.span.start, sentences[-1].span.end)
    quote = article.quote(span)
    context = " › ".join(part for part in (*first.section, first.owner) if part)
    return Passage(span, first.section, quote, f"{context}: {squeeze(quote)}")


def corpus_facts(
    settings: Settings, encoder: Encoder, articles: Mapping[str, Article]
) -> dict[str, Any]:
    """What an index is built from, cheap to compute: two equal facts need no new index."""
    beside = {
        name: file_sha256(settings.corpus / name)
        for name in (SOURCES_FILE, QUESTIONS_FILE, DISAGREEMENTS_FILE, FINDER_FILE, EXAMPLES_FILE)
        if (settings.corpus / name).is_file()
    }
    return {
        "articles": {article.id: article.sha256 for article in articles.values()},
        "beside": beside,
        "model": encoder.name,
        "reader": load_reader().sha256,
        "left_out": rules_sha256(),
        "splitter": f"{SPLITTER_VERSION}, passage_chars={settings.passage_chars}",
        "topics": _topics_sha256(),
        "build": BUILD_VERSION,
    }


def ingest(
    settings: Settings,
    encoder: Encoder,
    progress: Progress = no_progress,
    force: bool = False,
    finish: Callable[[Path], None] | None = None,
) -> IngestReport:
    """Build the index of ``settings.corpus`` if anything it is made of has changed.

    Args:
        progress: called with what is being done and the fraction done, from 0 to 1.
        force: build it anew, every vector included.
        finish: adds to the new generation what only an assistant over it can tell, before it is
            switched to.

    Raises:
        CorpusError: an article cannot be used; the index in use is untouched.
        StoreError: the index cannot be written, or another process is building it.
    """
    progress("reading the articles", 0.0)
    folder = settings.index_folder
    load_corpus(settings.corpus)  # What is wrong with it is told before a folder is made for it.
    with writer_lock(folder):
        articles = load_corpus(settings.corpus)
        facts = corpus_facts(settings, encoder, articles)
        written = load_questions(settings.corpus, articles)
        previous = None if force else _previous_index(settings)
        if previous and all(previous.manifest.get(key) == value for key, value in facts.items()):
            return IngestReport(
                False,
                len(articles),
                len(previous.passages),
                len(previous.questions),
                0,
                len(previous.passages),
            )
        passages = [
            passage
            for article in articles.values()
            for passage in iter_passages(article, settings.passage_chars)
        ]
        questions = [_indexed(question, passages) for question in written]
        questions += [
            IndexedQuestion(text, _ids(passages, differs.spans), differs.id)
            for differs in load_disagreements(settings.corpus, articles)
            for text in differs.questions
        ]
        same_model = previous is not None and previous.manifest.get("model") == encoder.name
        kept = previous.stored_vectors() if previous and same_model else {}
        topics = load_topics()
        if previous and same_model:
            kept.update(_topic_vectors(previous, topics))
        texts = [p.embedded_text for p in passages] + [q.text for q in questions]
        vectors, embedded = _encode(
            encoder, [*texts, *(topic.text for topic in topics)], kept, progress
        )
        vectors, topic_vectors = np.split(vectors, [len(texts)])
        progress("training the check of answers", 0.9)
        words = WordIndex.build(passages, questions)
        of_passages, of_questions = vectors[: len(passages)], vectors[len(passages) :]
        rows = {passage.id: row for row, passage in enumerate(passages)}
        known, resembled = learn(rows, questions, of_questions, topics, topic_vectors)
        finder = load_finder(settings.corpus, passages, facts["reader"])
        found = _left_out(finder, questions, topics) if finder else None
        check = train(of_passages, questions, of_questions, topics, topic_vectors, resembled, found)
        progress("writing the index", 0.95)
        with new_generation(folder) as generation:
            libraries = {name: version(name) for name in _RECORDED_LIBRARIES}
            write_index(
                generation,
                passages,
                of_passages,
                questions,
                of_questions,
                {
                    **facts,
                    "libraries": libraries,
                    "dimensions": int(vectors.shape[1]),
                },
                lambda home: _save(home, words, known, check),
            )
            if finish is None:
                Index(generation)
            else:
                progress("trying the suggestions", 0.97)
                finish(generation)
                seal(generation)
    progress("done", 1.0)
    return IngestReport(
        True,
        len(articles),
        len(passages),
        len(questions),
        embedded,
        len(texts) + len(topics) - embedded,
    )


def open_index(
    settings: Settings, encoder: Encoder, articles: Mapping[str, Article] | None = None
) -> Index:
    """The index in use, after it was found to fit the corpus, the model and the settings.

    Args:
        articles: the corpus, where it has been read already.

    Raises:
        StoreError: there is none, it is damaged, or something has changed since it was built.
    """
    generation = current_generation(settings.index_folder)
    if generation is None:
        raise StoreError(f"{settings.index_folder}: no index yet; run `knee-hip ingest`")
    articles = articles or load_corpus(settings.corpus)
    index = Index(generation)
    for key, value in corpus_facts(settings, encoder, articles).items():
        if index.manifest.get(key) != value:
            raise StoreError(
                f"{settings.corpus}: {_difference(key, index.manifest.get(key), value)} since "
                "the index was built; run `knee-hip ingest`"
            )
    for passage in index.passages:
        if articles[passage.span.article_id].quote(passage.span) != passage.quote:
            raise StoreError(
                f"{settings.index_folder}: {passage.id} is not what the article says there; "
                "run `knee-hip ingest --force`"
            )
    return index


def _difference(key: str, before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        return f"{', '.join(changed)} changed"
    return f"the {key} changed from {str(before)[:60]!r} to {str(now)[:60]!r}"


def _previous_index(settings: Settings) -> Index | None:
    """The index in use if it can be opened: a damaged one is rebuilt, not carried over."""
    try:
        generation = current_generation(settings.index_folder)
        return Index(generation) if generation else None
    except AssistantError:
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
    if previous.manifest.get("topics") != _topics_sha256():
        return {}
    try:
        known = Known.load(previous.generation).topic_vectors
    except StoreError:
        return {}
    return {topic.text: known[row] for row, topic in enumerate(topics)}


def _topics_sha256() -> str:
    return sha256_text("\n".join(f"{topic.topic} {topic.text}" for topic in load_topics()))


def _save(generation: Path, words: WordIndex, known: Known, check: AnswerCheck) -> None:
    words.save(generation)
    known.save(generation)
    check.save(generation)


def _indexed(question: WrittenQuestion, passages: Sequence[Passage]) -> IndexedQuestion:
    return IndexedQuestion(question.text, _ids(passages, question.spans))


def _ids(passages: Sequence[Passage], spans: Sequence[Span]) -> tuple[str, ...]:
    """Ids of the passages that touch any of the spans, in reading order."""
    return tuple(p.id for p in passages if any(p.span.overlaps(span) for span in spans))


def _encode(
    encoder: Encoder, texts: Sequence[str], known: Mapping[str, Vectors], progress: Progress
) -> tuple[Vectors, int]:
    """Vectors of `texts` in order, those in `known` not encoded again; how many were encoded."""
    missing = list(dict.fromkeys(text for text in texts if text not in known))
    found = dict(known)
    for first in range(0, len(missing), _PROGRESS_BATCH):
        batch = missing[first : first + _PROGRESS_BATCH]
        progress(f"reading passages, {first} of {len(missing)}", 0.9 * first / len(missing))
        found.update(zip(batch, encoder.encode(batch), strict=True))
    if not texts:
        return encoder.encode([]), 0
    return np.stack([found[text] for text in texts]).astype(np.float32), len(missing)
