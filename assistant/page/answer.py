"""An ``Answer`` as one turn of the conversation: markup to see, plain words to copy and hear.

Decides nothing: order, wording and citations are the answer's. Care cards stand first, quotes
look different from connecting words, and what is nearest is folded and labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from assistant.page import icons
from assistant.page.article import citation_address
from assistant.page.feedback import render_feedback
from assistant.page.markup import care, escape, prose, section, showable, text, words
from assistant.types import (
    Answer,
    Citation,
    EvidenceTag,
    Kind,
    Notice,
    Outcome,
    Statement,
    StatementRole,
)

MAX_SHOWN_CHARS = 2000
"""A longer question is read whole, shown only as far as this."""

_TAG_CLASS = {
    EvidenceTag.REVIEW: "review",
    EvidenceTag.UNSOURCED: "unsourced",
    EvidenceTag.THEORY: "theory",
    EvidenceTag.INSTRUCTION: "instruction",
}


def render_question(question: str) -> str:
    """The question as typed, nothing in it interpreted, with a button to edit it."""
    shown = question.strip()
    note = ""
    if len(shown) > MAX_SHOWN_CHARS:
        note = words("turn.shortened", count=f"{len(question):,}")
        shown = shown[:MAX_SHOWN_CHARS]
    body = f"<bdi>{escape(shown)}</bdi>" if shown else words("turn.empty")
    edit = ""
    if shown and not note:
        name = words("turn.edit")
        edit = (
            f'<button type="button" class="quiet edit" data-edit="{escape(shown)}" '
            f'title="{name}" aria-label="{name}">{icons.PENCIL}</button>'
        )
    more = f'<span class="note">{note}</span>' if note else ""
    return (
        f'<div class="asked">{edit}<h2 class="question">'
        f'<span class="sr">{words("turn.question")}: </span>{body}{more}</h2></div>'
    )


def render_pending(question: str, turn: int, message: str) -> str:
    """A question that has no answer yet, and the button to give it up."""
    stop = (
        f'<button type="button" class="quiet" data-stop>{icons.STOP}'
        f"<span>{words('turn.stop')}</span></button>"
    )
    return _render_turn(
        turn,
        render_question(question),
        f'<div class="answer waiting"><span class="dots" aria-hidden="true">'
        f"<i></i><i></i><i></i></span><span>{escape(message)}</span>{stop}</div>",
        "",
    )


def render_stopped(question: str, turn: int) -> str:
    """A question that was given up; it can be asked again."""
    body = f'<p>{words("turn.stopped")}</p><div class="tools">{_render_again(turn)}</div>'
    return _render_turn(
        turn,
        render_question(question),
        f'<div class="answer calm stopped">{body}</div>',
        text("turn.stopped"),
    )


def render_failure(question: str, turn: int, message: str, disclaimer: str) -> str:
    """A question that could not be answered because of us; still with the disclaimer."""
    tools = f'<div class="tools">{_render_again(turn)}</div>' if question else ""
    body = f"<p>{escape(message)}</p>{_render_disclaimer(disclaimer)}{tools}"
    return _render_turn(
        turn, render_question(question), f'<div class="answer calm error">{body}</div>', message
    )


def _render_again(turn: int) -> str:
    return (
        f'<button type="button" class="quiet" data-again="{turn}">'
        f"{icons.AGAIN}<span>{words('turn.again')}</span></button>"
    )


def render_answer(answer: Answer, turn: int, *, feedback: bool = False) -> str:
    """The whole turn; `turn` counts from 1 and makes ids unique on the page.

    `feedback` is whether the operator keeps what a reader says of an answer.
    """
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    urgent_ones = [n for n in answer.notices if n.kind in section("care")]
    urgent_ones.sort(key=lambda notice: list(section("care")).index(notice.kind))
    other = [n for n in answer.notices if n.kind not in section("care")]
    parts = ["".join(_render_care(notice) for notice in urgent_ones)]
    heading = _heading(answer)
    body = "".join(f'<div class="said">{prose(notice.text)}</div>' for notice in other)
    if answer.statements:
        title = text("answer.general") if answer.outcome is Outcome.REDIRECTED else heading
        body += f'<h3 class="form">{escape(title)}</h3>'
        body += _render_statements(answer.statements, numbers)
        body += _render_sources(numbers, turn)
    elif not urgent_ones:
        body = f'<h3 class="form">{escape(heading)}</h3>{body}'
    if answer.nearest:
        body += _render_nearest(answer.nearest)
    if answer.suggestions:
        more = "answer.next" if answer.statements else "answer.suggestions"
        body += f'<div class="more"><h4>{words(more)}</h4>{render_chips(answer.suggestions)}</div>'
    css = "answer" if answer.statements else "answer calm" if body else "answer bare"
    body += _render_disclaimer(answer.disclaimer)
    body += (
        f'<div class="tools">{_render_again(turn)}<button type="button" class="quiet" '
        f'data-copy="{escape(answer_as_text(answer))}">'
        f"{icons.COPY}<span>{words('turn.copy')}</span></button></div>"
    )
    body += render_feedback(numbers, turn) if feedback else ""
    parts.append(f'<div class="{css} {answer.outcome.value}">{body}</div>')
    urgent = answer.kind in (Kind.EMERGENCY, Kind.CRISIS)
    return _render_turn(
        turn, render_question(answer.question), "".join(parts), _spoken(answer), urgent=urgent
    )


def _render_turn(turn: int, question: str, body: str, spoken: str, *, urgent: bool = False) -> str:
    say = f' data-say="{escape(spoken)}"' if spoken else ""
    loud = " data-urgent" if urgent else ""
    return (
        f'<section class="turn" id="turn-{turn}" tabindex="-1" '
        f'aria-label="{words("turn.question")} {turn}"{say}{loud}>{question}{body}</section>'
    )


def _heading(answer: Answer) -> str:
    table = section("heading")
    special = f"{answer.outcome.value}.{answer.kind.value}"
    return table.get(special, table[answer.outcome.value])


def _render_care(notice: Notice) -> str:
    return (
        f'<div class="care care-{escape(notice.kind)}"><h3>{icons.WARNING}'
        f"<span>{escape(section('care')[notice.kind])}</span></h3>"
        f'<div class="care-text">{care(notice.text)}</div></div>'
    )


def _render_statements(statements: Sequence[Statement], numbers: dict[Citation, int]) -> str:
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
        shown = []
        for statement in items:
            again = statement.lead == lead
            lead = statement.lead
            shown.append(("" if again else _render_lead(lead)) + _render_words(statement, numbers))
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


def _render_lead(lead: str) -> str:
    return f'<p class="lead">{escape(lead)}</p>' if lead else ""


def _render_words(statement: Statement, numbers: dict[Citation, int]) -> str:
    """The article's words in their own look, then the numbered citations."""
    among = tuple(numbers)
    links = "".join(_render_cite(c, numbers[c], among) for c in statement.citations)
    body = f'{escape(statement.text)}<span class="cites">\u2060{links}</span>'
    if not _is_quote(statement):
        return f'<p class="reworded">{body}</p>'
    return f'<blockquote class="quote"><p>{body}</p></blockquote>'


