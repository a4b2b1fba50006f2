"""What a reader says of an answer, as lines that ``python -m evals import`` takes.

Only where the operator has named a file. Without the reader's tick a line holds no word of
theirs: what was wrong, which sentences were cited, and how the answer was classed.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.page.markup import escape, showable, words
from assistant.types import Answer, Citation, Turn

REASONS: Final = ("wrong_source", "does_not_answer", "unclear")
MAX_FILE_BYTES: Final = 20_000_000
MAX_QUESTION_CHARS: Final = 4000
MAX_TURNS: Final = 6
MAX_TURN_CHARS: Final = 2000


def render_feedback(numbers: Mapping[Citation, int], turn: int) -> str:
    """What may be wrong with the answer or one source of it; folded."""
    reasons = [name for name in REASONS if numbers or name != "wrong_source"]
    choices = "".join(
        f'<label class="choice"><input type="radio" name="reason" value="{name}" required>'
        f"<span>{words(f'feedback.{name}')}</span></label>"
        for name in reasons
    )
    sources = "".join(
        f'<option value="{escape(c.id)}">{words("answer.source", number=n)}: '
        f"{escape(c.title)}</option>"
        for c, n in numbers.items()
    )
    which = (
        f'<label class="which"><span>{words("feedback.which")}</span><select name="citation">'
        f'<option value="">{words("feedback.whole")}</option>{sources}</select></label>'
    )
    return (
        f'<details class="feedback"><summary>{words("feedback.heading")}</summary>'
        f'<form data-feedback="{turn}"><fieldset><legend>{words("feedback.what")}</legend>'
        f"{choices}</fieldset>{which if numbers else ''}"
        f'<label class="choice"><input type="checkbox" name="agree">'
        f"<span>{words('feedback.agree')}</span></label>"
        f'<p class="note">{words("feedback.kept")}</p>'
        f'<button class="button">{words("feedback.send")}</button></form></details>'
    )


def feedback_row(
    answer: Answer, reason: str, citation_id: str, earlier: Sequence[Turn] | None
) -> dict[str, Any] | None:
    """One line's object, or None where it speaks of no such reason or citation.

    Args:
        citation_id: the citation that is meant, or empty for the whole answer.
        earlier: the turns before the question, if its writer agrees to have them kept with it;
            None keeps no word of theirs.
    """
    links = {c.id: f"{c.id}@{c.sha256[:8]}" for c in answer.citations}
    if reason not in REASONS or (citation_id and citation_id not in links):
        return None
    row: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rating": "down",
        "comment": reason.replace("_", " "),
        "answer": {
            "kind": answer.kind.value,
            "outcome": answer.outcome.value,
            "citations": [{"id": link} for link in links.values()],
        },
    }
    if citation_id:
        row["citation"] = links[citation_id]
    if earlier is not None:
        row["question"] = showable(answer.question[:MAX_QUESTION_CHARS])
        row["history"] = [
            {"role": turn.role, "content": showable(turn.content[:MAX_TURN_CHARS])}
            for turn in earlier[-MAX_TURNS:]
        ]
    return row


class FeedbackFile:
    """Lines are added whole, whoever else adds some, until the file has its full size."""

    def __init__(self, path: Path, max_bytes: int = MAX_FILE_BYTES) -> None:
        """Opens the file once, so that what is wrong with it is said when the page starts.

        Raises:
            SettingsError: nothing can be written there.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        try:
            os.close(self._open())
        except OSError as error:
            raise SettingsError(
                f"feedback is {str(path)!r}, which cannot be written ({error.strerror}); "
                "name a file in a folder that exists, or leave it"
            ) from error

    def add(self, row: dict[str, Any]) -> bool:
        """Whether the row is in the file now; it is not where the file is full or unwritable."""
        line = (json.dumps(row) + "\n").encode()
        with self._lock:
            try:
                file = self._open()
            except OSError:
                return False
            try:
                if os.fstat(file).st_size + len(line) > self._max_bytes:
                    return False
                # One write to a file that is opened to append: other processes' lines stay whole.
                return os.write(file, line) == len(line)
            except OSError:
                return False
            finally:
                os.close(file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
