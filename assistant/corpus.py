"""A corpus: a folder of articles, or one file → its articles, and the files that failed.

Which files are articles, what their ids are, and where each text comes from; how a file is read
is in ``documents``, how a text is understood in ``articles``.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.articles import parse_article
from assistant.documents import MAX_ORIGINAL_BYTES, SUFFIXES, Document, read_document
from assistant.errors import CorpusError
from assistant.generations import file_sha256
from assistant.sources import SOURCES_FILE, Source, load_sources
from assistant.text import sha256_text
from assistant.texts import StoredText, TextStore, store_of
from assistant.types import Article, Original

_NOT_IN_AN_ID: Final = re.compile(r"[:@/\\\s]+")
_UNREAD: Final = frozenset(
    ".doc .odt .rtf .epub .pages .ppt .pptx .wpd .tex .xhtml .mht .markdown .text".split()
)
_NO_ARTICLES: Final = frozenset({"readme", "license", "copying"})
_SHOWN_FAILURES: Final = 3


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a folder holds.

    Attributes:
        articles: by id, in order of their ids.
        failed: the reason why a file could not be used, by its path below the folder.
        texts: what to store of each article, by id.
    """

    articles: Mapping[str, Article]
    failed: Mapping[str, CorpusError]
    texts: Mapping[str, StoredText]

    @property
    def missing(self) -> frozenset[str]:
        """Ids of the articles that could not be used: what is written about them is passed over."""
        return frozenset(article_id_of(Path(name)) for name in self.failed)

    def reason(self, article_id: str) -> str:
        """Why the file of an article that is not there failed; empty where none is known."""
        for name, error in self.failed.items():
            if article_id_of(Path(name)) == article_id:
                return str(error)
        return ""


def load_corpus(folder: Path, texts: TextStore | None = None) -> dict[str, Article]:
    """All articles of a corpus by id, in order of their ids; every file must be usable.

    Raises:
        CorpusError: as `read_corpus`, and for the first file that fails.
        StoreError: as `read_corpus`.
    """
    corpus = read_corpus(folder, texts)
    for error in corpus.failed.values():
        raise error
    return dict(corpus.articles)


