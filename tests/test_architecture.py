"""The direction of imports, and that nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.pipeline import Assistant
from assistant.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "assistant"
MEET_IN_PIPELINE = {
    "ingest",
    "retriever",
    "guardrails",
    "composer",
    "generator",
    "citations",
}
ALLOWED_BETWEEN = {("composer", "citations")}
HOMES = {
    "chromadb": {"index"},
    "sentence_transformers": {"cross_encoder", "encoder", "entailment", "reranker"},
    "torch": set(),
    "onnx": set(),
    "onnxruntime": {"minilm"},
    "tokenizers": {"minilm"},
    "safetensors": {"finder", "minilm"},
    "spellchecker": {"spelling"},
    "rapidfuzz": {"spelling", "words"},
    "bm25s": {"words"},
    "langchain": {"generator.model"},
    "langchain_core": {"langchain_retriever", "retriever"},
    "sklearn": {"answerability"},
    "filelock": {"generations"},
    "trafilatura": {"documents.html"},
    "lxml": {"documents.html", "documents.docx", "documents.tags"},
    "docx": {"documents.docx"},
    "pypdfium2": {"documents.pdf"},
    "markdown_it": {"documents.markdown"},
    "yaml": {"documents.markdown"},
    "platformdirs": {"settings"},
    "pydantic": {"generator.replies", "web.schema", "web.client_endpoint", "web.mcp_server"},
    "fastapi": {"page.routes", "web.api", "web.errors", "web.listening"},
    "starlette": {"web.errors"},
    "gradio": {"web.client_endpoint"},
    "mcp": {"web.mcp_server"},
    "mcp_types": {"web.mcp_server"},
    "prometheus_client": {"web.watch"},
    "threadpoolctl": {"live"},
    "uvicorn": {"web.listening"},
}
HEAVY = (
    "torch",
    "sentence_transformers",
    "chromadb",
    "gradio",
    "langchain_core",
    "sklearn",
    "bm25s",
    "onnx",
    "onnxruntime",
    "tokenizers",
    "spellchecker",
    "trafilatura",
    "lxml",
    "docx",
    "pypdfium2",
    "markdown_it",
    "yaml",
    "fastapi",
    "pydantic",
    "prometheus_client",
    "langchain",
    "openai",
)


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): imports_of(path)
    for path in PACKAGE.rglob("*.py")
}


@pytest.mark.parametrize("name", ["types", "errors", "text"])
def test_the_nouns_import_nothing_of_ours(name: str) -> None:
    assert not any(module.startswith("assistant") for module in MODULES[name])


@pytest.mark.parametrize("name", sorted(n for n in MODULES if n.split(".")[0] in MEET_IN_PIPELINE))
def test_the_stages_meet_in_the_pipeline_only(name: str) -> None:
    stage = name.split(".")[0]
    others = {
        f"assistant.{o}" for o in MEET_IN_PIPELINE - {stage} if (stage, o) not in ALLOWED_BETWEEN
    }
    assert not MODULES[name] & others


def test_each_library_has_one_home() -> None:
    for library, homes in HOMES.items():
        users = {
            name
            for name, found in MODULES.items()
            if any(m.split(".")[0] == library for m in found)
        }
        assert users <= homes, library


def test_only_settings_reads_the_environment() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.stem != "settings":
            assert "os.environ" not in path.read_text("utf-8"), path
            assert "getenv" not in path.read_text("utf-8"), path


@pytest.mark.parametrize("module", ["assistant.pipeline", "assistant.cli", "ui"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_answer_needs_neither_torch_nor_sentence_transformers(
    assistant: Assistant, settings: Settings
) -> None:
    unneeded = ("torch", "transformers", "sentence_transformers", "sklearn", "gradio")
    unneeded += ("langchain", "langchain_openai", "openai", "anthropic", "ollama")
    code = (
        "import sys; from pathlib import Path; from assistant.pipeline import build_assistant; "
        "from assistant.settings import Settings; "
        f"answer = build_assistant(Settings(data=Path({str(settings.data)!r}))).ask('a weak hip?');"
        f" print(answer.outcome, [m for m in {unneeded!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("[]"), done.stdout
