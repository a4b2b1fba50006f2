"""Words that mean the same in a corpus's field (``lexicon.toml``): optional data beside it.

A group with ``subject = true`` names a thing that can be talked about (a muscle, a condition, an
exercise), as opposed to a quality or an action.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from assistant.beside import read_toml, rows_of
from assistant.errors import CorpusError
from assistant.text import words

LEXICON_FILE: Final = "lexicon.toml"


class Lexicon:
    """The names of subjects, to be found in a text.

    Args:
        subjects: words or phrases, each naming one thing.
    """

    def __init__(self, subjects: Iterable[str] = ()) -> None:
        phrases = sorted({" ".join(words(s)) for s in subjects} - {""}, key=lambda p: -len(p))
        pattern = "|".join(re.escape(phrase) for phrase in phrases)
        self._subjects = re.compile(rf"(?<!\S)(?:{pattern})(?!\S)") if phrases else None

    def subjects_in(self, text: str) -> tuple[str, ...]:
        """The names of subjects in `text`, in order, the longest where they overlap."""
        if self._subjects is None:
            return ()
        return tuple(self._subjects.findall(" ".join(words(text))))


def load_lexicon(folder: Path) -> Lexicon:
    """The lexicon of a corpus; an empty one where there is no file.

    Raises:
        CorpusError: the file cannot be read, or a group has no words.
    """
    path = folder / LEXICON_FILE
    groups = rows_of(read_toml(path), "synonyms", path)
    for row in groups:
        found = row.get("words")
        if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
            raise CorpusError(f"{path}: a group has words = {found!r:.80}; give a list of words")
    return Lexicon(word for row in groups if row.get("subject") for word in row["words"])
