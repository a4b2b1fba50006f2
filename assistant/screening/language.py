"""Whether a message can be read at all: empty, gibberish or not English."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_LATIN_OTHER: Final = frozenset(
    "que el los las una por para como est je suis mon mes les des une avec pour dans pas ich "
    "mein meine und nicht der das ist habe mir der mijn het een niet che il mio mia sono meu "
    "minha nao com uma dolor genou hanche rodilla cadera knie schmerzen ginocchio joelho "
    "quadril mal du tengo duele wenn ik heb lo so io gli della sono anche cosa perche molto quando "
    "como donde cuando muy pero esta estoy puedo ser nous vous ils elle sur ce cette qui quoi "
    "pourquoi wie warum kann auf mit ein eine auch wir sie hoe waarom wat kan maar voor jak czy "
    "nie boli moje kolano porque onde muito quero hur varfor jag inte mitt neanche nemmeno".split()
)
_ENGLISH: Final = frozenset(
    "the a an and or of to in is it i my me you for on with not all any be are was have has do "
    "does did can will would what how why when who which if from as at by about no this that "
    "hurt pain knee hip leg exercises glute".split()
)


_GREETINGS: Final = frozenset(
    "hello hi hey hiya hullo howdy yo greetings gday good morning afternoon evening there to you "
    "all everyone".split()
)
_EMPTY: Final = frozenset(
    "it its this that thats these those they them he she we you i me my your the a an and or but "
    "so then than of to for in on at by with from as about is are was were be been am do does did "
    "has have had can could will would should may might not no nope yes yeah yep ok okay hmm um uh "
    "er erm ah oh well what whats why how when where who which huh eh tho though again other one "
    "ones another second first third next last same else thing things stuff bit some any all more "
    "just like really very too also there here now please pls if idk dunno lol".split()
)
_MAX_WORD: Final = 30
_MAX_FRAGMENT: Final = 8


def is_greeting(question: str) -> bool:
    """True for a greeting and nothing else."""
    words = [w.lower() for w in _WORDS.findall(question)]
    return (
        0 < len(words) <= _MAX_FRAGMENT - 2
        and all(w in _GREETINGS for w in words)
        and (bool({"hello", "hi", "hey", "hiya", "howdy", "yo", "good", "greetings"} & set(words)))
    )


def is_unclear(question: str, alone: bool = True) -> bool:
    """True for no words, another script or language, and keys hit at random.

    A bare fragment ("the other one") is unclear too where it stands `alone`; after another
    question it may go on from that.
    """
    if alone and _is_fragment(question):
        return True
    words = _WORDS.findall(question)
    if not words:
        return True
    letters = {c: n for c, n in Counter(question).items() if c.isalpha()}
    latin = sum(n for c, n in letters.items() if c < "\u0250")
    if latin * 2 < sum(letters.values()):
        return True
    lowered = [w.lower() for w in words]
    english = sum(w in _ENGLISH for w in lowered)
    foreign = sum(w in _LATIN_OTHER for w in lowered)
    if foreign >= 2 and foreign > english:
        return True
    return len(words) <= 6 and not any(_pronounceable(w) for w in lowered)


def _is_fragment(question: str) -> bool:
    words = re.findall(r"[^\W_]+", question.lower().replace("'", ""))
    return 0 < len(words) <= _MAX_FRAGMENT and all(w in _EMPTY for w in words)


def _pronounceable(word: str) -> bool:
    if len(word) > _MAX_WORD:
        return False
    vowels = sum(c in "aeiouy" for c in word)
    return (
        0.15 <= vowels / len(word) <= 0.85
        and not re.search(r"[^aeiouy\W\d_]{5}|q[^u]", word)
        and not re.search(r"(.)\1{3}", word)
    ) or word in ("hmm", "nth", "pfps", "itbs", "acl", "mri", "tfl")
