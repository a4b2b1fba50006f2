"""Is what was found an answer, where no written questions tell? For a corpus of articles alone.

Four signs that need no examples of this corpus, weighed by a logistic function: how near the
nearest passage is; which share of what the question asks about its best section holds; which share
any article holds; and how rare the rarest word is that none holds. A question for an amount is held
against whether what was found names one. A word counts by how rarely it was met in messages, so
“shoulder” says more than “help” and “turmeric” more than either.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from assistant.answerability import NEAR_PASSAGE, OTHER_TOPIC, Judgement
from assistant.claims import few_words
from assistant.text import words
from assistant.types import Article, BlockKind, Decision, Evidence, Passage, Verdict
from assistant.words import stems

# Set by hand on the dev splits of two corpora: the four articles without their written index and
# `tests/corpora/shoulder-questions.jsonl`.
_SIMILARITY: Final = 4.4
_IN_SECTION: Final = 1.2
_IN_CORPUS: Final = 1.2
_MISSING: Final = 0.7
_NO_AMOUNT: Final = 2.6
_LIMIT: Final = 3.85
_SECTIONS: Final = 4
_AMOUNTS: Final = 3
# A word that was met no more often than this share (a logarithm) names something.
RARE: Final = 0.5
_FLOOR: Final = 0.05
_PREFIX: Final = 5
_MIN_ITEMS: Final = 2

_ASKS_AMOUNT: Final = re.compile(
    r"\bhow (?:long|many|often|much|old|far|heavy|soon|likely|deep|high|fast|big)\b|\bwhat age\b"
    r"|\bpercent",
    re.I,
)
_AMOUNT: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty"
    r"|fifty|sixty|half|once|twice|daily|seconds|minutes|hours?|days?|weeks?|months?|years?|age"
    r"|young|younger|older|short|long)\b",
    re.I,
)


_ASKS_LIST: Final = re.compile(
    r"\bwhich (?:\w+ )?\w{2,}s\b|\bwhat (?:\w+ )?(?:are|changes|exercises|muscles|positions|signs"
    r"|stages|steps|stretches|symptoms|tips|ways)\b",
    re.I,
)
_ITEMS: Final = (BlockKind.NUMBERED, BlockKind.BULLET)


class Vocabulary:
    """The words that a corpus has, and how much a word of a question says.

    Args:
        counts: how often each word was met in messages.
    """

    def __init__(self, passages: Iterable[Passage], counts: Mapping[str, int]) -> None:
        self.held = {stem for passage in passages for stem in stems(passage.embedded_text)}
        self._by_prefix: dict[str, list[str]] = defaultdict(list)
        for stem in sorted(self.held):
            if len(stem) >= _PREFIX:
                self._by_prefix[stem[:_PREFIX]].append(stem)
        self._counts: dict[str, int] = defaultdict(int)
        for word, count in counts.items():
            self._counts[stems(word)[0]] += count
        self._most = max(self._counts.values(), default=2)

    def asked(self, text: str) -> tuple[str, ...]:
        """Stems of the telling words of `text`, each once, those of the corpus where one is near.

        “physio” counts as “physiotherapy” where only that occurs.
        """
        telling = (w for w in words(text) if len(w) > 1 and w not in few_words())
        return tuple(dict.fromkeys(self._known(stem) for w in telling for stem in stems(w)))

    def rarity(self, stem: str) -> float:
        """In [0, 1]: 0 for the word that messages have most often, 1 for one never met."""
        met = 1 + self._counts.get(stem, 0)
        return min(1.0, max(0.0, 1 - math.log(met) / math.log(self._most)))

    def share(self, asked: Sequence[str], held: Iterable[str]) -> float:
        """How much of what is asked about stands in `held`, in [0, 1]; 0 where nothing is asked."""
        weights = {stem: self.rarity(stem) + _FLOOR for stem in asked}
        return sum(weights[s] for s in weights.keys() & set(held)) / (sum(weights.values()) or 1)

    def missing(self, query: str) -> list[str]:
        """The words of `query` that name something and stand nowhere in the corpus, in order."""
        own = dict.fromkeys(w for w in words(query) if w.isalpha() and w not in few_words())
        return [
            word
            for word in own
            if (stem := self._known(stems(word)[0])) not in self.held and self.rarity(stem) >= RARE
        ]

    def _known(self, stem: str) -> str:
        if stem in self.held or len(stem) < _PREFIX:
            return stem
        near = self._by_prefix.get(stem[:_PREFIX], ())
        return next((k for k in near if k.startswith(stem) or stem.startswith(k)), stem)


class Unaided:
    """Judges what was found by the corpus's own words."""

    def __init__(self, passages: Sequence[Passage], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._sections: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
        for passage in passages:
            self._sections[_home(passage)].update(stems(passage.embedded_text))

    def judge(self, evidence: Evidence, other: float) -> Judgement:
        """Judge one question.

        Args:
            other: how much it resembles examples of other topics, in about [-1, 1]. Where there are
                no written questions, half of all known texts are such examples: 0 says nothing.
        """
        other += OTHER_TOPIC
        if not evidence.hits:
            return Judgement(0.0, other, Verdict("answerable", Decision.FAIL, "nothing was found"))
        vocabulary, hits = self._vocabulary, evidence.hits
        asked = vocabulary.asked(evidence.query)
        nearest = max(hit.similarity for hit in hits)
        in_section = max(
            vocabulary.share(asked, self._sections[_home(hit.passage)]) for hit in hits[:_SECTIONS]
        )
        in_corpus = vocabulary.share(asked, vocabulary.held)
        missing = max((vocabulary.rarity(s) for s in asked if s not in vocabulary.held), default=0)
        no_amount = bool(_ASKS_AMOUNT.search(evidence.query)) and not any(
            _AMOUNT.search(hit.passage.quote) for hit in hits[:_AMOUNTS]
        )
        score = (
            _SIMILARITY * nearest
            + _IN_SECTION * in_section
            + _IN_CORPUS * in_corpus
            - _MISSING * missing
            - _NO_AMOUNT * no_amount
        )
        if nearest >= NEAR_PASSAGE:
            # What comes near to a passage is on the corpus's topic, whatever that is.
            other = min(other, OTHER_TOPIC)
        probability = 1 / (1 + math.exp(_LIMIT - score))
        verdict = Verdict(
            "answerable",
            Decision.PASS if score >= _LIMIT and other <= OTHER_TOPIC else Decision.FAIL,
            f"no written questions; {score:.2f} (at least {_LIMIT}): nearest passage "
            f"{nearest:.2f}, {in_section:.0%} of what is asked in one section, {in_corpus:.0%} in "
            f"any article, rarest missing word {missing:.2f}, {other:.2f} that it is about "
            f"something else (limit {OTHER_TOPIC})",
        )
        return Judgement(probability, other, verdict, nearest)


def with_list(
    evidence: Evidence, passages: Sequence[Passage], articles: Mapping[str, Article]
) -> Evidence:
    """The evidence led by a list, where several things are asked for and its section lists them.

    “Which exercises …” is answered by the items below the sentence that comes nearest, not by it.
    """
    if not evidence.hits or not _ASKS_LIST.search(evidence.query):
        return evidence
    top = evidence.hits[0]
    article = articles[top.passage.span.article_id]
    blocks = [b for b in article.blocks if b.kind in _ITEMS and b.section == top.passage.section]
    items = [
        p
        for p in passages
        if p.span.article_id == article.id and any(b.span.contains(p.span) for b in blocks)
    ]
    if len(items) < _MIN_ITEMS:
        return evidence
    ids = [item.id for item in items]
    found = {hit.passage.id: hit for hit in evidence.hits}
    lead = [replace(found.get(item.id, top), passage=item, score=top.score) for item in items]
    around = (article.id, top.passage.section)
    rest = [
        hit for hit in evidence.hits if hit.passage.id not in ids and _home(hit.passage) != around
    ]
    hits = tuple(replace(hit, rank=n) for n, hit in enumerate([*lead, *rest], start=1))
    return replace(evidence, hits=hits, together=tuple(ids))


def _home(passage: Passage) -> tuple[str, tuple[str, ...]]:
    return passage.span.article_id, passage.section
