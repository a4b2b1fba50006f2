"""What the page's script is handed beside the conversation: a file to save, a sentence to say.

Each is an element without anything to see, in its attributes what the script needs.
"""

from __future__ import annotations

import base64
from datetime import datetime
from itertools import count
from typing import Final

from assistant.page.export import FORMS, export
from assistant.page.feedback import FeedbackFile, feedback_row
from assistant.page.markup import escape, text
from assistant.page.session import Session

# Two handovers in a row must differ, or the second is no change for the script to see.
_numbers: Final = count(1)


def hand_file(session: Session, form: str) -> str:
    """The conversation as a file in one of `FORMS`; another form is said to be unknown."""
    if form not in FORMS:
        return _say(text("export.unknown"))
    file = export(session.answers, form, datetime.now().astimezone())
    # In base 64, so that no character of it is changed or read as markup on the way.
    body = base64.b64encode(file.text.encode("utf-8", "replace")).decode()
    return (
        f'<i data-handed="{next(_numbers)}" data-file="{escape(file.name)}" '
        f'data-type="{file.media_type};charset=utf-8" data-body="{body}"></i>'
    )


def note_feedback(
    session: Session,
    file: FeedbackFile | None,
    turn: int,
    reason: str,
    citation_id: str,
    agreed: bool,
) -> str:
    """Adds what a reader says of an answer to the operator's file, once; says what became of it.

    Args:
        agreed: whether the reader's question, and what was said before it, may be kept too.
    """
    exchange = session.find(turn)
    if file is None or exchange is None or exchange.answer is None:
        return _say(text("feedback.not_taken"))
    words = session.before(turn) if agreed else None
    row = feedback_row(exchange.answer, reason, citation_id, words)
    if row is None:
        return _say(text("feedback.not_taken"))
    said = (turn, reason, citation_id)
    if said not in session.noted:
        if not file.add(row):
            return _say(text("feedback.not_taken"))
        session.noted.add(said)
    return _say(text("feedback.taken_with_words" if agreed else "feedback.taken"))


def _say(sentence: str) -> str:
    return f'<i data-handed="{next(_numbers)}" data-said="{escape(sentence)}"></i>'
