"""What an index is built from, and whether that is still so when it is opened.

An index that does not fit the corpus, the model or the settings is an error that says what differs
and what to run; never a wrong citation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assistant.articles import SPLITTER_VERSION
from assistant.corpus import Corpus, read_corpus
from assistant.disagreements import DISAGREEMENTS_FILE
from assistant.documents import EXTRACTOR_VERSION
from assistant.encoder import Encoder
from assistant.errors import CorpusError, StoreError
from assistant.finder import FINDER_FILE
from assistant.generations import current_generation, file_sha256
from assistant.index import Index
from assistant.left_out import rules_sha256
from assistant.questions import EXAMPLES_FILE, MODEL_FILE, QUESTIONS_FILE
from assistant.reader import load_reader
from assistant.settings import Settings
from assistant.sources import SOURCES_FILE
from assistant.text import sha256_text
from assistant.texts import TextStore
from assistant.topics import load_topics

BUILD_VERSION: Final = "10"
BESIDE: Final = (
    SOURCES_FILE,
    QUESTIONS_FILE,
    MODEL_FILE,
    DISAGREEMENTS_FILE,
    FINDER_FILE,
    EXAMPLES_FILE,
)


def hash_beside(corpus: Path) -> dict[str, str]:
    """SHA-256 of each file beside the articles that says something of them.

    Raises:
        CorpusError: one cannot be read.
    """
    found = {}
    for name in BESIDE:
        # Of what lies beside a single file only the facts about it are read.
        path = corpus / name if corpus.is_dir() else corpus.parent / name
        if path.is_file() and (corpus.is_dir() or name == SOURCES_FILE):
            try:
                found[name] = file_sha256(path)
            except OSError as error:
                raise CorpusError(
                    f"{path}: cannot be read ({error.strerror or error}); check that you may"
                ) from error
    return found


def corpus_facts(
    settings: Settings, encoder: Encoder, corpus: Corpus, beside: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What an index is built from, cheap to compute: two equal facts need no new index.

    Args:
        beside: as `hash_beside` gave it before the corpus was read, where that matters.
    """
    beside = hash_beside(settings.corpus) if beside is None else dict(beside)
    return {
        "articles": {article.id: article.sha256 for article in corpus.articles.values()},
        "originals": {name: text.original.sha256 for name, text in corpus.texts.items()},
        "beside": beside,
        "model": encoder.name,
        "reader": load_reader().sha256,
        "extractor": EXTRACTOR_VERSION,
        "splitter": f"{SPLITTER_VERSION}, passage_chars={settings.passage_chars}",
        "left_out_rules": rules_sha256(),
        "topics": topics_sha256(),
        "build": BUILD_VERSION,
    }


def topics_sha256() -> str:
    """What the examples of other topics are, in one hash."""
    return sha256_text("\n".join(f"{topic.topic} {topic.text}" for topic in load_topics()))


def open_index(settings: Settings, encoder: Encoder, corpus: Corpus | None = None) -> Index:
    """The index in use, after it was found to fit the corpus, the model and the settings.

    Args:
        corpus: the articles, where they have been read already.

    Raises:
        StoreError: there is none, it is damaged, or something has changed since it was built.
    """
    index = open_current(settings)
    if index is None:
        raise StoreError(f"{settings.index_folder}: no index yet; run `knee-hip ingest`")
    texts = TextStore(settings.index_folder)
    corpus = corpus or read_corpus(settings.corpus, texts)
    for key, value in corpus_facts(settings, encoder, corpus).items():
        if index.manifest.get(key) != value:
            said = _difference(key, index.manifest.get(key), value, corpus)
            raise StoreError(
                f"{settings.corpus}: {said} since the index was built; run `knee-hip ingest`"
            )
    texts.check(text.name for text in corpus.texts.values())
    for passage in index.passages:
        if corpus.articles[passage.span.article_id].quote(passage.span) != passage.quote:
            raise StoreError(
                f"{settings.index_folder}: {passage.id} is not what the article says there; "
                "run `knee-hip ingest --force`"
            )
    return index


def open_current(settings: Settings) -> Index | None:
    """The generation in use, None where there is none; whether it fits is not looked at.

    Raises:
        StoreError: it is damaged.
    """
    while (generation := current_generation(settings.index_folder)) is not None:
        try:
            return Index(generation)
        except StoreError:
            # A build may have switched to another and removed this one meanwhile.
            if current_generation(settings.index_folder) == generation:
                raise
    return None


def _difference(key: str, before: Any, now: Any, corpus: Corpus) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        reasons = [reason for name in changed if (reason := corpus.reason(name))]
        return f"{', '.join(changed)} changed" + (f" ({'; '.join(reasons)})" if reasons else "")
    return f"the {key} changed from {str(before)[:60]!r} to {str(now)[:60]!r}"