def read_corpus(folder: Path, texts: TextStore | None = None) -> Corpus:
    """The articles of a folder and those below it, or of one file; files that fail are named.

    Args:
        texts: texts extracted earlier, used for files that have not changed since.

    Raises:
        CorpusError: there is no such folder, no article in it that can be used, or
            ``sources.toml`` is wrong.
        StoreError: a stored text was changed.
    """
    failed: dict[str, CorpusError] = {}
    named = _named(folder, failed)
    sources = load_sources(_root(folder))
    if not folder.is_dir():
        sources = {name: sources[name] for name, _ in named if name in sources}
    often = Counter(_folded(article_id) for article_id, _ in named)
    articles: dict[str, Article] = {}
    stored: dict[str, StoredText] = {}
    for article_id, path in named:
        name = str(path.relative_to(_root(folder)))
        try:
            if often[_folded(article_id)] > 1:
                raise CorpusError(
                    f"{path}: another file has the same id, {article_id!r}; rename one of them"
                )
            article, text = _load(path, article_id, sources.get(article_id), texts)
        except CorpusError as error:
            failed[name] = error
        else:
            articles[article_id] = article
            stored[article_id] = text
    for missing in sorted(set(sources) - {article_id for article_id, _ in named}):
        failed.setdefault(
            missing,
            CorpusError(
                f"{folder / SOURCES_FILE}: names the article {missing!r}, but there is no such "
                "file; restore it or remove the entry"
            ),
        )
    if not any(s.quotable for article in articles.values() for s in article.sentences):
        raise _nothing(folder, failed)
    return Corpus(articles, failed, stored)


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that is an article, by the article's id; of those that can be read.

    Raises:
        CorpusError: there is no such folder.
    """
    found = {}
    for article_id, path in _named(folder, {}):
        try:
            if path.is_file():
                found[article_id] = file_sha256(path)
        except OSError:
            continue
    return found


def article_id_of(path: Path) -> str:
    """The id of the article in a file, from its path below the corpus folder.

    It is a part of every citation, so blanks, colons, slashes and @ become hyphens, and what
    cannot be seen is dropped.
    """
    whole = unicodedata.normalize("NFC", str(path.with_suffix("")))
    whole = "".join(c for c in whole if c.isspace() or unicodedata.category(c)[0] != "C")
    return _NOT_IN_AN_ID.sub("-", whole).strip("-") or "article"


def _named(folder: Path, failed: dict[str, CorpusError]) -> list[tuple[str, Path]]:
    """The id and the path of every article, in order of the ids; folders that cannot be read
    are added to `failed`.
    """
    if not folder.exists():
        raise CorpusError(f"{folder}: no such folder; name a folder that holds articles")
    root = _root(folder)
    paths = _iter_documents(folder, failed)
    return sorted((article_id_of(path.relative_to(root)), path) for path in paths)


def _root(folder: Path) -> Path:
    return folder if folder.is_dir() else folder.parent


def _folded(article_id: str) -> str:
    return article_id.casefold()


def _nothing(folder: Path, failed: Mapping[str, CorpusError]) -> CorpusError:
    if not failed:
        return CorpusError(
            f"{folder}: no sentence in it that could be quoted; put articles there "
            f"({', '.join(SUFFIXES)})"
        )
    errors = list(map(str, failed.values()))
    more = f" (and {len(errors) - _SHOWN_FAILURES} more)" if len(errors) > _SHOWN_FAILURES else ""
    return CorpusError(" | ".join(errors[:_SHOWN_FAILURES]) + more)


def _iter_documents(folder: Path, failed: dict[str, CorpusError]) -> Iterator[Path]:
    """The files that are articles, or look as if they were meant to be, in order.

    Hidden files and folders, and a README or licence, are none. Symbolic links are followed, but
    no folder is read twice, so that no loop is.
    """
    if not folder.is_dir():
        yield folder
        return

    def unreadable(error: OSError) -> None:
        place = Path(error.filename)
        failed[str(place.relative_to(folder))] = CorpusError(
            f"{place}: the folder cannot be read ({error.strerror}); check that you may read it"
        )

    root = folder.resolve()
    read = {root}
    for home, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        visible = sorted(name for name in folders if not name.startswith((".", "~")))
        folders[:] = [name for name in visible if _is_new(Path(home, name), root, read)]
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if name.startswith((".", "~")) or Path(name).stem.lower() in _NO_ARTICLES:
                continue
            if suffix in SUFFIXES or suffix in _UNREAD:
                yield Path(home) / name


def _is_new(folder: Path, root: Path, read: set[Path]) -> bool:
    """Whether a folder is to be read: not read yet, and no link to what has its own place below
    `root`. If so it is added to `read`.
    """
    real = folder.resolve()
    if real in read or (folder.is_symlink() and real.is_relative_to(root)):
        return False
    read.add(real)
    return True


def _load(
    path: Path, article_id: str, source: Source | None, texts: TextStore | None
) -> tuple[Article, StoredText]:
    """One file as an article, and what to store of it; its text as stored if it was before."""
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{str(path)!a}: its name is not UTF-8; rename it") from error
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CorpusError(f"{path}: no regular file; remove it or put a file there")
        if path.stat().st_size > MAX_ORIGINAL_BYTES:
            raise CorpusError(
                f"{path}: {path.stat().st_size} bytes; a file has at most {MAX_ORIGINAL_BYTES}, "
                "split it"
            )
        original = Original(path.name, file_sha256(path))
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror or error}); check that it is there "
            "and that you may read it"
        ) from error
    plain = path.suffix.lower() == ".txt"
    known = texts.find(article_id, original.sha256) if texts and not plain else None
    document = known.document if known else read_document(path)
    article = _parse(path, article_id, document, original, source)
    if plain and article.sha256 != original.sha256:
        raise CorpusError(f"{path}: changed while it was read; run the command again")
    return article, store_of(article, document, original)


def _parse(
    path: Path, article_id: str, document: Document, original: Original, source: Source | None
) -> Article:
    text = document.text
    if source and source.sha256 and source.sha256 not in (sha256_text(text), original.sha256):
        raise CorpusError(
            f"{path}: its SHA-256 is {original.sha256}, not {source.sha256} as "
            f"{SOURCES_FILE} says; restore the file, or correct the entry if the change is meant"
        )
    try:
        return parse_article(article_id, text, source, document, original)
    except CorpusError as error:
        raise CorpusError(f"{path}: {error}") from error
