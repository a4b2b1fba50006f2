"""A saved web page → the text of its article. trafilatura finds the article among menus, banners,
adverts and comments; what the page hides goes before, and nothing is fetched.
"""

from __future__ import annotations

import logging
import re
from copy import copy
from typing import TYPE_CHECKING, Final

from assistant.documents.files import DAMAGED, check_bytes
from assistant.documents.hidden import (
    PAGE,
    background_of,
    hides,
    hiding_selectors,
    read_style,
)
from assistant.documents.tags import check_attributes, check_elements, check_in_line
from assistant.documents.writer import BULLET, Document, Writer, clean
from assistant.errors import CorpusError

if TYPE_CHECKING:
    from lxml.etree import _Element

MIN_WORDS: Final = 3

_WORDS: Final = frozenset("p h1 h2 h3 h4 h5 h6".split())
_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_XML_CHARSET: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.I)
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# What pages call themselves, and what browsers read them as.
_CHARSETS: Final = {
    "utf-8": "utf-8", "utf8": "utf-8", "ascii": "cp1252", "us-ascii": "cp1252",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "windows-1252": "cp1252",
    "cp1252": "cp1252", "iso-8859-15": "iso-8859-15", "windows-1250": "cp1250",
    "macintosh": "mac-roman",
}  # fmt: skip
_NO_TEXT: Final = (
    "script style template noscript iframe object embed svg math canvas audio video picture img "
    "pre button select textarea input dialog del s strike link map frameset title meta base".split()
)
# Of trafilatura's names for what it found.
_BLOCKS: Final = frozenset("p head list item table quote code dl".split())


def read_html(raw: bytes) -> Document:
    """The document of a saved web page.

    Raises:
        CorpusError: its encoding is not what it says, or it has no article; does not name the
            file.
    """
    from lxml import etree, html

    text = _decode(raw)
    check_attributes(text)
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        page = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
        if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
            # What follows would be missing without a word.
            raise CorpusError(
                "HTML that is nested too deeply or holds too long a text; save the page's text as "
                ".txt"
            )
        check_elements(page)
        facts = _facts(page)
        _drop_hidden(page)
        check_in_line(page)
        _wrap_bare_article(page)
        body = _find_article(page)
        writer = Writer()
        if body is not None:
            _Walk(writer).blocks(body)
        title = writer.title or _seen_title(page, facts["title"])
        if not writer.has_title and body is not None:
            writer.put_title_first(title)
        document = writer.finish(
            structured=True,
            title=title,
            author=facts["author"],
            date=facts["date"],
            address=facts["address"],
        )
    except (etree.LxmlError, *DAMAGED) as error:
        raise CorpusError(
            f"HTML that cannot be read ({type(error).__name__}); save the page anew, or its text "
            "as .txt"
        ) from error
    rest = document.text.removeprefix(clean(title))
    if len(rest.split()) < MIN_WORDS:
        raise CorpusError("HTML without an article's text; save the page's text as .txt")
    return document


def _decode(raw: bytes) -> str:
    """The page's text by its byte order mark, by what it says, else as UTF-8."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return check_bytes(raw[len(mark) :], encoding)
    head = raw[:4096]
    stated = _XML_CHARSET.search(head) or _META_CHARSET.search(head)
    name = stated[1].decode("ascii", "replace").lower() if stated else "utf-8"
    if name not in _CHARSETS:
        raise CorpusError(f"says that it is in {name}, which is not read; save it as UTF-8")
    return check_bytes(raw, _CHARSETS[name])


def _facts(page: _Element) -> dict[str, str]:
    """What the page's head states; ``""`` where it states nothing."""
    meta: dict[str, str] = {}
    for element in page.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        meta.setdefault(name.strip().lower(), element.get("content", ""))
    links = [
        e.get("href", "") for e in page.iter("link") if e.get("rel", "").lower() == "canonical"
    ]
    titles = [clean("".join(element.itertext())) for element in page.iter("title")]
    times = [e.get("datetime", "") for e in page.iter("time")]

    def first(*names: str) -> str:
        return next((meta[name] for name in names if meta.get(name, "").strip()), "")

    author = first("author", "dc.creator", "dcterms.creator", "citation_author", "article:author")
    return {
        "title": first("og:title", "citation_title", "dc.title") or next(filter(None, titles), ""),
        "author": "" if author.startswith("http") else author,
        "date": _day(
            first(
                "article:published_time", "datepublished", "date", "dc.date", "dcterms.created",
                "dc.date.issued", "citation_publication_date",
            )
            or next(filter(None, times), "")
        ),
        "address": next(filter(None, links), "") or first("og:url"),
    }  # fmt: skip


def _seen_title(page: _Element, stated: str) -> str:
    """The heading that the page's title names, without the site's name; else what is stated."""
    seen = (clean(_flat("".join(map(str, e.itertext())))) for e in page.iter("h1"))
    return next((words for words in seen if words and words in stated), stated)


def _day(stated: str) -> str:
    match = re.match(r"\s*(\d{4}-\d\d-\d\d)(?:[T ]|\s*$)", stated)
    return match[1] if match else stated


