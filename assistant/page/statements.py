"""The statements of an answer and their sources as markup: whose words they are is always seen.

Quotes have a line beside them, connecting words are small, and a language model's words are
neither; the exact words that it rests on are folded below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from assistant.page import icons
from assistant.page.article import citation_address
from assistant.page.markup import escape, text, words
from assistant.types import Answer, Citation, EvidenceTag, Statement, StatementRole

_TAG_CLASS = {
    EvidenceTag.REVIEW: "review",
    EvidenceTag.UNSOURCED: "unsourced",
    EvidenceTag.THEORY: "theory",
    EvidenceTag.INSTRUCTION: "instruction",
}


def render_statements(statements: Sequence[Statement], numbers: Mapping[Citation, int]) -> str:
    """Quotes by article, under its name; lists as lists; what differs side by side."""
    out: list[str] = []
    source = lead = ""
    for (role, title), group in groupby(statements, key=_group):
        items = list(group)
        if role is StatementRole.DIFFERS:
            columns = "".join(
                f'<div class="side"><h5>{escape(s.lead or s.citations[0].title)}</h5>'
                f"{_render_words(s, numbers)}</div>"
                for s in items
            )
            out.append(
                f'<div class="differs"><h4>{icons.FORK}{words("answer.differs")}</h4>'
                f'<div class="sides">{columns}</div></div>'
            )
            source = ""
            continue
        if title != source and title not in items[0].lead:
            out.append(_render_lead(text("answer.within", title=title)))
        source = title
        for run in _runs(items):
            out.append(_render_lead(run[0].lead) if run[0].lead != lead else "")
            lead = run[0].lead
            shown = [_render_words(statement, numbers) for statement in run]
            if role is StatementRole.ITEM:
                shown = [f'<ul class="items">{"".join(f"<li>{s}</li>" for s in shown)}</ul>']
            out += shown
    return f'<div class="statements">{"".join(out)}</div>'


def _group(statement: Statement) -> tuple[StatementRole, str]:
    """What stands together: the sides of a difference, else one article's items or sentences."""
    if statement.role is StatementRole.DIFFERS:
        return statement.role, ""
    item = statement.role is StatementRole.ITEM
    return (
        StatementRole.ITEM if item else StatementRole.ANSWER,
        statement.citations[0].title,
    )


def _runs(statements: Sequence[Statement]) -> list[list[Statement]]:
    """What stands under one lead; one without a lead of its own stands under the last."""
    runs: list[list[Statement]] = []
    for statement in statements:
        if not runs or (statement.lead and statement.lead != runs[-1][0].lead):
            runs.append([])
        runs[-1].append(statement)
    return runs


def _render_lead(lead: str) -> str:
    return f'<p class="lead">{escape(lead)}</p>' if lead else ""


def _render_words(statement: Statement, numbers: Mapping[Citation, int]) -> str:
    """The article's words in their own look, then the numbered citations.

    A language model's words have another look, and the exact words folded below them.
    """
    among = tuple(numbers)
    links = "".join(_render_cite(c, numbers[c], among) for c in statement.citations)
    body = f'{escape(statement.text)}<span class="cites">\u2060{links}</span>'
    if not statement.reworded:
        return f'<blockquote class="quote"><p>{body}</p></blockquote>'
    exact = "".join(
        f'<blockquote class="quote"><p>{escape(citation.quote)}</p></blockquote>'
        for citation in statement.citations
    )
    first = numbers[statement.citations[0]]
    return (
        f'<p class="reworded">{body}</p><details class="exact exact-{first}">'
        f"<summary>{words('answer.exact')}</summary>{exact}</details>"
    )


def whose_words(answer: Answer) -> str:
    """What a language model had to do with the words, as a sentence; empty where it had nothing."""
    model = answer.generator.partition(": ")[2]
    if not answer.statements or not model:
        return ""
    reworded = any(statement.reworded for statement in answer.statements)
    return text("answer.whose_reworded" if reworded else "answer.whose_order", model=model)


def _render_cite(citation: Citation, number: int, among: Sequence[Citation]) -> str:
    name = (
        f"{text('answer.source', number=number)}: {citation.title}, "
        f"{citation.evidence_tag.value}. {text('answer.opens')}"
    )
    return (
        f'<a class="cite" href="{citation_address(citation, among)}" '
        f'data-cite="{escape(citation.id)}" data-title="{escape(citation.title)}" '
        f'data-tag="{escape(citation.evidence_tag.value)}" aria-label="{escape(name)}">'
        f"{number}</a>"
    )


def _render_tag(tag: EvidenceTag) -> str:
    return f'<span class="tag {_TAG_CLASS[tag]}">{escape(tag.value)}</span>'


def place_of(citation: Citation) -> str:
    """The headings above a citation, without the title where it is the article's, and its page."""
    path = [name for name in citation.section if name != citation.title]
    if citation.page:
        path.append(text("panel.page", number=citation.page))
    return " › ".join(path)


def link_of(citation: Citation) -> str:
    return f"{citation.id}@{citation.sha256[:8]}"


def render_sources(numbers: Mapping[Citation, int], turn: int) -> str:
    """The numbers again by article: its title, then headings and evidence tag of each place."""
    among = tuple(numbers)
    articles: dict[str, dict[tuple[str, EvidenceTag], list[Citation]]] = {}
    for citation in among:
        place = (place_of(citation), citation.evidence_tag)
        articles.setdefault(citation.title, {}).setdefault(place, []).append(citation)
    items = ""
    for title, places in articles.items():
        first = next(iter(places.values()))[0]
        rows = "".join(
            f'<p class="place">{"".join(_render_cite(c, numbers[c], among) for c in found)}'
            f"<span>{escape(place)} {_render_tag(tag)}"
            f'<span class="printed"> {escape(", ".join(map(link_of, found)))}</span></span></p>'
            for (place, tag), found in places.items()
        )
        items += (
            f'<li><a class="source" data-cite="{escape(first.id)}" '
            f'href="{citation_address(first, among)}">{escape(title)}</a>{rows}</li>'
        )
    return (
        f'<div class="sources" role="group" aria-labelledby="sources-{turn}">'
        f'<h4 id="sources-{turn}">{words("answer.sources")}</h4><ul>{items}</ul>'
        f'<p class="legend">{words("answer.legend")}</p></div>'
    )


def render_quotes(citations: Sequence[Citation]) -> str:
    """Quotes with their articles and evidence tags, not numbered: no answer stands on them."""
    rows = "".join(
        f'<li><blockquote class="quote"><p>{escape(c.quote)}</p></blockquote>'
        f'<a class="source" data-cite="{escape(c.id)}" href="{citation_address(c)}">'
        f"{escape(c.title)}</a> {_render_tag(c.evidence_tag)}</li>"
        for c in citations
    )
    return f'<ul class="quotes">{rows}</ul>'
