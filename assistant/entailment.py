"""A natural-language-inference model of the operator's own beside the support check: optional."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.cross_encoder import check_folder, load_cross_encoder
from assistant.errors import ModelError
from assistant.support.entailment import Inference

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class CrossEncoderEntailment:
    """A sentence-transformers cross-encoder with three classes, loaded when first used.

    Raises:
        ModelError: there is no model in the folder, it cannot be loaded, or its classes are not
            named entailment, neutral and contradiction.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = check_folder(folder, "ASSISTANT_ENTAILMENT")

    @cached_property
    def _model(self) -> CrossEncoder:
        return load_cross_encoder(self.folder)

    @cached_property
    def _places(self) -> tuple[int, int, int]:
        """Where entailment, neutral and contradiction stand among the model's classes."""
        config: Any = self._model.config
        labels: dict[int, str] = config.id2label
        named = {str(name).casefold()[:6]: place for place, name in labels.items()}
        try:
            return named["entail"], named["neutra"], named["contra"]
        except KeyError as error:
            raise ModelError(
                f"{self.folder}: its classes are {', '.join(map(str, labels.values()))}; choose a "
                "model with entailment, neutral and contradiction"
            ) from error

    def infer(self, premise: str, hypothesis: str) -> Inference:
        """How likely `premise` entails, leaves open or contradicts `hypothesis`."""
        places = self._places
        row = self._model.predict(
            [(premise, hypothesis)], apply_softmax=True, show_progress_bar=False
        )[0]
        entails, neutral, contradicts = (float(row[place]) for place in places)
        return Inference(entails, neutral, contradicts)
