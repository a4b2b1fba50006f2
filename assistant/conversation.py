"""A follow-up → a query that can be searched by itself, from the turns before it; no model.

"The second one" becomes the item's name, a pronoun the last thing talked about, "yes" what was
offered; what is cut short ("and for runners?") is put behind the question before it. What cannot
be resolved is returned as it is, and the check of answers then finds nothing for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from assistant.lexicon import Lexicon
from assistant.text import QUESTION_OPENERS, iter_sentences, squeeze, words
from assistant.types import Article, BlockKind, Turn

_OPENERS: Final = re.compile(
    r"(and|but|so|or|also|ok(ay)?|what about|how about|what if|why( not| is that)?\s*\??$|how so"
    r"|then|really|yes|yeah|yep|sure|please|go on|tell me more|more|what else|any others?)\b",
    re.I,
)
_POINTER: Final = re.compile(
    r"\b(?:(?:that|this|the|these|those) (?:muscle|exercise|move|drill|condition|one|ones|thing)s?"
    r"|it|that|this|these|those|they|them)\b(?!['’])",
    re.I,
)
_POSSESSIVE: Final = re.compile(r"\b(?:its|their)\b", re.I)
_ORDINAL: Final = re.compile(
    r"\b(?:the )?(first|1st|second|2nd|third|3rd|fourth|4th|fifth|5th|last)"
    r"(?: (?:one|exercise|move|drill|tip|step|thing|point))?(?:['’]s)?\b",
    re.I,
)
_ORDINALS: Final = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
    "fifth": 4, "5th": 4, "last": -1,
}  # fmt: skip
_STOP: Final = frozenset(
    "a an and are about any at be but by can could do does for from go had has have how i if in is "
    "it me more my not of ok okay on one or other please really same should so sure tell than that "
    "the them then there these they this those to too was what when where which who why will with "
    "would yeah yep yes you your else others each way long much many often".split()
)
_MAX_WORDS: Final = 14
_AFFIRMED: Final = frozenset("yes yeah yep sure ok okay please go on then more tell me".split())
_OFFER: Final = re.compile(r"(?:would you like|do you want|shall i|want me)\b[^?]*\?", re.I)
_MAX_NAME_WORDS: Final = 9
_CLAUSE: Final = re.compile(
    r"(?<=,) (?=(?:what|why|how|which|does|do|is|can|could|should|who|where)\b)| [-–] |; |: ", re.I
)
_LONG_MESSAGE: Final = 25
_LONG_SENTENCE: Final = 20
_MIN_QUESTION: Final = 4
_MAX_QUESTIONS: Final = 8
_ITEMS: Final = (BlockKind.NUMBERED, BlockKind.BULLET, BlockKind.HEADING, BlockKind.LABELLED)


def split_questions(message: str) -> tuple[str, ...]:
    """The questions inside a longer message, in order; none where it is one question anyway.

    A clause counts that ends in a question mark or starts as questions do, and has some words.
    """
    sentences = [message[a:b] for a, b in iter_sentences(message, 0, len(message))]
    if len(sentences) < 2 and len(words(message)) < _LONG_MESSAGE:
        return ()
    clauses = (
        clause
        for sentence in sentences
        for clause in (
            _CLAUSE.split(sentence) if len(words(sentence)) > _LONG_SENTENCE else [sentence]
        )
    )
    return tuple(
        clause.strip()
        for clause in clauses
        if len(own := words(clause)) >= _MIN_QUESTION
        and (clause.rstrip().endswith("?") or own[0] in QUESTION_OPENERS)
    )[:_MAX_QUESTIONS]


class Conversation:
    """Resolves follow-ups over one corpus."""

    def __init__(self, articles: Mapping[str, Article], lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._items = {
            squeeze(article.quote(sentence.span)): article.blocks[sentence.block].kind in _ITEMS
            for article in articles.values()
            for sentence in article.sentences
        }

    def resolve(self, question: str, history: Sequence[Turn]) -> str:
        """The query to search for `question`, which may lean on earlier turns.

        A question that can stand alone is returned unchanged.
        """
        asked = [squeeze(turn.content) for turn in history if turn.role == "user"]
        if not asked or not self.leans_back(question):
            return question
        said = next((squeeze(t.content) for t in reversed(history) if t.role == "assistant"), "")
        own = words(question)
        if set(own) <= _AFFIRMED and _OFFER.search(said):
            return self._offered(said, asked)
        if named := self._with_item(question, said):
            return named
        topic = next((turn for turn in reversed(asked) if not self.leans_back(turn)), asked[0])
        subject = self._subject((topic, *asked[-1:], said))
        if subject and not self._lexicon.subjects_in(question):
            if _POINTER.search(question):
                return squeeze(_POINTER.sub(subject, question, count=1))
            if _POSSESSIVE.search(question):
                return squeeze(_POSSESSIVE.sub(f"the {subject}'s", question, count=1))
        return squeeze(f"{topic} {question}")

    def leans_back(self, question: str) -> bool:
        """Whether a message makes little sense without what was said before."""
        own = words(question)
        if not own or len(own) > _MAX_WORDS:
            return False
        if _OPENERS.match(question.strip()):
            return True
        if self._lexicon.subjects_in(question):
            return False
        content = [word for word in own if word not in _STOP]
        points = any(p.search(question) for p in (_POINTER, _POSSESSIVE, _ORDINAL))
        return len(content) <= 1 or (points and len(content) <= 4)

    def keeps_to(self, query: str, texts: Sequence[str]) -> bool:
        """Whether `query` has no word of content that none of `texts` has."""
        said = {word for text in texts for word in words(text)}
        return all(word in said or word in _STOP for word in words(query))

    def _offered(self, said: str, asked: Sequence[str]) -> str:
        """What the last answer offered, with its subject in the place of a pronoun."""
        after_quotes = said.rsplit("”", 1)[-1].strip() or said
        offer = squeeze(_OFFER.sub(" ", after_quotes)) or after_quotes
        subject = self._subject((offer, *reversed(asked), said))
        if subject and _POINTER.search(offer):
            offer = _POINTER.sub(subject, offer)
        return squeeze(offer)

    def _with_item(self, question: str, said: str) -> str:
        """The question with an ordinal replaced by the item of the last answer it names."""
        match = _ORDINAL.search(question)
        items = self._quoted(said) if match else []
        at = _ORDINALS[match[1].casefold()] if match else 0
        if not match or not -len(items) <= at < len(items):
            return ""
        name = items[at].partition(":")[0]
        if len(name.split()) > _MAX_NAME_WORDS:
            name = items[at]
        return squeeze(f"{question[: match.start()]} the {name} {question[match.end() :]}")

    def _quoted(self, said: str) -> list[str]:
        """The articles' sentences in the last answer, in order; only list items if there are."""
        places = sorted((said.find(quote), quote) for quote in self._items if quote in said)
        quotes = [quote for _, quote in places]
        return [quote for quote in quotes if self._items[quote]] or quotes

    def _subject(self, texts: Sequence[str]) -> str:
        """The last subject named in the first of the texts that names one."""
        named = (self._lexicon.subjects_in(text) for text in texts)
        return next((subjects[-1] for subjects in named if subjects), "")
