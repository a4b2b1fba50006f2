"""`--judge MODEL`: a language model's opinion of faithfulness and relevance, never by default.

The rubrics and the structured output are openevals'; the model is whatever LangChain's
`init_chat_model` opens, so questions and quotes go to its provider. A judge's scores are printed
beside the figures and enter none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from assistant.errors import ModelError, UsageError
from evals import stats
from evals.scoring import CaseResult

EXTRA: Final = 'pip install -e ".[judge]"'

Judgement = Callable[..., Any]
"""An evaluator of openevals; its result has a `score`."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Two scores in [0, 1] for each given answer, higher is better.

    Attributes:
        faithfulness: Whether the statements are carried by the quotes.
        relevance: Whether the answer addresses the question.
    """

    model: str
    faithfulness: Judgement
    relevance: Judgement

    def judge_all(self, results: Sequence[CaseResult], console: Console) -> dict[str, Any]:
        """Judges every given answer; both means with their intervals and each case's scores.

        Raises:
            ModelError: The model does not answer, or not in the form asked for.
        """
        given = [r for r in results if r.answered and r.observation.answer]
        cases: dict[str, dict[str, float]] = {}
        for result in track(given, "judging", console=console, transient=True):
            answer = result.observation.answer or {}
            said = "\n".join(statement["text"] for statement in answer["statements"])
            quotes = "\n".join(citation["quote"] for citation in answer["citations"])
            try:
                faithful = self.faithfulness(context=quotes, outputs=said)
                relevant = self.relevance(inputs=result.case.question, outputs=said)
                cases[result.case.id] = {
                    "faithfulness": float(faithful["score"]),
                    "relevance": float(relevant["score"]),
                }
            # Each provider has its own exceptions; all mean that there is no judgement.
            except Exception as error:
                raise ModelError(
                    f"judge {self.model!r} failed on case {result.case.id}: "
                    f"{type(error).__name__}: {str(error)[:200]}; run without --judge"
                ) from error
        figures = {
            name: stats.mean([scores[name] for scores in cases.values()]).to_json()
            for name in ("faithfulness", "relevance")
        }
        listed = {r.case.id for r in given if r.case.split == "dev"}
        return {
            "model": self.model,
            "figures": figures,
            "cases": {case_id: scores for case_id, scores in cases.items() if case_id in listed},
        }


def build_judge(model: str) -> Judge:
    """Opens a judging model, e.g. ``openai:gpt-…`` or ``ollama:llama3.1``.

    Raises:
        UsageError: openevals or the provider's package is not installed.
        ModelError: The model's name or key is not accepted.
    """
    # Tracing would send questions and answers to a third party besides the judge.
    os.environ["LANGSMITH_TRACING"] = "false"
    try:
        from langchain.chat_models import init_chat_model
        from openevals.llm import create_llm_as_judge
        from openevals.prompts import RAG_GROUNDEDNESS_PROMPT, RAG_HELPFULNESS_PROMPT
    except ImportError as error:
        raise UsageError(f"--judge needs the package {error.name}; {EXTRA}") from error
    try:
        chat = init_chat_model(model, temperature=0)
    except ImportError as error:
        raise UsageError(f"--judge {model}: {error}") from error
    # init_chat_model passes on whatever its provider's constructor raises.
    except Exception as error:
        raise ModelError(
            f"--judge {model}: cannot be opened ({str(error).splitlines()[0][:200]}); name it "
            "provider:model and set the provider's key"
        ) from error
    return Judge(
        model,
        create_llm_as_judge(
            prompt=RAG_GROUNDEDNESS_PROMPT,
            judge=chat,
            continuous=True,
            feedback_key="faithfulness",
        ),
        create_llm_as_judge(
            prompt=RAG_HELPFULNESS_PROMPT, judge=chat, continuous=True, feedback_key="relevance"
        ),
    )
