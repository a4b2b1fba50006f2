"""What the model is shown: an instruction, and data between marks that nobody can guess."""

from __future__ import annotations

import json
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from assistant.text import sha256_text, squeeze

# English has about four characters a token; three is on the safe side.
CHARS_A_TOKEN: Final = 3
_FRAME_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request; `parts` are pairs of a title and the data below it."""

    system: str
    parts: tuple[tuple[str, str], ...]

    def render(self, mark: str = "") -> str:
        """The data, each part between two lines of `mark`; by default a new one each time."""
        mark = mark or secrets.token_hex(8)
        return "\n\n".join(f"{title}:\n<{mark}>\n{data}\n</{mark}>" for title, data in self.parts)

    @property
    def tokens(self) -> int:
        """How many tokens it has at most, estimated."""
        chars = len(self.system) + sum(len(data) for _, data in self.parts) + _FRAME_CHARS
        return chars // CHARS_A_TOKEN

    def sha256(self, model: str) -> str:
        """What names this request to this model; the marks, which differ each time, left out."""
        return sha256_text(json.dumps([model, self.system, self.parts]))


def write_prompt(mode: str, question: str, sentences: Sequence[str], count: int) -> Prompt:
    """The request to arrange or rephrase; sentences are numbered from 1, one a line."""
    numbered = "\n".join(f"{n}. {squeeze(s)}" for n, s in enumerate(sentences, start=1))
    system = _prompts()[mode]["system"].format(count=count).strip()
    return Prompt(system, (("Question", squeeze(question)), ("Sentences", numbered)))


def rewrite_prompt(question: str, draft: str, asked: Sequence[str]) -> Prompt:
    """The request to make a follow-up whole; `draft` is what the rules made of it."""
    earlier = "\n".join(squeeze(turn) for turn in asked)
    return Prompt(
        _prompts()["rewrite"]["system"].format().strip(),
        (
            ("Asked before", earlier),
            ("Follow-up", squeeze(question)),
            ("A first try at it", squeeze(draft)),
        ),
    )


def questions_prompt(
    heading: str, sentences: Sequence[str], count: int, near_misses: int
) -> Prompt:
    """The request to write questions: `count` for each sentence, and near misses for them all."""
    numbered = "\n".join(f"{n}. {squeeze(s)}" for n, s in enumerate(sentences, start=1))
    system = _prompts()["questions"]["system"].format(count=count, near_misses=near_misses).strip()
    return Prompt(system, (("Where they stand", squeeze(heading)), ("Sentences", numbered)))


@cache
def _prompts() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(
        resources.files("assistant").joinpath("data/prompts.toml").read_text("utf-8")
    )
