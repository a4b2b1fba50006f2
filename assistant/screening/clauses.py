"""Normalised turns → content words in clauses, segments and sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assistant.screening.patterns import FILLER

_TOKEN: Final = re.compile(
    r"\d+(?:[.,]\d+)*(?=\D|$)|[^\W_](?:[\w@$']*[\w@$])?|[.!?;\n]+|[,:()\[\]\"{}]|(?<=\s)-+(?=\s)"
)
_CANT: Final = re.compile(
    r"\b(?:can ?not|can'?nt|cnat|c'?ant|cna'?t|"
    r"unable to|not able to|could ?n[o']?t|could not|carn'?t|cann'?t|"
    r"can;t|can t|struggl\w* to|hard to|difficult to|impossible to|wasn'?t able to|"
    r"isn'?t able to|aren'?t able to|not been able to|too weak to|not managing to)(?!\w)"
)
_BAND: Final = re.compile(r"\bit[ -]bands?\b")
_NOT_OWNERS: Final = frozenset(
    "it he she that what there here who where how why when let this everything something nothing "
    "someone everyone one".split()
)
_SUBJECTS: Final = frozenset("i im ive id".split())
_BEFORE_SUBJECT: Final = frozenset(
    "if when that as than what how where why who which because since until before after while "
    "whenever and or but so think thought feel feels felt like know sure believe wish hope should "
    "can could do did does have has had am was will would may might must every time day exercise "
    "thing way all said say says told whether unless though once except only now then".split()
)
_ENDS: Final = frozenset(".!?;\n")
_BREAKS: Final = frozenset(',:()[]"{}-')
_STRONG: Final = frozenset(
    "but however although though because whereas except yet plus until while despite since "
    "which when so then".split()
)
_WEAK: Final = frozenset("and or nor with as after".split())


@dataclass(slots=True)
class Words:
    """The message as content words with what surrounds them."""

    words: list[str]
    token: list[int]
    clause: list[int]
    strong: list[int]
    sentence: list[int]
    turn: list[int]
    position: list[int]
    stop: list[int]
    tokens: list[str]
    token_sentence: list[int]
    comma_before: list[bool]
    question: set[int]
    skipped: dict[int, list[str]]


def split_words(texts: Sequence[str]) -> Words:
    """Cut turns into content words, clauses, segments and sentences."""
    out = Words([], [], [], [], [], [], [], [], [], [], [], set(), {})
    words, tokens, token_sentence = out.words, out.tokens, out.token_sentence
    clause = strong = sentence = position = 0
    comma = False
    for turn, text in enumerate(texts):
        for word in _TOKEN.findall(_BAND.sub("itband", _CANT.sub("cant", text))):
            first = word[0]
            if first in _ENDS:
                if "?" in word:
                    out.question.add(sentence)
                clause, strong, sentence = clause + 1, strong + 1, sentence + 1
                position += 4
                comma = False
                continue
            if first in _BREAKS:
                clause += 1
                position += 1
                comma = True
                continue
            if "'" in word:
                stem, _, ending = word.partition("'")
                if ending == "s" and stem not in _NOT_OWNERS:
                    word = stem or "s"
                else:
                    word = word.replace("'", "")
            if word in _STRONG:
                clause, strong = clause + 1, strong + 1
            elif word in _WEAK:
                clause += 1
            elif word in _SUBJECTS and words and tokens[-1] not in _BEFORE_SUBJECT:
                clause, strong = clause + 1, strong + 1
            tokens.append(word)
            token_sentence.append(sentence)
            position += 1
            if word in FILLER:
                out.skipped.setdefault(len(words), []).append(word)
            else:
                words.append(word)
                out.token.append(len(tokens) - 1)
                out.clause.append(clause)
                out.strong.append(strong)
                out.sentence.append(sentence)
                out.turn.append(turn)
                out.position.append(position)
                out.comma_before.append(comma)
                comma = False
        clause, strong, sentence = clause + 1, strong + 1, sentence + 1
        position += 8
    stop = len(out.words)
    out.stop = [0] * stop
    for i in range(len(out.words) - 1, -1, -1):
        if i + 1 < len(out.words) and out.sentence[i + 1] != out.sentence[i]:
            stop = i + 1
        out.stop[i] = stop
    return out
