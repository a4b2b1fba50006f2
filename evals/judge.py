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

SCORES: Final = ("faithfulness", "relevance")

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

    def judge_all(
        self, results: Sequence[CaseResult], console: Console, show_test: bool = False
    ) -> dict[str, Any]:
        """Judges every given answer.

        Returns:
            `figures`: split → score → mean with its interval; `cases`: the scores of each case
            that may be listed.

        Raises:
            ModelError: The model does not answer, or not in the form asked for.
        """
        given = [r for r in results if r.answered and r.observation.answer]
        scored = [
            (r.case, self._scores(r, show_test))
            for r in track(given, "judging", console=console, transient=True)
        ]
        figures = {}
        for split in sorted({case.split for case, _ in scored}):
            of_split = [scores for case, scores in scored if case.split == split]
            figures[split] = {
                name: stats.mean([scores[name] for scores in of_split]).to_json() for name in SCORES
            }
        listed = {c.id: scores for c, scores in scored if show_test or c.split == "dev"}
        return {"model": self.model, "figures": figures, "cases": listed}

    def _scores(self, result: CaseResult, show_test: bool) -> dict[str, float]:
        case, answer = result.case, result.observation.answer or {}
        said = "\n".join(statement["text"] for statement in answer["statements"])
        quotes = "\n".join(citation["quote"] for citation in answer["citations"])
        try:
            faithful = self.faithfulness(context=quotes, outputs=said)
            relevant = self.relevance(inputs=case.question, outputs=said)
            return {
                "faithfulness": float(faithful["score"]),
                "relevance": float(relevant["score"]),
            }
        # Each provider has its own exceptions; all mean that there is no judgement.
        except Exception as error:
            hidden = case.split == "test" and not show_test
            where = "a case of the test split" if hidden else f"case {case.id}"
            words = "" if hidden else f": {str(error)[:200]}"
            raise ModelError(
                f"judge {self.model!r} failed on {where}: {type(error).__name__}{words}; "
                "run without --judge"
            ) from error


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
