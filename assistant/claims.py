"""Who says this: sentences of the articles that carry a claim, and those that say otherwise.

A sentence says a claim where the support check finds that it carries it, as it does for what a
language model writes. It says otherwise where it is near, holds the claim's telling words, and the
check stops at what is denied, which way, which side or what number; or where it stands on another
side of a known disagreement. Code only; a paraphrase far from the words is missed rather than
guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final

from assistant.citations import make_citation
from assistant.composer import whole_span
from assistant.disagreements import Disagreement
from assistant.retriever import Retriever
from assistant.support import check_support
from assistant.text import plain, words
from assistant.types import Article, Citation, ClaimResult, Decision, Hit

# A test counts how many true paraphrases and how many changed sentences are said to be said.
MIN_SIMILARITY: Final = 0.4
# Cosine and share of the claim's telling words from which a sentence is about the same.
ABOUT: Final = 0.6
MIN_COVERAGE: Final = 0.5
TURNED_ROUND: Final = frozenset(("negation", "direction", "side", "number"))
MAX_SENTENCES: Final = 4
MAX_NEAR: Final = 2
_CANDIDATES: Final = 20
# What holds under a condition does not deny what holds without it.
_CONDITION: Final = re.compile(r"(?:[^.:]{1,40}: )?(?:if|when|because)\b", re.I)


def find_claim(
    text: str,
    retriever: Retriever,
    articles: Mapping[str, Article],
    disagreements: Sequence[Disagreement] = (),
) -> ClaimResult:
    """Sentences that say `text` and sentences that say otherwise; both empty where none does.

    Where none says it, the nearest sentences are given apart, as saying something else.
    """
    claim = plain(text)
    if not words(claim):
        return ClaimResult(text, (), ())
    says: dict[Citation, float] = {}
    otherwise: list[Citation] = []
    near: list[Citation] = []
    hits = sorted(retriever.retrieve(claim, _CANDIDATES).hits, key=lambda hit: -hit.similarity)
    for hit in hits:
        if hit.similarity < MIN_SIMILARITY:
            break
        # The sentence alone, or with those that it cannot be read without.
        spans = dict.fromkeys((hit.passage.span, whole_span(hit.passage.span, articles)))
        citations = [make_citation(articles[span.article_id], span) for span in spans]
        verdicts = [check_support(claim, [citation.quote]) for citation in citations]
        carry = [
            citation
            for citation, verdict in zip(citations, verdicts, strict=True)
            if verdict.decision is Decision.PASS
        ]
        if carry:
            if not any(carry[0].span.overlaps(said.span) for said in says):
                says[carry[0]] = hit.similarity
        elif _is_about(claim, hit):
            denied = verdicts[0].rule in TURNED_ROUND
            denied = denied and not _CONDITION.match(hit.passage.quote)
            (otherwise if denied else near).append(citations[0])
    best = list(says)[:MAX_SENTENCES]
    otherwise.extend(_other_sides(best, articles, disagreements))
    others = [c for c in dict.fromkeys(otherwise) if c not in best][:MAX_SENTENCES]
    return ClaimResult(
        text,
        tuple(best),
        tuple(others),
        tuple(round(says[citation], 4) for citation in best),
        () if best else tuple(near[:MAX_NEAR]),
    )


def _is_about(claim: str, hit: Hit) -> bool:
    telling, held = _stems(claim), _stems(hit.passage.quote)
    covered = bool(telling) and len(telling & held) / len(telling) >= MIN_COVERAGE
    return hit.similarity >= ABOUT and covered


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
    data = resources.files("assistant").joinpath("data/few_words.toml").read_text("utf-8")
    return frozenset(tomllib.loads(data)["few"])
