"""`python -m training.support FILE.jsonl [--write]`: learn and measure the weights for passages.

The file has a line ``{"id", "claim", "evidence", "label": "supported" | …}`` each. A hash of the id
parts it: two thirds are learned from, the last third is only measured. Beside the result stand
`check_support`, which is stricter on purpose, and a logistic regression over three plain features
(share of the statement's words in the evidence, cosine, missing numbers), learned alike.
``--write`` puts the weights into ``assistant/data/support_passages.toml``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assistant.encoder import PackagedEncoder
from assistant.settings import quiet_environment
from assistant.support import check_support
from assistant.support.check import MAX_QUOTES, MAX_STATEMENT, passage_findings
from assistant.support.passages import WEIGHTS
from assistant.text import words
from assistant.types import Decision
from evals.lines import iter_lines, parse_object

DATA: Final = Path(__file__).parent.parent / "assistant" / "data" / WEIGHTS
# The third that is held back.
PARTS: Final = 3
FOLDS: Final = 10
# Strength of the penalty, chosen by cross-validation within the two thirds among .05 to 3.
INVERSE_PENALTY: Final = 0.3

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """One line of the file."""

    id: str
    text: str
    evidence: str
    supported: bool

    @property
    def held_back(self) -> bool:
        """Whether it is of the third that is only measured."""
        return int(sha256(self.id.encode()).hexdigest(), 16) % PARTS == 0


def load_claims(path: Path) -> list[Claim]:
    """The claims of a file, over-long evidence cut to what can be judged."""
    rows = [parse_object(line) for _, line in iter_lines(path)]
    return [
        Claim(
            r["id"],
            r["claim"][:MAX_STATEMENT],
            r["evidence"][:MAX_QUOTES],
            r["label"] == "supported",
        )
        for r in rows
    ]


def plain_features(claims: Sequence[Claim]) -> Rows:
    """Word containment, cosine and the share of numbers that are missing, shape (claims, 3)."""
    encoder = PackagedEncoder()
    ours = encoder.encode([c.text for c in claims])
    theirs = encoder.encode([c.evidence for c in claims])
    rows = []
    for claim, mine, other in zip(claims, ours, theirs, strict=True):
        own, known = set(words(claim.text)), set(words(claim.evidence))
        numbers = set(re.findall(r"\d+", claim.text))
        missing = len(numbers - set(re.findall(r"\d+", claim.evidence)))
        rows.append(
            [
                len(own & known) / max(1, len(own)),
                float(mine @ other),
                missing / max(1, len(numbers)),
            ]
        )
    return np.asarray(rows, np.float64)


def main() -> None:
    """Learns, measures, prints; writes if told to."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import cross_val_predict

    quiet_environment()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    claims = load_claims(options.file)
    truth = np.array([c.supported for c in claims])
    held = np.array([c.held_back for c in claims])
    found = [passage_findings(c.text, c.evidence) for c in claims]
    names = list(found[0])
    features = np.array([[row[name] for name in names] for row in found])
    strict = np.array(
        [check_support(c.text, [c.evidence]).decision is Decision.PASS for c in claims]
    )

    def measure(name: str, rows: Rows) -> Any:
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=5000)
        crossed = cross_val_predict(model, rows[~held], truth[~held], cv=FOLDS)
        model.fit(rows[~held], truth[~held])
        _print(
            name, "two thirds, in folds", f1_score(truth[~held], crossed, average="macro"), ~held
        )
        _print(name, "two thirds, as learned", _f1(model, rows[~held], truth[~held]), ~held)
        _print(name, "third held back", _f1(model, rows[held], truth[held]), held)
        return model

    measure("containment, cosine, numbers", plain_features(claims))
    _print(
        "check_support",
        "third held back",
        f1_score(truth[held], strict[held], average="macro"),
        held,
    )
    passed = held & strict
    print(
        f"check_support: {truth[passed].mean():.3f} of what it passes is supported ({passed.sum()})"
    )
    model = measure("check_passage", features)
    if options.write:
        weights = dict(zip(names, model.coef_[0], strict=True)) | {"bias": model.intercept_[0]}
        DATA.write_text(format_weights(weights, int((~held).sum())), "utf-8")


def _f1(model: Any, rows: Rows, truth: NDArray[np.bool_]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, model.predict(rows), average="macro"))


def _print(name: str, part: str, value: float, which: NDArray[np.bool_]) -> None:
    print(f"{name:30} {part:24} macro-F1 {value:.3f}  n {int(which.sum())}")


def format_weights(weights: Mapping[str, float], learned_from: int) -> str:
    """The data file."""
    lines = [
        "# Weights of a logistic regression over what the checks find of a statement and a passage;",  # noqa: E501
        f"# written by `python -m training.support FILE --write` from {learned_from} claims.",
        "[weights]",
    ]
    return "\n".join([*lines, *(f'"{n}" = {w:.4f}' for n, w in weights.items()), ""])


if __name__ == "__main__":
    main()
