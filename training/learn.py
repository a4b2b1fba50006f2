"""One run of learning: examples → a network, and what a network makes of texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from assistant.minilm import MAX_TOKENS
from assistant.reader import HEADS
from training.examples import Example, Varied
from training.messages import Carrier
from training.network import ReaderNetwork, padded

Scores = Mapping[str, NDArray[np.float32]]

PASSAGES: Final = "passages"
EPOCHS: Final = 4
BATCH: Final = 32
RATE: Final = 8e-4
RATE_OF_HEADS: Final = 1e-3
DECAY: Final = 0.01
WARM_UP: Final = 0.1
SMOOTHING: Final = 0.05
WEIGHTS: Final[Mapping[str, float]] = {
    "urgency": 1.0,
    "kind": 0.5,
    "about": 0.3,
    "criterion": 0.3,
    PASSAGES: 0.5,
}
_UNKNOWN: Final = -100


def learn(
    folder: Path,
    examples: Sequence[Example],
    passages: int,
    carriers: Sequence[Carrier],
    prepare: Callable[[str], str],
    seed: int = 0,
    tell: Callable[[str], None] = print,
) -> ReaderNetwork:
    """A network that has met every example `EPOCHS` times.

    Args:
        folder: of the embedding model that it starts from.
        passages: how many there are; the head has one score more, for "no passage answers it".
        prepare: how a text is normalised before it is read.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    widths = {name: len(labels) for name, labels in HEADS.items()} | {PASSAGES: passages + 1}
    network = ReaderNetwork(folder, widths)
    network.train()
    heads = list(network.heads.parameters())
    changes = [p for p in network.bert.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": changes, "lr": RATE}, {"params": heads, "lr": RATE_OF_HEADS}],
        weight_decay=DECAY,
    )
    steps = EPOCHS * -(-len(examples) // BATCH)

    def pace(step: int) -> float:
        return min((step + 1) / (WARM_UP * steps), max(0.0, (steps - step) / (steps * 0.9)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
    varied = Varied(examples, carriers, random)
    tokenize = _tokenizer(folder)
    for epoch in range(EPOCHS):
        met, started, total = varied.once(), time.monotonic(), 0.0
        tokens = tokenize([prepare(example.message.text) for example in met])
        targets = _targets(met, passages)
        batches = list(_batches(tokens, random))
        for batch in batches:
            scores = network(*padded([tokens[n] for n in batch]))
            loss = _loss(scores, {name: values[batch] for name, values in targets.items()})
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        tell(
            f"pass {epoch + 1}: loss {total / len(batches):.3f}, {time.monotonic() - started:.0f} s"
        )
    network.eval()
    return network


def scores_of(
    network: ReaderNetwork, folder: Path, texts: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The scores of every head for prepared texts, in their order."""
    tokens = _tokenizer(folder)(texts)
    order = sorted(range(len(texts)), key=lambda n: len(tokens[n]))
    found: dict[str, NDArray[np.float32]] = {}
    with torch.no_grad():
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            for name, values in network(*padded([tokens[n] for n in batch])).items():
                found.setdefault(name, np.zeros((len(texts), values.shape[1]), np.float32))
                found[name][batch] = values.numpy()
    return found


def log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-probabilities of each row."""
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True), np.float32)


def _tokenizer(folder: Path) -> Callable[[Sequence[str]], list[list[int]]]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)

    def tokenize(texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)[
            "input_ids"
        ]
        return ids

    return tokenize


def _batches(tokens: Sequence[Sequence[int]], random: np.random.Generator) -> Iterator[list[int]]:
    """All texts in batches of about one length, in random order."""
    order = random.permutation(len(tokens))
    batches = []
    for first in range(0, len(order), BATCH * 20):
        near = sorted(order[first : first + BATCH * 20], key=lambda n: len(tokens[n]))
        batches += [near[n : n + BATCH] for n in range(0, len(near), BATCH)]
    yield from (batches[n] for n in random.permutation(len(batches)))


def _targets(examples: Sequence[Example], passages: int) -> dict[str, torch.Tensor]:
    targets: dict[str, torch.Tensor] = {}
    for name, labels in HEADS.items():
        rows = []
        for example in examples:
            label = getattr(example.message, name)
            if name == "criterion" and example.message.urgency == "none":
                label = None
            rows.append(labels.index(label) if label else _UNKNOWN)
        targets[name] = torch.tensor(rows)
    table = np.zeros((len(examples), passages + 1), np.float32)
    for row, example in enumerate(examples):
        if example.rows is not None:
            answers = list(example.rows) or [passages]
            table[row, answers] = 1 / len(answers)
    targets[PASSAGES] = torch.tensor(table)
    return targets


def _loss(scores: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The weighted sum of the heads' cross entropies over the labels that are known."""
    total = torch.zeros(())
    for name, weight in WEIGHTS.items():
        known = targets[name].sum(1) > 0 if name == PASSAGES else targets[name] != _UNKNOWN
        if known.any():
            loss = functional.cross_entropy(
                scores[name][known], targets[name][known], label_smoothing=SMOOTHING
            )
            total = total + weight * known.float().mean() * loss
    return total
