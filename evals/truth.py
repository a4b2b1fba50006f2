"""What answers are held against: the corpus's files, its description, and the policy's texts.

Texts, hashes, left-out stretches (`left_out.jsonl`, taken from the corpus description), the edges
of sentences, written questions and fixed texts are read here from their files, so that a fault in
the assistant's reading of them cannot hide. Only titles, headings and evidence tags are the
assistant's own reading of the corpus.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias

from assistant.corpus import article_id_of, load_corpus
from assistant.errors import CorpusError
from assistant.settings import Settings
from assistant.types import Article, Span
from evals.sentences import Edges, find_edges

LEFT_OUT_FILE: Final = Path(__file__).resolve().parent / "left_out.jsonl"
WORDS_IN_A_ROW: Final = 7
"""So many words of left-out text in a row are a quote of it, fewer may be chance."""

_WORD: Final = re.compile(r"\w+")
_CITATION_ID: Final = re.compile(r"(.+):([0-9]{1,9})-([0-9]{1,9})", re.DOTALL)

Run: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """The corpus and the policy as their files are.

    Attributes:
        left_out: What may never be shown.
        left_out_runs: Runs of words that stand in left-out text and nowhere else.
        edges: Where a quote may begin and end, by article.
        articles: For titles, headings and evidence tags.
        known_questions: Written questions that an article answers or that the articles differ on,
            and the corpus's examples; None where the corpus has neither, and what is suggested is
            not judged.
        notices: Every fixed text as it is shown → its name in `texts.toml`.
    """

    texts: Mapping[str, str]
    sha256: Mapping[str, str]
    left_out: tuple[Span, ...]
    left_out_runs: frozenset[Run]
    edges: Mapping[str, Edges]
    articles: Mapping[str, Article]
    known_questions: frozenset[str] | None
    notices: Mapping[str, str]


def load_truth(
    corpus: Path, left_out_file: Path = LEFT_OUT_FILE, country: str | None = None
) -> Truth:
    """Reads every ``.txt`` article of a corpus folder as it is, the others as extracted.

    Left-out stretches of articles that this corpus does not have are passed over.

    Args:
        country: Whose help lines stand in the fixed texts; by default the operator's setting.

    Raises:
        CorpusError: The folder has no article, one is not UTF-8 or not as its description says,
            or words that mark left-out text are not in their article.
    """
    texts: dict[str, str] = {}
    sha256: dict[str, str] = {}
    for path in sorted(path for path in corpus.glob("*.txt") if path.is_file()):
        data = path.read_bytes()
        try:
            texts[article_id_of(Path(path.name))] = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8"
            ) from error
        sha256[article_id_of(Path(path.name))] = hashlib.sha256(data).hexdigest()
    articles = load_corpus(corpus)
    for article in articles.values():
        # Of other formats the text is what the assistant extracts; there is no other to hold it to.
        if article.id not in texts:
            texts[article.id], sha256[article.id] = article.text, article.sha256
    left_out = tuple(_iter_left_out(left_out_file, texts))
    if country is None:
        country = Settings.from_environment().country
    notices = _load_notices(country)
    known = frozenset(_iter_known_questions(corpus))
    # Where the assistant leaves out more than is known here, its cut is an edge too.
    cuts = [*left_out, *(left.span for a in articles.values() for left in a.left_out)]
    return Truth(
        texts=texts,
        sha256=sha256,
        left_out=left_out,
        left_out_runs=_runs_only_left_out(texts, left_out, notices),
        edges={
            name: find_edges(text, [cut for cut in cuts if cut.article_id == name])
            for name, text in texts.items()
        },
        articles=articles,
        known_questions=known or None,
        notices=notices,
    )


def parse_citation_span(citation_id: str) -> Span | None:
    """The span that an id ``article:start-end[@hash]`` names; None if it is no such id."""
    found = _CITATION_ID.fullmatch(citation_id.split("@")[0])
    if not found or int(found[2]) >= int(found[3]):
        return None
    return Span(found[1], int(found[2]), int(found[3]))


def iter_runs(text: str, length: int = WORDS_IN_A_ROW) -> Iterator[Run]:
    """Every run of `length` words, case folded; a shorter text is one run."""
    words = _WORD.findall(text.casefold())
    if words:
        for start in range(max(1, len(words) - length + 1)):
            yield tuple(words[start : start + length])


def _iter_left_out(path: Path, texts: Mapping[str, str]) -> Iterator[Span]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            article, first, last = row["article"], row["from"], row["to"]
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError(
                f"{path}:{number}: {error!r}; each line needs article, from and to"
            ) from error
        if article not in texts:
            continue
        text = texts[article]
        start = text.find(first)
        stop = text.find(last, start) if last else len(text)
        if start < 0 or stop < 0:
            missing = first if start < 0 else last
            raise CorpusError(
                f"{path}:{number}: {missing!r} is not in {article}, so what is left out there is "
                "not known; correct the line"
            )
        yield Span(article, start, stop + len(last))


def _runs_only_left_out(
    texts: Mapping[str, str], left_out: Iterable[Span], fixed: Iterable[str]
) -> frozenset[Run]:
    left: set[Run] = set()
    kept = dict(texts)
    for span in left_out:
        left.update(iter_runs(texts[span.article_id][span.start : span.end]))
        blank = "\n" * (span.end - span.start)
        rest = kept[span.article_id]
        kept[span.article_id] = rest[: span.start] + blank + rest[span.end :]
    said = {run for text in (*kept.values(), *fixed) for run in iter_runs(text)}
    return frozenset(left - said)


def _iter_known_questions(corpus: Path) -> Iterator[str]:
    """The corpus's questions, read from its files; none where there are no such files."""
    written, examples = corpus / "questions.jsonl", corpus / "examples.toml"
    differ = corpus / "disagreements.toml"
    try:
        if written.exists():
            for line in written.read_text(encoding="utf-8").split("\n"):
                row = json.loads(line) if line.strip() else None
                if row is not None and row["article"] is not None:
                    yield " ".join(row["question"].split())
        if examples.exists():
            yield from tomllib.loads(examples.read_text(encoding="utf-8"))["questions"]
        if differ.exists():
            for row in tomllib.loads(differ.read_text(encoding="utf-8")).get("disagreement", ()):
                yield from row["questions"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{corpus}: its questions cannot be read ({error!r})") from error


def _load_notices(country: str) -> dict[str, str]:
    """Each fixed text with the numbers of a country filled in → its name."""
    data = resources.files("assistant") / "data"
    lines = tomllib.loads((data / "helplines.toml").read_text(encoding="utf-8"))
    texts = tomllib.loads((data / "texts.toml").read_text(encoding="utf-8"))["text"]
    row = lines.get("country", {}).get(country.upper(), lines["general"])
    return {
        text.replace("{emergency}", row["emergency"]).replace("{helplines}", row["text"]): name
        for name, text in texts.items()
    }
