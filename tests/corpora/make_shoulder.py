"""Makes the PDF and .docx files of ``tests/corpora/shoulder`` from the text below.

Run once by hand; the files are committed: ``python tests/corpora/make_shoulder.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF

FOLDER = Path(__file__).parent / "shoulder"
MADE = datetime(2024, 5, 6, tzinfo=UTC)

SCAPULAR_CONTROL = [
    ("#", "Scapular Control: Why the Shoulder Blade Matters"),
    (
        "",
        "The shoulder blade, or scapula, is the base on which the arm moves. It glides on the ribs "
        "and is held there almost entirely by muscles. When the arm goes up, the blade has to turn "
        "upwards and tip backwards, so that the socket stays under the ball of the joint.",
    ),
    ("##", "What poor control looks like"),
    (
        "",
        "In some people the inner edge of the blade stands out from the back when they lower the "
        "arm or push against a wall. This is called winging. A little of it is common in people "
        "without any pain and needs no treatment by itself.",
    ),
    (
        "",
        "Marked winging on one side that appeared suddenly is different. It can come from an "
        "injured nerve and should be examined by a clinician.",
    ),
    ("##", "Which muscles do the work"),
    ("-", "The lower trapezius draws the blade down and back."),
    ("-", "The serratus anterior keeps it flat on the ribs and turns it upwards."),
    (
        "-",
        "The upper trapezius lifts the outer end; it is often accused of being too tight, although "
        "it is needed for every movement overhead.",
    ),
    ("page", ""),
    ("##", "Exercises that are often used"),
    (
        "",
        "No exercise works one of these muscles alone. The following three train them together and "
        "need little equipment.",
    ),
    ("1.", "Wall slide: stand facing a wall with the forearms on it and slide them up."),
    (
        "2.",
        "Push-up plus: at the top of a push-up against a table, push a little further, so that the "
        "upper back becomes round.",
    ),
    ("3.", "Row: pull a band towards the ribs and draw the shoulder blades together gently."),
    (
        "",
        "Ten slow repetitions of each, three times a week, is a usual start. Quality counts more "
        "than load: stop a set when the movement becomes jerky.",
    ),
    ("##", "Does it matter for pain?"),
    (
        "",
        "Training the muscles of the shoulder blade is a common part of rehabilitation, and people "
        "tend to improve with it. Whether they improve because the blade moves differently, or "
        "because they have become stronger and more confident, is not settled.",
    ),
    ("page", ""),
    ("##", "In short"),
    (
        "",
        "Think of the shoulder blade as a partner of the arm. It deserves a place in a training "
        "plan, but it is seldom the only culprit.",
    ),
]  # fmt: skip

DISLOCATION = [
    ("#", "After a Shoulder Dislocation"),
    (
        "",
        "A shoulder is dislocated when the ball leaves its socket, most often to the front. It is "
        "very painful, the outline of the shoulder looks square, and the arm can hardly be moved.",
    ),
    ("##", "The first hours"),
    (
        "",
        "Support the arm and go to an emergency department. Do not let anybody who is not trained "
        "try to put it back: bone, nerves and blood vessels can be injured in doing so.",
    ),
    ("##", "The first weeks"),
    (
        "",
        "Once the joint is back in place, the arm is usually rested in a sling for a short time. "
        "Fingers, wrist and elbow are moved from the first day on. How long the sling is worn "
        "depends on age and on what else was injured.",
    ),
    ("##", "Will it happen again?"),
    (
        "",
        "The younger a person is at the first dislocation, the more likely is another one. Contact "
        "sports add to the risk. In older people a torn rotator cuff is the more frequent trouble, "
        "so weakness that lasts beyond a few weeks should be looked into.",
    ),
    ("##", "Getting strong again"),
    (
        "",
        "Training begins with the arm close to the body and moves outwards and upwards over time. "
        "Throwing and tackling come last, when both arms are about equally strong.",
    ),
]  # fmt: skip

RETURN_TO_ACTIVITY = [
    ("Title", "Returning to Work and Sport With a Sore Shoulder"),
    (
        "Normal",
        "Coming back is rarely a matter of one date. It is easier to climb a ladder of small steps "
        "and to stay on each of them until it feels safe.",
    ),
    ("Heading 1", "Desk work"),
    (
        "Normal",
        "Most people can work at a desk with a sore shoulder if the forearm is supported. Short "
        "breaks help more than a perfect chair.",
    ),
    ("Heading 1", "Manual work"),
    ("Normal", "Talk to your employer about the tasks that hurt most. Useful changes are:"),
    ("List Bullet", "Carry loads close to the body and with both hands."),
    ("List Bullet", "Bring work down to chest height."),
    ("List Bullet", "Alternate heavy and light tasks through the day."),
    ("Heading 1", "Sport"),
    ("Heading 2", "Swimming"),
    (
        "Normal",
        "Start with kicking and with strokes that stay below the surface. Freestyle and butterfly "
        "ask the most of the shoulder.",
    ),
    ("Heading 2", "Throwing"),
    ("List Number", "Throw a soft ball a few metres, at half effort."),
    ("List Number", "Add distance before you add speed."),
    ("List Number", "Throw hard only when the day after is free of pain."),
    ("Heading 2", "Weight training"),
    ("table", ""),
    ("Heading 1", "Driving"),
    (
        "Normal",
        "You should be able to turn the wheel quickly with both arms before you drive. After an "
        "operation ask the surgical team, and check with your insurer.",
    ),
]  # fmt: skip
WEIGHTS = (
    ("Exercise", "What to change"),
    ("Bench press", "Narrower grip, stop short of the chest"),
    ("Overhead press", "Begin with light dumbbells, seated"),
    ("Row", "Rarely a problem"),
)


class _Leaflet(FPDF):
    """Pages with a running header and a page number."""

    def __init__(self, header: str) -> None:
        super().__init__()
        self._running = header
        self.set_creation_date(MADE)

    def header(self) -> None:
        self.set_font("Helvetica", size=8)
        self.cell(0, 8, self._running, align="R", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        self.cell(0, 8, f"Page {self.page_no()} of {{nb}}", align="C")


def _pdf(name: str, header: str, title: str, author: str, parts: list[tuple[str, str]]) -> None:
    leaflet = _Leaflet(header)
    if title:
        leaflet.set_title(title)
        leaflet.set_author(author)
    leaflet.add_page()
    for kind, words in parts:
        if kind == "page":
            leaflet.add_page()
            continue
        size = {"#": 20, "##": 14}.get(kind, 11)
        leaflet.set_font("Helvetica", style="B" if size > 11 else "", size=size)
        marker = {"-": "\x95 ", "#": "", "##": ""}.get(kind, f"{kind} " if kind else "")
        leaflet.multi_cell(0, size * 0.5, marker + words, new_x="LMARGIN", new_y="NEXT")
        leaflet.ln(1 if kind in ("-", "1.", "2.") else 4)
    leaflet.output(str(FOLDER / name))


def _docx() -> None:
    word = Document()
    for style, words in RETURN_TO_ACTIVITY:
        if style == "table":
            table = word.add_table(len(WEIGHTS), 2)
            for row, cells in zip(table.rows, WEIGHTS, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
        else:
            word.add_paragraph(words, style=style)
    word.sections[0].header.paragraphs[0].text = "Shoulder Notes, leaflet 7"
    facts = word.core_properties
    facts.title, facts.author = RETURN_TO_ACTIVITY[0][1], "Shoulder Notes editors"
    facts.created = facts.modified = MADE.replace(tzinfo=None)
    word.save(str(FOLDER / "return-to-activity.docx"))


if __name__ == "__main__":
    _pdf(
        "scapular-control.pdf",
        "Shoulder Notes - general information",
        SCAPULAR_CONTROL[0][1],
        "Shoulder Notes editors",
        SCAPULAR_CONTROL,
    )
    _pdf("after-a-dislocation.pdf", "Leaflet 4", "", "", DISLOCATION)
    _docx()