def _is_quote(statement: Statement) -> bool:
    return any(statement.text.strip() == c.quote.strip() for c in statement.citations)


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
    """The headings above a citation, without the post's title where it is the article's."""
    path = [name for name in citation.section if name != citation.title]
    return " › ".join(path)


def _link(citation: Citation) -> str:
    return f"{citation.id}@{citation.sha256[:8]}"


def _render_sources(numbers: dict[Citation, int], turn: int) -> str:
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
            f'<span class="printed"> {escape(", ".join(_link(c) for c in found))}</span></span></p>'
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


def _render_nearest(nearest: Sequence[Citation]) -> str:
    return (
        f'<details class="nearest"><summary>{words("answer.nearest")} <span class="not">'
        f"{words('answer.nearest_not')}</span></summary>{render_quotes(nearest)}</details>"
    )


def render_chips(questions: Sequence[str]) -> str:
    """Questions that are asked by a click."""
    chips = "".join(
        f'<li><button type="button" class="chip" data-ask="{escape(question)}">'
        f"{escape(question)}</button></li>"
        for question in questions
    )
    return f'<ul class="chips">{chips}</ul>'


def _render_disclaimer(disclaimer: str) -> str:
    return (
        f'<p class="disclaimer"><strong>{words("answer.disclaimer")}:</strong> '
        f"{escape(disclaimer)}</p>"
    )


def answer_as_text(answer: Answer) -> str:
    """The answer in plain words, references resolved: for the clipboard and the next turn."""
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    lines = [notice.text for notice in answer.notices]
    if not answer.notices and not answer.statements:
        lines.append(_heading(answer))
    for statement in answer.statements:
        marks = "".join(f"[{numbers[c]}]" for c in statement.citations)
        body = f"“{statement.text}”" if _is_quote(statement) else statement.text
        lines.append(f"{statement.lead}\n{body} {marks}" if statement.lead else f"{body} {marks}")
    if numbers:
        lines.append(text("answer.sources"))
    for citation, number in numbers.items():
        place = f" › {place_of(citation)}" if place_of(citation) else ""
        lines.append(
            f"[{number}] {citation.title}{place} ({citation.evidence_tag.value}; {_link(citation)})"
        )
    lines.append(answer.disclaimer)
    return showable("\n\n".join(lines))


def _spoken(answer: Answer) -> str:
    """What a screen reader hears once: form, notices, the quotes with their articles."""
    said = [] if answer.statements or answer.notices else [_heading(answer) + "."]
    said += [notice.text for notice in answer.notices]
    said += [
        " ".join(filter(None, (s.lead, s.text, f"({s.citations[0].title})")))
        for s in answer.statements
    ]
    return "\n".join(said)
