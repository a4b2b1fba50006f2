"""How an assistant is put together over a corpus, and how its index is built.

`Assistant` itself, with the path of a question, is in ``asking``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assistant.answerability import AnswerCheck
from assistant.asking import Assistant, Explanation
from assistant.conversation import Conversation
from assistant.corpus import Corpus, read_corpus
from assistant.corpus_words import gaps_of
from assistant.disagreements import load_disagreements, load_findings
from assistant.encoder import Encoder, build_encoder
from assistant.finder import load_finder
from assistant.generations import current_generation
from assistant.generator import build_generator
from assistant.guardrails import Guardrails
from assistant.index import Index
from assistant.ingest import IngestReport, ingest, no_progress
from assistant.lexicon import load_lexicon
from assistant.opening import open_index
from assistant.questions import load_examples
from assistant.reader import load_reader
from assistant.reranker import CrossEncoderReranker
from assistant.retriever import Retriever
from assistant.settings import Settings, quiet_environment
from assistant.sources import load_about
from assistant.suggestions import (
    SHOWN,
    iter_candidates,
    iter_ideas,
    load_suggestions,
    save_suggestions,
)
from assistant.texts import TextStore
from assistant.types import Progress

__all__ = ["Assistant", "Explanation", "build_assistant", "build_index"]


def build_assistant(
    settings: Settings,
    progress: Progress | None = None,
    encoder: Encoder | None = None,
    build_missing: bool = True,
) -> Assistant:
    """Open the corpus's index, building it if there is none, and put an assistant together.

    Args:
        progress: called with what is being done and the fraction done, from 0 to 1.
        encoder: another one than the settings name, for tests.

    Raises:
        AssistantError: what the operator has to repair, in one line.
    """
    quiet_environment()
    tell: Progress = progress or no_progress
    encoder = encoder or build_encoder(settings.model)
    if build_missing and current_generation(settings.index_folder) is None:
        for reason in build_index(settings, encoder, tell).failed.values():
            tell(f"left out: {reason}", 0.98)
    # Before anything else is held: while it is loaded, its weights are there twice.
    tell("loading the model", 0.98)
    encoder.encode(["ready"])
    tell("opening the index", 0.99)
    corpus = read_corpus(settings.corpus, TextStore(settings.index_folder))
    index = open_index(settings, encoder, corpus)
    assistant = _assemble(settings, encoder, corpus, index)
    assistant.warm_up()
    tell("ready", 1.0)
    return assistant


def build_index(
    settings: Settings,
    encoder: Encoder,
    progress: Progress = no_progress,
    force: bool = False,
    strict: bool = False,
    vectors: Path | None = None,
) -> IngestReport:
    """`ingest`, and every question that may be suggested run through the whole path.

    Raises:
        AssistantError: as `ingest`; the index in use is untouched.
    """

    def finish(generation: Path) -> None:
        corpus = read_corpus(settings.corpus, TextStore(settings.index_folder))
        # A suggestion is known to be answered by the articles, whatever model there is.
        quoting = replace(settings, chat_model="")
        assistant = _assemble(quoting, encoder, corpus, Index(generation))
        questions = assistant.retriever.index.questions
        known = assistant.answered_of(list(iter_candidates(questions)))
        examples = assistant.answered_of(load_examples(settings.corpus))
        if not examples and not known:
            examples = assistant.answered_ideas(list(iter_ideas(corpus.articles)))
        save_suggestions(generation, known, examples or known[:SHOWN])

    return ingest(settings, encoder, progress, force, finish, strict, vectors)


def _assemble(settings: Settings, encoder: Encoder, corpus: Corpus, index: Index) -> Assistant:
    articles = corpus.articles
    suggestions = load_suggestions(index.generation, index.questions)
    about = load_about(settings.corpus).about
    guardrails = Guardrails(
        settings.country or None, gaps=gaps_of(articles, about, suggestions.examples)
    )
    reader = load_reader()
    retriever = Retriever(
        index,
        encoder,
        finder=load_finder(settings.corpus, index.passages, reader.sha256),
        hidden=lambda texts: [read.hidden for read in guardrails.impressions(texts)],
        reranker=(CrossEncoderReranker(Path(settings.reranker)) if settings.reranker else None),
        mend=reader.mend,
    )
    return Assistant(
        settings,
        articles,
        load_disagreements(settings.corpus, articles, corpus.missing),
        load_findings(settings.corpus, articles, corpus.missing),
        retriever,
        AnswerCheck.load(index.generation),
        guardrails,
        Conversation(articles, load_lexicon(settings.corpus)),
        suggestions,
        build_generator(settings),
    )
