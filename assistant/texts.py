"""The texts that citations refer to, kept beside the index: of this generation and earlier ones.

What was extracted from a PDF or a page is stored, so that offsets mean the same tomorrow, whatever
the extracting library does then; what an article said before it was changed is kept, so that an
old citation can be explained. Each text is a file named by what it holds, with a digest in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from assistant.documents import EXTRACTOR_VERSION, Document
from assistant.errors import StoreError
from assistant.text import sha256_text
from assistant.types import Article, Original, Span

FOLDER: Final = "texts"
_KEY_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class StoredText:
    """An article's text at one time, and the file that it was read from.

    `left_out` are the (start, end) of what was not the article, and is never shown.
    """

    article_id: str
    document: Document
    original: Original
    left_out: tuple[tuple[int, int], ...]

    @property
    def sha256(self) -> str:
        """SHA-256 of the text, as citations carry it."""
        return sha256_text(self.document.text)

    @property
    def name(self) -> str:
        """Its file's name: the text's first digits, and the key it is looked up by."""
        return f"{self.sha256[:8]}-{_key(self.article_id, self.original.sha256)}.json"

    def quote(self, span: Span) -> str | None:
        """The words that stood at `span`; None where there are none, or they were left out."""
        text = self.document.text
        shown = span.end <= len(text) and not any(
            start < span.end and span.start < end for start, end in self.left_out
        )
        return text[span.start : span.end] if shown else None


def store_of(article: Article, document: Document, original: Original) -> StoredText:
    """The record of an article as it was read."""
    cut = tuple((item.span.start, item.span.end) for item in article.left_out)
    return StoredText(article.id, document, original, cut)


class TextStore:
    """The folder of stored texts; reading never writes."""

    def __init__(self, index_folder: Path) -> None:
        self.folder = index_folder / FOLDER

    def find(self, article_id: str, original_sha256: str) -> StoredText | None:
        """The text that was read from a file with this hash, or None.

        Raises:
            StoreError: there is one, but it was changed after it was stored.
        """
        for path in sorted(self.folder.glob(f"*-{_key(article_id, original_sha256)}.json")):
            return _read(path)
        return None

    def earlier(self, article_id: str, digits: str) -> StoredText | None:
        """The text of an article whose SHA-256 starts with these 8 digits, or None.

        Raises:
            StoreError: there is one, but it was changed after it was stored.
        """
        for path in sorted(self.folder.glob(f"{digits}-*.json")):
            stored = _read(path)
            if stored.article_id == article_id:
                return stored
        return None

    def check(self, names: Iterable[str]) -> None:
        """Raise a `StoreError` where one of these texts is missing or was changed."""
        for name in names:
            if not (self.folder / name).is_file():
                raise StoreError(f"{self.folder / name}: is missing; run `knee-hip ingest --force`")
            _read(self.folder / name)

    def keep(self, texts: Iterable[StoredText]) -> None:
        """Store the texts, each whole or not at all; what is there already is written anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stored in texts:
            path = self.folder / stored.name
            temporary = path.with_suffix(".new")
            row = _row(stored)
            data = json.dumps({**row, "digest": _digest(row)}, ensure_ascii=False)
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)

    def names(self) -> Iterator[str]:
        """The names of all texts that are stored and whole."""
        for path in sorted(self.folder.glob("*.json")):
            try:
                _read(path)
            except StoreError:
                continue
            yield path.name

    def forget_others(self, names: Iterable[str]) -> None:
        """Remove what is not among `names`: the remains of ingests that were killed."""
        kept = set(names)
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _key(article_id: str, original_sha256: str) -> str:
    return sha256_text(f"{article_id}\n{original_sha256}\n{EXTRACTOR_VERSION}")[:_KEY_DIGITS]


def _row(stored: StoredText) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(stored)))  # type: ignore[no-any-return]


def _digest(row: Any) -> str:
    return sha256_text(json.dumps(row, sort_keys=True, ensure_ascii=False))


def _read(path: Path) -> StoredText:
    try:
        row = json.loads(path.read_bytes().decode("utf-8"))
        digest = row.pop("digest")
        if digest != _digest(row):
            raise ValueError("was changed after it was stored")
        document = {field.name: row["document"][field.name] for field in fields(Document)}
        document["headings"] = tuple((start, level) for start, level in document["headings"])
        document["pages"] = tuple(document["pages"])
        stored = StoredText(
            row["article_id"],
            Document(**document),
            Original(**row["original"]),
            tuple((start, end) for start, end in row["left_out"]),
        )
        name = stored.name
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: damaged ({error}); run `knee-hip ingest --force`") from error
    if name != path.name:
        raise StoreError(f"{path}: does not hold what its name says; run `knee-hip ingest --force`")
    return stored
