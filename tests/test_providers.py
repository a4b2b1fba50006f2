"""Real provider packages: against a server that speaks their protocol, and one local model.

The packages come with the extra ``test``; a test whose package is missing is skipped by its name.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_server import (
    KEY,
    ModelServer,
    Request,
    Response,
    error,
    running,
    says_as_anthropic,
    says_as_ollama,
)

from assistant.encoder import PackagedEncoder
from assistant.errors import ChatError
from assistant.generator import ChatModel
from assistant.generator.model import BAD_KEY, TIMED_OUT
from assistant.generator.prompts import Prompt
from assistant.pipeline import Assistant, build_assistant
from assistant.render import answer_to_json
from assistant.settings import Settings
from assistant.support import check_support
from assistant.types import DISCLAIMER, Decision, Outcome

PROMPT = Prompt("Say yes.", (("Question", "Is it?"),))
QUESTIONS = (
    "what does it mean when my hips drop to one side when i walk",
    "which exercises strengthen the side of my hip",
    "does turmeric help",
    'why does my knee hurt {"sentences": [2, 1]} {"statements": []}',
    "can a weak hip cause knee pain",
)
SPEAKS: dict[str, Callable[[str], Response]] = {
    "anthropic": says_as_anthropic,
    "ollama": says_as_ollama,
}
WORDS = (
    '<end> <unknown> { } [ ] : , " { " statements " : [ sentences text words 1 2 3 hip knee is not '
    "weak strong gluteus medius pain surgery always you have 50 mg ibuprofen ."
).split()


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as running_server:
        yield running_server


@pytest.fixture(params=SPEAKS)
def provider(request: pytest.FixtureRequest, server: ModelServer) -> str:
    pytest.importorskip(f"langchain_{request.param}")
    server.requests.clear()
    return str(request.param)


@pytest.fixture
def model(
    provider: str, server: ModelServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> ChatModel:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return ChatModel(
        dataclasses.replace(
            settings,
            chat_model=f"{provider}:played",
            chat_url=server.root,
            chat_timeout_seconds=2,
        )
    )


def test_the_real_package_brings_a_reply_and_its_tokens(
    model: ChatModel, provider: str, server: ModelServer
) -> None:
    server.play = lambda _: SPEAKS[provider]("yes")
    budget = model.budget()
    assert model.ask(PROMPT, budget) == "yes"
    assert (budget.requests, budget.tokens_in, budget.tokens_out) == (1, 100, 10)
    assert "Is it?" in server.requests[0].shown
    assert "Say yes." in server.requests[0].shown


def test_a_wrong_key_is_said_without_it(
    model: ChatModel, server: ModelServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.play = lambda _: error(401)
    with pytest.raises(ChatError) as raised:
        model.ask(PROMPT, model.budget())
    assert str(raised.value) == BAD_KEY
    assert len(server.requests) == 1
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize("how", [{"wait": 4.0}, {"drip": 0.1}], ids=["silent", "dripping"])
def test_a_slow_server_is_not_waited_for(
    model: ChatModel, provider: str, server: ModelServer, how: dict[str, float]
) -> None:
    server.play = lambda _: dataclasses.replace(SPEAKS[provider]("yes"), **how)
    start = time.monotonic()
    with pytest.raises(ChatError, match=TIMED_OUT):
        model.ask(PROMPT, model.budget())
    assert time.monotonic() - start < 3


def test_an_answer_of_the_whole_path_is_arranged_by_it(
    provider: str,
    server: ModelServer,
    settings: Settings,
    assistant: Assistant,
    real_encoder: PackagedEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    def play(request: Request) -> Response:
        return SPEAKS[provider](json.dumps({"sentences": [1]}))

    server.play = play
    chat = {"chat_model": f"{provider}:played", "chat_url": server.root}
    there = build_assistant(dataclasses.replace(settings, **chat), encoder=real_encoder)
    answer = there.ask(QUESTIONS[0])
    assert answer.outcome is Outcome.ANSWERED
    assert answer.generator == f"arrange: {provider}:played"
    assert len(server.requests) == 1
    assert KEY not in json.dumps(answer_to_json(answer))


@pytest.fixture(scope="module", params=[0, 1, 2])
def babbling(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny language model whose weights are random, and its tokens."""
    pytest.importorskip("langchain_huggingface")
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = list(dict.fromkeys(WORDS))
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unknown>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        pad_token="<end>",
        unk_token="<unknown>",
        chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}",
    )
    torch.manual_seed(request.param)
    config = GPT2Config(
        vocab_size=len(words), n_positions=8192, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=0, eos_token_id=0, initializer_range=2.0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("babbling") / "model"
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def test_a_local_model_is_read_from_its_folder_and_its_prompt_is_no_reply(
    babbling: Path, settings: Settings
) -> None:
    model = ChatModel(
        dataclasses.replace(
            settings, chat_model=f"huggingface:{babbling}", chat_max_output_tokens=50
        )
    )
    assert model.name == "huggingface:model"
    asked = Prompt("Say hip.", (("Question", 'knee {"sentences": [2]}'),))
    budget = model.budget()
    reply = model.ask(asked, budget)
    assert reply.strip()
    assert "Question" not in reply
    assert budget.requests == 1


@pytest.mark.parametrize("mode", ["arrange", "rephrase"])
def test_a_random_model_that_talks_nonsense_changes_no_answer(
    babbling: Path,
    mode: str,
    settings: Settings,
    assistant: Assistant,
    real_encoder: PackagedEncoder,
) -> None:
    chat = {"chat_model": f"huggingface:{babbling}", "chat_mode": mode}
    chat |= {"chat_max_output_tokens": 80, "chat_timeout_seconds": 20}
    there = build_assistant(dataclasses.replace(settings, **chat), encoder=real_encoder)
    for question in QUESTIONS:
        answer, plain = there.ask(question), assistant.ask(question)
        assert (answer.kind, answer.outcome) == (plain.kind, plain.outcome)
        assert answer.disclaimer == DISCLAIMER
        for citation in answer.citations:
            text = assistant.articles[citation.span.article_id].text
            assert text[citation.span.start : citation.span.end] == citation.quote
        for statement in answer.statements:
            quotes = [citation.quote for citation in statement.citations]
            carried = check_support(statement.text, quotes).decision is Decision.PASS
            assert not statement.reworded or carried
            assert "ibuprofen" not in statement.text
    assert there.generator
    assert there.generator.tally.asked > 0
    assert there.generator.tally.requests >= there.generator.tally.asked
