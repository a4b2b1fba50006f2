"""Whether a message can be read at all: empty, gibberish or not English."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_LATIN_OTHER: Final = frozenset(
    "que el los las una por para como est je suis mon mes les des une avec pour dans pas ich "
    "mein meine und nicht der das ist habe mir der mijn het een niet che il mio mia sono meu "
    "minha nao com uma dolor genou hanche rodilla cadera knie schmerzen ginocchio joelho "
    "quadril mal du tengo duele wenn ik heb".split()
)
_ENGLISH: Final = frozenset(
    "the a an and or of to in is it i my me you for on with not all any be are was have has do "
    "does did can will would what how why when who which if from as at by about no this that "
    "hurt pain knee hip leg exercises glute".split()
)


def is_unclear(question: str) -> bool:
    """True for no words, another script or language, and keys hit at random."""
    words = _WORDS.findall(question)
    if not words:
        return True
    letters = [c for c in question if c.isalpha()]
    latin = sum(1 for c in letters if c < "\u0250")
    if latin * 2 < len(letters):
        return True
    lowered = [w.lower() for w in words]
    english = sum(w in _ENGLISH for w in lowered)
    foreign = sum(w in _LATIN_OTHER for w in lowered)
    if foreign >= 2 and foreign > english:
        return True
    return len(words) <= 6 and not any(_pronounceable(w) for w in lowered)


def _pronounceable(word: str) -> bool:
    vowels = sum(c in "aeiouy" for c in word)
    return (
        0.15 <= vowels / len(word) <= 0.85
        and not re.search(r"[^aeiouy\W\d_]{6}", word)
        and not re.search(r"(.)\1{3}", word)
        and len(word) <= 30
    ) or word in ("hmm", "nth", "pfps", "itbs", "acl", "mri", "tfl")
