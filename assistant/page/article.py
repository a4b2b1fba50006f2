"""An article as a readable page, with a cited span marked and what is not the article cut out.

Offsets are code points and stay here: the browser gets finished markup and never counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import quote

from assistant.page.markup import escape, text, words
from assistant.types import NOT_STATED, Article, Block, BlockKind, Citation, Span

_LISTS = {BlockKind.NUMBERED: "ol", BlockKind.BULLET: "ul", BlockKind.REFERENCE: "ol"}


def article_address(article_id: str) -> str:
    """Where an article can be read, relative to the chat page."""
    return f"read/{quote(article_id, safe='')}"


def citation_address(citation: Citation, among: Sequence[Citation] = ()) -> str:
    """Where `citation` can be read in its article; `among` are marked lightly there."""
    span = citation.span
    also = [
        f"{other.span.start}-{other.span.end}"
        for other in among
        if other.span.article_id == span.article_id and other.span != span
    ]
    query = f"?at={span.start}-{span.end}" + (f"&also={','.join(also)}" if also else "")
    return escape(f"{article_address(span.article_id)}{query}#cited")


def render_article(article: Article, cited: Span | None = None, also: Sequence[Span] = ()) -> str:
    """The article's title, what is known of it, and its blocks in order.

    `cited` is marked strongly and `also` lightly. Left-out text is in no part of the result; a
    grey line names its kind, and another says where a page of a PDF starts. ``mark.cited``
    elements, joined, are the words of `cited`; the first has the id ``cited``.
    """
    places = list(_in_order(article))
    title = escape(article.title)
    first = next((place for place in places if isinstance(place, Block)), None)
    if first and first.kind is BlockKind.TITLE:
        title = _render_words(article, first, cited, also)
        places.remove(first)
    out = [
        f'<header><h2 id="panel-title" tabindex="-1">{title}</h2>{_render_about(article)}</header>'
    ]
    open_list = ""
    for place in places:
        if isinstance(place, str):
            out.append(_close(open_list) + place)
            open_list = ""
            continue
        body = _render_words(article, place, cited, also)
        wanted = _LISTS.get(place.kind, "")
        if wanted != open_list:
            out.append(_close(open_list))
            if place.kind is BlockKind.REFERENCE:
                out.append(f"<h3>{words('panel.references')}</h3>")
            out.append(f'<{wanted} class="{_css_class(place)}">' if wanted else "")
            open_list = wanted
        out.append(_render_block(place, body))
    out.append(_close(open_list))
    return "".join(out)


def _close(name: str) -> str:
    return f"</{name}>" if name else ""


def _css_class(block: Block) -> str:
    return block.kind.value.split()[0]


def _in_order(article: Article) -> Iterator[Block | str]:
    """Blocks by place, and grey lines for left-out spans and pages that start in no block."""
    outside = [
        item
        for item in article.left_out
        if not any(block.span.overlaps(item.span) for block in article.blocks)
    ]
    places: list[tuple[int, Block | str]] = [
        (start, f'<p class="page-start">{words("panel.page", number=number)}</p>')
        for start, number in _page_starts(article)
        if not any(block.span.start < start < block.span.end for block in article.blocks)
    ]
    places += [(b.span.start, b) for b in article.blocks]
    places += [(item.span.start, _left_out_line(item.kind)) for item in outside]
    for _, place in sorted(places, key=lambda item: item[0]):
        yield place


def _page_starts(article: Article) -> list[tuple[int, int]]:
    """Where each page with words on it starts, and its number; without the first page."""
    starts = {start: number for number, start in enumerate(article.pages, start=1)}
    ends = len(article.text)
    return [(start, number) for start, number in starts.items() if number > 1 and start < ends]


def _left_out_line(kind: str) -> str:
    return f'<p class="left-out">{words("panel.left_out", kind=kind)}</p>'


def _render_block(block: Block, body: str) -> str:
    if block.kind is BlockKind.TITLE:
        return f'<h2 class="post">{body}</h2>'
    if block.kind is BlockKind.HEADING:
        level = min(6, 2 + max(1, block.level))
        marker = f'<span class="marker">{escape(block.marker)}</span> ' if block.marker else ""
        return f"<h{level}>{marker}{body}</h{level}>"
    if block.kind in _LISTS:
        number = block.marker.rstrip(".)")
        value = f' value="{number}"' if number.isascii() and number.isdigit() else ""
        return f"<li{value}>{body}</li>"
    return f'<p class="{_css_class(block)}">{body}</p>'


def _render_words(article: Article, block: Block, cited: Span | None, also: Sequence[Span]) -> str:
    """The block's words between all boundaries, each stretch in the markup it calls for."""
    start, end = block.span.start, block.span.end
    label_end = start
    if block.kind is BlockKind.LABELLED and article.text.startswith(block.marker + ":", start):
        label_end = min(end, start + len(block.marker) + 1)
    hidden = [i for i in article.left_out if i.span.start < end and start < i.span.end]
    pages = {at: number for at, number in _page_starts(article) if start < at < end}
    edges = {start, end, label_end, *pages}
    for span in (*(i.span for i in hidden), *also, *([cited] if cited else [])):
        if span.article_id == article.id:
            edges |= {min(max(edge, start), end) for edge in (span.start, span.end)}
    points = sorted(edges)
    out: list[str] = []
    for low, high in pairwise(points):
        here = Span(article.id, low, high)
        if low in pages:
            said = words("panel.page", number=pages[low])
            out.append(f'<span class="page-start">[{said}]</span> ')
        covering = next((i for i in hidden if i.span.contains(here)), None)
        if covering:
            if low == max(start, covering.span.start):
                short = words("panel.left_out_short", kind=covering.kind)
                out.append(f' <span class="left-out">[{short}]</span> ')
            continue
        piece = escape(article.text[low:high])
        if high <= label_end:
            piece = f"<strong>{piece}</strong>"
        if cited and cited.contains(here):
            first = low == cited.start
            piece = f'<mark class="cited"{_FIRST if first else ""}>{piece}</mark>'
        elif any(span.contains(here) for span in also):
            piece = f'<mark class="also">{piece}</mark>'
        out.append(piece)
    return "".join(out)


_FIRST = ' id="cited" tabindex="-1"'


def _render_about(article: Article) -> str:
    """What is known of the article; what nobody recorded is said to be not stated."""
    rows = (
        ("panel.kind", article.source_kind),
        ("panel.rests_on", article.claims_rest_on),
        ("panel.author", article.author),
        ("panel.date", article.date),
        ("panel.address", article.address),
    )
    unknown = [text(key) for key, value in rows if value == NOT_STATED]
    known = "".join(
        f"<div><dt>{words(key)}</dt><dd>{escape(value)}</dd></div>"
        for key, value in rows
        if value != NOT_STATED
    )
    if unknown:
        names = escape(", ".join(unknown))
        known += f"<div><dt>{names}</dt><dd>{escape(NOT_STATED)}</dd></div>"
    return f'<dl class="about">{known}</dl>'


def render_article_list(articles: Mapping[str, Article]) -> str:
    """Links to all articles, each with what it is and what its claims rest on."""
    items = "".join(
        f'<li><a class="article-link" href="{escape(article_address(article.id))}">'
        f'<span class="article-title">{escape(article.title)}</span>'
        f'<span class="article-about">{escape(article.source_kind)} · '
        f"{words('panel.rests_on')}: {escape(article.claims_rest_on)}</span></a></li>"
        for article in articles.values()
    )
    return f'<ul class="articles">{items}</ul>'
