"""What the support check brings on a public set of claims, such as AttributionBench's.

A regression on shared words, cosine and numbers is what is usual. The check stops whatever it
cannot judge, so that it is held against it in two ways: by itself, as the assistant uses it, and as
one more thing that the regression may read. Nothing is learned here for the assistant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import build_encoder
from assistant.errors import UsageError
from assistant.support.check import check_support
from assistant.text import iter_sentences, plain, words
from assistant.types import Decision, Verdict
from evals.lines import LineError, iter_lines, parse_object, shown

PARTS: Final = 3
_LABELS: Final = {"supported": True, "unsupported": False}
_NUMBER: Final = re.compile(r"\d+")
_MAX_SENTENCES: Final = 60

Flags = NDArray[np.bool_]
Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, its evidence, and whether that carries it; `part` is which third it lies in."""

    text: str
    evidence: str
    supported: bool
    part: int


def load_claims(path: Path) -> list[Claim]:
    """Reads JSON lines of ``id``, ``claim``, ``evidence`` and ``label``.

    Raises:
        UsageError: the file or a line of it cannot be used.
    """
    claims = list(_iter_claims(path))
    for part in range(PARTS):
        if len({claim.supported for claim in claims if claim.part != part}) < len(_LABELS):
            raise UsageError(f"{path}: too few claims of each label; give a larger set")
    return claims


def _iter_claims(path: Path) -> Iterator[Claim]:
    for where, line in iter_lines(path):
        try:
            row = parse_object(line)
        except LineError as error:
            raise UsageError(f"{where}: {error}") from error
        for key in ("id", "claim", "evidence"):
            if not isinstance(row.get(key), str):
                raise UsageError(f"{where}: {key} is {shown(row.get(key))}; expected a string")
        if row.get("label") not in _LABELS:
            raise UsageError(
                f"{where}: label is {shown(row.get('label'))}; expected {' or '.join(_LABELS)}"
            )
        part = int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % PARTS
        yield Claim(row["claim"], row["evidence"], _LABELS[row["label"]], part)


def measure_attribution(claims: Sequence[Claim]) -> dict[str, Any]:
    """Macro-F1 of each way, every claim judged by what was fitted on the other two thirds.

    Returns:
        ``n``; for each way ``macro_f1`` of all and ``parts``, that of each third; of the check by
        itself also ``passed``, the share it lets through, and ``precision`` among them.
    """
    labels = np.array([claim.supported for claim in claims])
    parts = np.array([claim.part for claim in claims])
    verdicts = [check_support(claim.text, [claim.evidence]) for claim in claims]
    usual = _usual_features(claims)
    passed = np.array([verdict.decision is Decision.PASS for verdict in verdicts])
    ways = {
        "words, cosine, numbers": _judge_apart(usual, labels, parts),
        "the same and the check": _judge_apart(
            np.hstack([usual, _verdict_features(verdicts)]), labels, parts
        ),
        "the check by itself": passed,
    }
    found: dict[str, Any] = {
        name: {
            "macro_f1": _macro_f1(labels, said),
            "parts": [_macro_f1(labels[parts == n], said[parts == n]) for n in range(PARTS)],
        }
        for name, said in ways.items()
    }
    found["the check by itself"] |= {
        "passed": float(passed.mean()),
        "precision": float(labels[passed].mean()) if passed.any() else None,
    }
    return {"n": len(claims), **found}


def _usual_features(claims: Sequence[Claim]) -> Features:
    """Share of words in the evidence, cosine with its nearest sentence, numbers not in it."""
    encoder = build_encoder()
    rows = []
    for claim in claims:
        ours, theirs = set(words(claim.text)), set(words(claim.evidence))
        tidy = plain(claim.evidence)
        cut = [tidy[a:b] for a, b in iter_sentences(tidy, 0, len(tidy))][:_MAX_SENTENCES]
        vectors = encoder.encode([claim.text, *(cut or [tidy])])
        lost = set(_NUMBER.findall(claim.text)) - set(_NUMBER.findall(claim.evidence))
        shared = len(ours & theirs) / max(1, len(ours))
        rows.append((shared, float((vectors[1:] @ vectors[0]).max()), float(len(lost))))
    return np.array(rows)


def _verdict_features(verdicts: Sequence[Verdict]) -> Features:
    """Which check stopped each claim, if any, as one column for each."""
    rules = sorted({verdict.rule for verdict in verdicts})
    return np.array([[float(verdict.rule == rule) for rule in rules] for verdict in verdicts])


def _judge_apart(features: Features, labels: Flags, parts: NDArray[np.int64]) -> Flags:
    """What a logistic regression says of each row that was fitted on the other parts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    said = np.zeros(len(labels), bool)
    for part in range(PARTS):
        here = parts == part
        if here.any():
            model = make_pipeline(StandardScaler(), LogisticRegression())
            said[here] = model.fit(features[~here], labels[~here]).predict(features[here])
    return said


def _macro_f1(labels: Flags, said: Flags) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, said, average="macro", zero_division=0))


def print_attribution(figures: dict[str, Any]) -> None:
    """The figures as a table on stdout."""
    print(f"{figures['n']} claims{'':18}macro-F1   of each third")
    for name, row in figures.items():
        if isinstance(row, dict):
            parts = "  ".join(f"{value:.3f}" for value in row["parts"])
            print(f"{name:28}{row['macro_f1']:8.3f}   {parts}")
    alone = figures["the check by itself"]
    precision = "none" if alone["precision"] is None else f"{alone['precision']:.3f}"
    print(f"The check lets {alone['passed']:.3f} through; of these are supported: {precision}.")