def _drop_hidden(page: _Element) -> None:
    """Take out what shows nothing: scripts, hidden elements, words in their background's colour."""
    from lxml import etree

    css = "\n".join(element.text or "" for element in page.iter("style"))
    selectors = hiding_selectors(css)
    etree.strip_elements(page, etree.Comment, etree.ProcessingInstruction, with_tail=False)
    etree.strip_elements(page, *_NO_TEXT, with_tail=False)
    backgrounds: dict[_Element, str] = {}
    hidden = []
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        attributes = {str(name): str(value) for name, value in element.attrib.items()}
        style = read_style(attributes.get("style", ""))
        parent = element.getparent()
        inherited = backgrounds.get(parent, PAGE) if parent is not None else PAGE
        if "bgcolor" in attributes:
            style = {"background": attributes["bgcolor"].lower(), **style}
        if element.tag == "font" and "color" in attributes:
            style = {"color": attributes["color"].lower(), **style}
        background = backgrounds[element] = background_of(style, inherited)
        names = {(".", name) for name in attributes.get("class", "").split()}
        names |= {("#", attributes["id"])} if "id" in attributes else set()
        by_rule = any(
            (tag, kind, name) in selectors
            for kind, name in (*names, ("", ""))
            for tag in ("", element.tag)
        )
        if element.tag not in ("html", "body") and (
            by_rule or hides(attributes, style, background)
        ):
            hidden.append(element)
    for element in hidden:
        _drop(element)


def _drop(element: _Element) -> None:
    """Take an element out; the text behind it stays."""
    parent, tail = element.getparent(), element.tail
    if parent is None:
        return
    previous = element.getprevious()
    if tail and previous is not None:
        previous.tail = (previous.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


def _wrap_bare_article(page: _Element) -> None:
    """Put a body whose paragraphs stand in nothing else, as exports have them, into an article."""
    head, body = page.find("head"), page.find("body")
    if head is not None and body is None:  # the parser leaves elements there that it does not know
        head.tag, body = "body", head
    elif head is not None and len(head):
        head.tag = "div"
        body.insert(0, head)
    if body is None:
        return
    direct = sum(element.tag in _WORDS for element in body)
    if not direct or 2 * direct <= sum(1 for _ in body.iter(*_WORDS)):
        return
    article = body.makeelement("article")
    article.text, body.text = body.text, None
    article.extend(list(body))
    body.append(article)


def _find_article(page: _Element) -> _Element | None:
    """The article as trafilatura finds it, in its own tags; None where there is none.

    Where it finds little it falls back to all words of the page without their structure. So it is
    asked again before that is taken: for articles shorter than it expects, then with the help of
    the other extractors that it knows.
    """
    from trafilatura import bare_extraction
    from trafilatura.settings import use_config

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    found: list[_Element] = []
    for minimum, fast in (("250", True), ("1", True), ("1", False)):
        config = use_config()
        config.set("DEFAULT", "MIN_EXTRACTED_SIZE", minimum)
        result = bare_extraction(
            copy(page),
            fast=fast,
            include_comments=False,
            include_formatting=True,
            include_tables=True,
            output_format="xml",
            config=config,
        )
        body: _Element | None = getattr(result, "body", None)
        if body is not None and any(True for _ in body.iter("head", "list")):
            return body
        if body is not None:
            found.append(body)
    return found[0] if found else None


class _Walk:
    """Hands the blocks of trafilatura's tree to a writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def blocks(self, element: _Element) -> None:
        """The blocks inside of an element, in order."""
        words = [_flat(element.text)]
        for child in element:
            if child.tag in _BLOCKS:
                self._writer.paragraph("".join(words))
                words = []
                self._block(child)
            else:
                words.append(_inline(child))
            words.append(_flat(child.tail))
        self._writer.paragraph("".join(words))

    def _block(self, element: _Element) -> None:
        match element.tag:
            case "head":
                digit = re.search(r"\d", element.get("rend", ""))
                self._writer.heading(_inline(element), int(digit[0]) if digit else 2)
            case "list":
                self._list(element)
            case "table":
                rows = [[_inline(cell) for cell in row.iter("cell")] for row in element.iter("row")]
                heads = [cell.get("role") == "head" for cell in element.iter("cell")]
                self._writer.table(rows, has_header=any(heads[: len(rows[0])] if rows else ()))
            case "code":
                pass
            case _:
                self.blocks(element)

    def _list(self, element: _Element) -> None:
        if element.get("rend") == "dl":
            self._definitions(element)
            return
        number = 0
        for item in element:
            if item.tag != "item":
                continue
            number += 1
            marker = f"{number}. " if element.get("rend") == "ol" else BULLET
            words, inner = [_flat(item.text)], list(item)
            while inner and (inner[0].tag not in _BLOCKS or not "".join(words).strip()):
                if inner[0].tag in ("list", "table"):
                    break
                child = inner.pop(0)
                words += [_inline(child), _flat(child.tail)]
            self._writer.item("".join(words).replace("\n", " "), marker)
            for child in inner:
                if child.tag in _BLOCKS:
                    self._block(child)
                else:
                    self._writer.paragraph(_inline(child))
                self._writer.paragraph(_flat(child.tail))

    def _definitions(self, element: _Element) -> None:
        """One item a term, "term: what it means"."""
        found: list[str] = []
        for item in element:
            words = clean(_inline(item))
            if item.get("rend", "").startswith("dt") or not found:
                found.append(words)
            elif words:
                found[-1] += (" " if ": " in found[-1] else ": ") + words
        for words in found:
            self._writer.item(words)


def _inline(element: _Element) -> str:
    """The words of an element; a break in them is a line end, any other white space a blank."""
    if element.tag == "lb":
        return "\n"
    if not isinstance(element.tag, str):
        return ""
    words = [_flat(element.text)]
    for child in element:
        words += [_inline(child), _flat(child.tail)]
    return "".join(words)


def _flat(text: str | None) -> str:
    """Text whose line ends stay: trafilatura has left only those that part lines."""
    return re.sub(r"[^\S\n]+", " ", text or "")
