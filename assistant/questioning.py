"""The command ``ingest --questions``: a language model writes a question index for a corpus.

Section by section it is shown the sentences that may be quoted. What it writes is kept only where
the retriever, which does not know the question yet, finds its sentence, or, of a near miss, where
nothing would be given as an answer. It is added to ``questions-by-model.jsonl`` in the corpus
folder, for a person to read and correct; no line that is there is touched, and no stretch that has
lines is asked about again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from assistant.asking import Assistant
from assistant.encoder import Encoder
from assistant.errors import ChatError, CorpusError, SettingsError, UsageError
from assistant.generator import Budget, Questioner
from assistant.generator.model import BAD_KEY, COSTS, NO_MODEL
from assistant.generator.questioner import SENTENCES, Proposed
from assistant.pipeline import build_assistant
from assistant.questions import MODEL_FILE, load_questions, normal_question
from assistant.settings import Settings
from assistant.text import sha256_text, words
from assistant.types import Article, Kind, Outcome, Passage, Progress
from assistant.words import stems

# Its sentence has to be among the first so many found.
FIRST: Final = 5
# After so many failures in a row the model is not asked again.
MAX_FAILURES: Final = 3
_HOPELESS: Final = frozenset((BAD_KEY, NO_MODEL, COSTS))
_MIN_TELLING: Final = 4
_PLAIN_KINDS: Final = frozenset(
    (Kind.IN_SCOPE, Kind.NOT_COVERED, Kind.OFF_TOPIC, Kind.DIAGNOSIS, Kind.PERSONAL_PLAN)
)
_MISSED_KINDS: Final = frozenset((Kind.NOT_COVERED, Kind.OFF_TOPIC))

UNREADABLE: Final = "the language model's reply is not what was asked for"
TOO_LONG: Final = "a sentence is too long to be asked about"
ASKED_BEFORE: Final = "asked already"
NOT_FOUND: Final = f"does not find its sentence among the first {FIRST}"
ANSWERED: Final = "meant as a near miss, but answered"
ELSEWHERE: Final = "meant as a near miss, but on another topic"


@dataclass(frozen=True, slots=True)
class Piece:
    """Sentences of one section that the model is shown at once; `key` changes with their words."""

    key: str
    article: str
    section: tuple[str, ...]
    passages: tuple[Passage, ...]

    @property
    def heading(self) -> str:
        """Where they stand, from the title down."""
        return " › ".join(self.section)


@dataclass(slots=True)
class QuestionReport:
    """What a run did: pieces of sections, questions, and what it took.

    Attributes:
        sections: how many pieces there are to ask about.
        done_before: those that had lines in the file already.
        left: those that were not asked about, or in vain.
        dropped: how many questions were not kept, by reason.
        failed: how many pieces the model gave nothing for, by reason.
    """

    file: str
    model: str
    sections: int = 0
    done_before: int = 0
    asked: int = 0
    left: int = 0
    kept: int = 0
    near_misses: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def require_model(settings: Settings) -> None:
    """Raise where the settings name no model to write questions, or no folder to write to.

    Raises:
        SettingsError: there is no model.
        UsageError: the corpus is a single file.
    """
    if not settings.uses_chat_model:
        raise SettingsError(
            "--questions needs a language model that writes them; name one with --chat-model "
            "(README, “With a language model”)"
        )
    if not settings.corpus.is_dir():
        raise UsageError(f"{settings.corpus}: is no folder that a file of questions can lie in")


def write_questions(
    settings: Settings,
    questioner: Questioner,
    encoder: Encoder,
    progress: Progress,
    assistant: Assistant | None = None,
) -> QuestionReport:
    """Ask the model about every piece of the corpus that has no line yet, and add what is kept.

    What is kept of a piece is written before the next is asked about, so that nothing is lost
    when the model fails or the run is stopped.

    Raises:
        CorpusError: the file cannot be written, or a line of it is wrong.
    """
    # The retriever that a question has to find its sentence with does not know it, nor the model.
    assistant = assistant or build_assistant(replace(settings, chat_model=""), progress, encoder)
    path = settings.corpus / MODEL_FILE
    report = QuestionReport(str(path), questioner.name)
    known = {normal_question(q.text) for q in load_questions(settings.corpus, assistant.articles)}
    pieces = pieces_of(assistant.articles, assistant.retriever.index.passages)
    done = keys_in(path)
    todo = [piece for piece in pieces if piece.key not in done]
    report.sections, report.done_before = len(pieces), len(pieces) - len(todo)
    spent = Budget(float("inf"))
    in_vain = 0
    for number, piece in enumerate(todo):
        progress(f"writing questions ({number} of {len(todo)})", number / len(todo))
        failure = _ask_about(piece, questioner, assistant, known, spent, path, report)
        in_vain = in_vain + 1 if failure else 0
        if failure in _HOPELESS or in_vain >= MAX_FAILURES:
            break
    report.left = len(todo) - report.asked
    report.requests, report.cost = spent.requests, spent.cost
    report.tokens_in, report.tokens_out = spent.tokens_in, spent.tokens_out
    return report


def _ask_about(
    piece: Piece,
    questioner: Questioner,
    assistant: Assistant,
    known: set[str],
    spent: Budget,
    path: Path,
    report: QuestionReport,
) -> str:
    """Ask about one piece and write what is kept; why the model gave nothing, or empty."""
    sentences = [passage.quote for passage in piece.passages]
    if not questioner.fits(piece.heading, sentences):
        report.failed[TOO_LONG] += 1
        return ""
    try:
        proposals = questioner.propose(piece.heading, sentences, spent)
    except ChatError as error:
        report.failed[str(error)] += 1
        return str(error)
    if not proposals.readable:
        report.failed[UNREADABLE] += 1
        return UNREADABLE
    report.asked += 1
    report.dropped.update(proposals.refused)
    rows = []
    for proposed in proposals.proposed:
        if reason := _fault(proposed, piece, assistant, known):
            report.dropped[reason] += 1
            continue
        known.add(normal_question(proposed.question))
        rows.append(_row(proposed, piece))
        report.kept += proposed.sentence is not None
        report.near_misses += proposed.sentence is None
    _append(path, rows)
    return ""


def _fault(proposed: Proposed, piece: Piece, assistant: Assistant, known: set[str]) -> str:
    """Why a question is not kept; empty where it is."""
    question = proposed.question
    if normal_question(question) in known:
        return ASKED_BEFORE
    answer = assistant.ask(question)
    if answer.kind not in _PLAIN_KINDS:
        return f"read as {answer.kind.value.replace('_', ' ')}"
    if proposed.sentence is not None:
        home = piece.passages[proposed.sentence].id
        hits = assistant.retriever.retrieve(question, FIRST).hits
        return "" if any(hit.passage.id == home for hit in hits) else NOT_FOUND
    if answer.outcome is Outcome.ANSWERED:
        return ANSWERED
    if answer.kind not in _MISSED_KINDS:
        return f"read as {answer.kind.value.replace('_', ' ')}"
    there = " ".join((piece.heading, *(passage.quote for passage in piece.passages)))
    return "" if _telling(question) & _telling(there) else ELSEWHERE


def _telling(text: str) -> frozenset[str]:
    return frozenset(s for word in words(text) if len(word) >= _MIN_TELLING for s in stems(word))


def pieces_of(articles: Mapping[str, Article], passages: Sequence[Passage]) -> list[Piece]:
    """The corpus in pieces of a section each; sentences that stand twice in an article left out,
    since a line of the file could not say which it means.
    """
    found: list[Piece] = []
    for (article, section), group in groupby(
        passages, lambda passage: (passage.span.article_id, passage.section)
    ):
        text = articles[article].text
        once = [passage for passage in group if text.count(passage.quote) == 1]
        for first in range(0, len(once), SENTENCES):
            part = tuple(once[first : first + SENTENCES])
            key = sha256_text("\n".join((article, *section, *(p.quote for p in part))))[:12]
            found.append(Piece(key, article, section, part))
    return found


def keys_in(path: Path) -> frozenset[str]:
    """The pieces that a file has lines of; the file was read by `load_questions` before."""
    return frozenset(str(row["of"]) for row in _rows(path) if row.get("of"))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text("utf-8").split("\n"):
            if line.strip():
                yield json.loads(line)


def _row(proposed: Proposed, piece: Piece) -> dict[str, Any]:
    where = {"section": piece.heading, "of": piece.key}
    if proposed.sentence is None:
        return {"question": proposed.question, "article": None, "why": proposed.why, **where}
    quote = piece.passages[proposed.sentence].quote
    return {"question": proposed.question, "article": piece.article, "quote": quote, **where}


def _append(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add lines at the end; a last line without its end gets one."""
    if not rows:
        return
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                text = text if file.read(1) == b"\n" else "\n" + text
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be written ({error.strerror or error}); what was written before stays"
        ) from error
