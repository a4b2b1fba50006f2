"""Who says this: sentences of the articles that carry a claim, and those that say otherwise.

A sentence says a claim where it is near in meaning, holds the claim's telling words and does not
turn it round; it says otherwise where it is as near but turns it round, or where it stands on
another side of a known disagreement. Code only; a paraphrase far from the words is missed
rather than guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

from assistant.citations import make_citation
from assistant.disagreements import Disagreement
from assistant.retriever import Retriever
from assistant.text import plain, words
from assistant.types import Article, Citation, ClaimResult, Hit

# What holds under a condition does not deny what holds without it.
_CONDITION: Final = re.compile(r"(?:[^.:]{1,40}: )?(?:if|when|because)\b", re.I)
MIN_SIMILARITY: Final = 0.55
MIN_COVERAGE: Final = 0.5
MAX_SENTENCES: Final = 4
_CANDIDATES: Final = 20


def find_claim(
    text: str,
    retriever: Retriever,
    articles: Mapping[str, Article],
    disagreements: Sequence[Disagreement] = (),
) -> ClaimResult:
    """Sentences that say `text` and sentences that say otherwise; both empty where none does."""
    claim = plain(text)
    if not words(claim):
        return ClaimResult(text, (), ())
    says: list[tuple[Citation, float]] = []
    otherwise: list[Citation] = []
    hits = sorted(retriever.retrieve(claim, _CANDIDATES).hits, key=lambda hit: -hit.similarity)
    for hit in hits:
        if not _is_about(claim, hit):
            continue
        citation = make_citation(articles[hit.passage.span.article_id], hit.passage.span)
        if turns_round(claim, hit.passage.quote):
            if not _CONDITION.match(hit.passage.quote):
                otherwise.append(citation)
        else:
            says.append((citation, hit.similarity))
    says = says[:MAX_SENTENCES]
    otherwise.extend(_other_sides([c for c, _ in says], articles, disagreements))
    kept = [c for c in dict.fromkeys(otherwise) if c not in [s for s, _ in says]]
    return ClaimResult(
        text,
        tuple(citation for citation, _ in says),
        tuple(kept[:MAX_SENTENCES]),
        tuple(round(similarity, 4) for _, similarity in says),
    )


def _is_about(claim: str, hit: Hit) -> bool:
    telling = _stems(claim)
    held = _stems(hit.passage.quote)
    coverage = len(telling & held) / len(telling) if telling else 0.0
    return hit.similarity >= MIN_SIMILARITY and coverage >= MIN_COVERAGE


def turns_round(claim: str, sentence: str) -> bool:
    """Whether one negates what the other states, or has the opposite of one of its words."""
    ours, theirs = words(claim), words(sentence)
    negations = frozenset(_polarity()["negations"])
    if (len(negations & set(ours)) % 2) != (len(negations & set(theirs)) % 2):
        return True
    mine, yours = set(ours), set(theirs)
    return any(
        (mine & first and yours & second and not yours & first)
        or (mine & second and yours & first and not yours & second)
        for first, second in _opposites()
    )


def _other_sides(
    says: Sequence[Citation], articles: Mapping[str, Article], disagreements: Sequence[Disagreement]
) -> list[Citation]:
    """One sentence of each other side of the disagreements that the claim's sentences stand in."""
    found: list[Citation] = []
    for differs in disagreements:
        taken = [
            any(c.span.overlaps(span) for c in says[:1] for span in side) for side in differs.sides
        ]
        if any(taken):
            found.extend(
                make_citation(articles[side[0].article_id], side[0])
                for side, ours in zip(differs.sides, taken, strict=True)
                if not ours
            )
    return found


def _stems(text: str) -> set[str]:
    import Stemmer

    telling = [word for word in words(text) if word not in few_words() and len(word) > 2]
    return set(Stemmer.Stemmer("english").stemWords(telling))


@cache
def few_words() -> frozenset[str]:
    """Words that say too little to tell what a text is about."""
    return frozenset(_polarity()["few"])


@cache
def _polarity() -> Mapping[str, list[str]]:
    data = resources.files("assistant").joinpath("data/polarity.toml").read_text("utf-8")
    return tomllib.loads(data)


@cache
def _opposites() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return tuple((frozenset(row[0]), frozenset(row[1])) for row in _polarity()["opposites"])
