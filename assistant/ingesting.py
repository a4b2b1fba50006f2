"""The command ``ingest``: what it prints of a report, a plan and what is left out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final

from assistant.bulk import save_texts
from assistant.corpus import read_corpus
from assistant.encoder import build_encoder
from assistant.ingest import IngestReport, make_plan
from assistant.pipeline import build_index
from assistant.progress import shown_progress
from assistant.settings import Settings
from assistant.texts import TextStore
from assistant.types import Article

_SHOWN: Final = 60


def run(arguments: argparse.Namespace) -> int:
    """Ingest; 1 if a file could not be used, though the others were."""
    settings = Settings.from_environment(corpus=arguments.path)
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
            save_texts(arguments.texts, plan.to_embed)
        _print(report, arguments.json, "would be " if not plan.unchanged else "")
        return _exit_code(report.failed)
    with shown_progress() as progress:
        report = build_index(
            settings, encoder, progress, arguments.force, arguments.strict, arguments.vectors
        )
    _print(report, arguments.json, "")
    return _exit_code(report.failed)


def _exit_code(failed: Mapping[str, str]) -> int:
    """1 where files failed; each is named on stderr."""
    for reason in failed.values():
        print(f"left out: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _print(report: IngestReport, as_json: bool, would: str) -> None:
    if as_json:
        facts = asdict(report)
        print(json.dumps({**facts, "failed": dict(report.failed)}, ensure_ascii=False, indent=2))
        return
    for said, names in (
        ("new", report.added),
        ("changed", report.changed),
        ("removed", report.removed),
    ):
        if names:
            print(f"{said}: {', '.join(names)}")
    if report.built or would:
        print(
            f"{report.articles} articles, {report.passages} passages, {report.questions} written "
            f"questions; {report.embedded} texts {would}read by the model, "
            f"{report.carried_over} kept"
        )
    else:
        print(f"nothing changed: {report.articles} articles, {report.passages} passages")


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
        print(json.dumps({"articles": rows, "failed": failed}, ensure_ascii=False, indent=2))
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
