"""A sentence-transformers cross-encoder of the operator's own: found and loaded here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def check_folder(folder: Path, setting: str) -> Path:
    """The folder itself.

    Raises:
        ModelError: there is no model in it; the message names the setting.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder}: no config.json in it; name the folder of a sentence-transformers "
            f"cross-encoder in {setting}, or leave it empty"
        )
    return folder


def load_cross_encoder(folder: Path) -> CrossEncoder:
    """The model in a folder; nothing is looked up elsewhere.

    Raises:
        ModelError: it cannot be loaded.
    """
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder}: cannot be loaded ({error})") from error
    return model
