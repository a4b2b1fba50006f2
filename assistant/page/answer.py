"""An ``Answer`` as one turn of the conversation: markup to see, plain words to copy and hear.

Decides nothing: order, wording and citations are the answer's. Care cards stand first, quotes
look different from connecting words, and what is nearest is folded and labelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.page import icons
from assistant.page.feedback import render_feedback
from assistant.page.markup import care, escape, prose, section, showable, text, words
from assistant.page.statements import (
    link_of,
    place_of,
    render_quotes,
    render_sources,
    render_statements,
    whose_words,
)
from assistant.types import Answer, Citation, Kind, Notice, Outcome

MAX_SHOWN_CHARS = 2000
"""A longer question is read whole, shown only as far as this."""
MAX_QUERY_SHOWN = 300


def render_question(question: str, read: bool = True) -> str:
    """The question as typed, nothing in it interpreted, with a button to edit it."""
    shown = question.strip()
    note = ""
    if len(shown) > MAX_SHOWN_CHARS:
        note = words("turn.shortened" if read else "turn.unread", count=f"{len(question):,}")
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
    tools = f'<div class="tools">{_render_again(turn)}</div>'
    body = f"<p>{escape(message)}</p>{_render_disclaimer(disclaimer)}{tools}"
    return _render_turn(
        turn, render_question(question), f'<div class="answer calm error">{body}</div>', message
    )


def render_refused(question: str, turn: int, message: str, disclaimer: str) -> str:
    """A question that is not asked, because it or the conversation is too long."""
    body = f"<p>{escape(message)}</p>{_render_disclaimer(disclaimer)}"
    shown = render_question(question, read=False)
    return _render_turn(turn, shown, f'<div class="answer calm error">{body}</div>', message)


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
    body += _render_query(answer)
    if answer.statements:
        title = text("answer.general") if answer.outcome is Outcome.REDIRECTED else heading
        body += f'<h3 class="form">{escape(title)}</h3>'
        body += render_statements(answer.statements, numbers)
        whose = whose_words(answer)
        body += f'<p class="whose">{escape(whose)}</p>' if whose else ""
        body += render_sources(numbers, turn)
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


def _render_query(answer: Answer) -> str:
    """What was searched, where that is not what was asked: a follow-up that was made whole."""
    if answer.outcome is Outcome.REDIRECTED and not answer.statements:
        return ""
    asked, searched = (" ".join(said.split()) for said in (answer.question, answer.query))
    if not searched or searched.casefold() == asked.casefold() or len(searched) > MAX_QUERY_SHOWN:
        return ""
    return f'<p class="read-as">{words("answer.read_as", query=searched)}</p>'


def _heading(answer: Answer) -> str:
    if any(statement.reworded for statement in answer.statements):
        return text("answer.reworded")
    table = section("heading")
    special = f"{answer.outcome.value}.{answer.kind.value}"
    return table.get(special, table[answer.outcome.value])


def _render_care(notice: Notice) -> str:
    return (
        f'<div class="care care-{escape(notice.kind)}"><h3>{icons.WARNING}'
        f"<span>{escape(section('care')[notice.kind])}</span></h3>"
        f'<div class="care-text">{care(notice.text)}</div></div>'
    )


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
        body = f"{statement.text} {marks}" if statement.reworded else f"“{statement.text}” {marks}"
        exact = [f"{text('answer.exact')}: “{c.quote}”" for c in statement.citations]
        lines.append(
            "\n".join(filter(None, (statement.lead, body, *(exact if statement.reworded else ()))))
        )
    lines += filter(None, [whose_words(answer)])
    if numbers:
        lines.append(text("answer.sources"))
    for citation, number in numbers.items():
        place = f" › {place_of(citation)}" if place_of(citation) else ""
        about = f"{citation.evidence_tag.value}; {link_of(citation)}"
        lines.append(f"[{number}] {citation.title}{place} ({about})")
    lines.append(answer.disclaimer)
    return showable("\n\n".join(lines))


def _spoken(answer: Answer) -> str:
    """What a screen reader hears once: form, notices, the quotes with their articles."""
    said = [] if answer.statements or answer.notices else [_heading(answer) + "."]
    said += [notice.text for notice in answer.notices]
    said += filter(None, [whose_words(answer)])
    said += [
        " ".join(filter(None, (s.lead, s.text, f"({s.citations[0].title})")))
        for s in answer.statements
    ]
    return "\n".join(said)
