"""The network while it learns: MiniLM in torch, with low-rank changes of its layers and heads.

A change of rank r replaces a layer's matrix W by W + B·A (Hu et al., "LoRA", 2021); only A, B and
the heads are learned and stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

RANK: Final = 32
SCALE: Final = 2.0
DROPOUT: Final = 0.1
_CHANGED: Final = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class LowRank(nn.Module):
    """A frozen linear layer and what is learned on top of it."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.linear(x) + SCALE * (x @ self.a.T) @ self.b.T
        return changed


class ReaderNetwork(nn.Module):
    """Token ids → scores of every head.

    Args:
        folder: the sentence-transformers model.
        heads: width of each head by name.
    """

    def __init__(self, folder: Path, heads: Mapping[str, int], rank: int = RANK) -> None:
        super().__init__()
        from transformers import AutoModel

        # Dropout inside attention costs a fifth of the time and is not missed.
        self.bert = AutoModel.from_pretrained(folder, attention_probs_dropout_prob=0.0)
        self.bert.requires_grad_(False)
        for layer in self.bert.encoder.layer:
            for name in _CHANGED:
                home, _, last = name.rpartition(".")
                module = layer.get_submodule(home)
                setattr(module, last, LowRank(getattr(module, last), rank))
        self.dropout = nn.Dropout(DROPOUT)
        size = self.bert.config.hidden_size
        self.heads = nn.ModuleDict({name: nn.Linear(size, width) for name, width in heads.items()})

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask[:, :, None].to(hidden.dtype)
        mean = self.dropout((hidden * weight).sum(1) / weight.sum(1))
        return {name: head(mean) for name, head in self.heads.items()}

    def changes(self) -> dict[str, NDArray[np.float32]]:
        """What was learned, as it is stored: ``<layer>.a``, ``<layer>.b`` and the heads."""
        found: dict[str, NDArray[np.float32]] = {}
        for name, module in self.bert.named_modules():
            if isinstance(module, LowRank):
                found[f"{name}.a"] = module.a.detach().numpy()
                found[f"{name}.b"] = (SCALE * module.b).detach().numpy()
        for name, head in self.heads.items():
            assert isinstance(head, nn.Linear)
            found[f"heads.{name}.weight"] = head.weight.detach().numpy()
            found[f"heads.{name}.bias"] = head.bias.detach().numpy()
        return found


def padded(tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask, both of shape (texts, longest)."""
    ids = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(tokens):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return ids, mask
