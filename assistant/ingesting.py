"""The command ``ingest``: what it does in which order, and what it prints."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from assistant.bulk import save_texts
from assistant.corpus import read_corpus
from assistant.encoder import build_encoder
from assistant.errors import UsageError
from assistant.generator import Questioner, build_questioner
from assistant.ingest import IngestReport, make_plan
from assistant.leaving import what_questions_send
from assistant.passages import iter_passages
from assistant.pipeline import build_index
from assistant.progress import shown_progress
from assistant.questioning import (
    QuestionReport,
    keys_in,
    pieces_of,
    require_model,
    write_questions,
)
from assistant.questions import MODEL_FILE
from assistant.settings import Settings
from assistant.texts import TextStore
from assistant.types import Article

_SHOWN: Final = 60
_NAMED: Final = 20


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Ingest; 1 if a file could not be used, or a section not asked about, though others were."""
    if arguments.questions:
        return _with_questions(arguments, settings)
    if arguments.explain:
        corpus = read_corpus(settings.corpus, TextStore(settings.index_folder))
        failed = {name: str(error) for name, error in corpus.failed.items()}
        _explain(corpus.articles.values(), failed, arguments.json)
        return _exit_code(failed)
    encoder = build_encoder(settings.model)
    if arguments.dry_run or arguments.texts:
        plan = make_plan(settings, encoder, arguments.force, arguments.strict)
        report = plan.report(built=False)
        if arguments.texts:
            _save_texts(arguments.texts, plan.to_embed)
        _print(report, arguments.json, "would be " if not plan.unchanged else "")
        return _exit_code(report.failed)
    with shown_progress() as progress:
        report = build_index(
            settings, encoder, progress, arguments.force, arguments.strict, arguments.vectors
        )
    _print(report, arguments.json, "")
    return _exit_code(report.failed)


def _with_questions(arguments: argparse.Namespace, settings: Settings) -> int:
    """Index, let the model write questions with that index, and take them in."""
    require_model(settings)
    questioner = build_questioner(settings)
    encoder = build_encoder(settings.model)
    print(what_questions_send(settings), file=sys.stderr)
    if arguments.dry_run:
        _print_requests(settings, questioner, arguments.json)
        return 0
    with shown_progress() as progress:
        build_index(settings, encoder, progress, arguments.force, arguments.strict)
        written = write_questions(settings, questioner, encoder, progress)
        report = build_index(settings, encoder, progress, strict=arguments.strict)
    if arguments.json:
        _print_json({**_facts(report), "written": written.to_json()})
    else:
        _print(report, False, "")
        _print_questions(written)
    if written.left:
        reasons = _counted(written.failed) or "the model failed too often in a row"
        print(
            f"{written.left} of {written.sections} stretches were not asked about ({reasons}); "
            "what was kept is written; run the same again for the others",
            file=sys.stderr,
        )
    return 1 if written.left else _exit_code(report.failed)


def _print_requests(settings: Settings, questioner: Questioner, as_json: bool) -> None:
    """What asking would take."""
    corpus = read_corpus(settings.corpus, TextStore(settings.index_folder))
    passages = [
        passage
        for article in corpus.articles.values()
        for passage in iter_passages(article, settings.passage_chars)
    ]
    done = keys_in(settings.corpus / MODEL_FILE)
    pieces = pieces_of(corpus.articles, passages)
    todo = [piece for piece in pieces if piece.key not in done]
    tokens = sum(questioner.tokens(p.heading, [q.quote for q in p.passages]) for p in todo)
    if as_json:
        _print_json({"sections": len(pieces), "requests": len(todo), "tokens_in": tokens})
    else:
        print(
            f"{len(todo)} requests of {tokens} tokens at most together, each answered with "
            f"{settings.chat_max_output_tokens} at most; {len(pieces) - len(todo)} stretches of "
            f"{len(pieces)} have questions already"
        )


def _print_questions(written: QuestionReport) -> None:
    print(
        f"{written.model}: {written.asked} stretches asked about, {written.done_before} done "
        f"before; {written.kept} questions and {written.near_misses} near misses kept, "
        f"{sum(written.dropped.values())} dropped"
        + (f" ({_counted(written.dropped)})" if written.dropped else "")
    )
    cost = f", cost {written.cost:.4f}" if written.cost else ""
    print(
        f"{written.requests} requests, {written.tokens_in} tokens in, {written.tokens_out} out"
        f"{cost}; read and correct {written.file}"
    )


def _counted(reasons: Counter[str]) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())


def _save_texts(path: Path, texts: Sequence[str]) -> None:
    try:
        save_texts(path, texts)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another") from error


def _exit_code(failed: Mapping[str, str]) -> int:
    """1 where files failed; each is named on stderr."""
    for reason in failed.values():
        print(f"left out: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _print(report: IngestReport, as_json: bool, would: str) -> None:
    if as_json:
        _print_json(_facts(report))
        return
    for said, names in (
        ("new", report.added),
        ("changed", report.changed),
        ("removed", report.removed),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            print(f"{said}: {', '.join(names[:_NAMED])}{more}")
    if report.built or would:
        print(
            f"{report.articles} articles, {report.passages} passages, {report.questions} written "
            f"questions; {report.embedded} texts {would}read by the model, "
            f"{report.carried_over} kept"
        )
    else:
        print(f"nothing changed: {report.articles} articles, {report.passages} passages")


def _facts(report: IngestReport) -> dict[str, Any]:
    return {**asdict(report), "failed": dict(report.failed)}


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _explain(articles: Iterable[Article], failed: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "article": article.id,
                "sentences": len(article.sentences),
                "left_out": [
                    {
                        "start": item.span.start,
                        "end": item.span.end,
                        "kind": item.kind,
                        "reason": item.reason,
                    }
                    for item in article.left_out
                ],
            }
            for article in articles
        ]
        _print_json({"articles": rows, "failed": failed})
        return
    for article in articles:
        print(
            f"{article.id}: {len(article.sentences)} sentences, "
            f"{len(article.left_out)} stretches left out"
        )
        for item in article.left_out:
            words = " ".join(article.quote(item.span).split())
            print(f"  {item.span.start}-{item.span.end}  {item.kind} ({item.reason})")
            print(f"    {words[:_SHOWN]}{'…' if len(words) > _SHOWN else ''}")
