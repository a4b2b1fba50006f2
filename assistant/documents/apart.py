"""A PDF read in a process of its own, which may take so much time and memory and no more.

Pdfium draws what a file tells it to draw: two calls of a form to itself, in a file of one kilobyte,
fill 24 GB. Nothing in pdfium or Python can stop that from within, nor what a fault in its C++ does
to the process that it happens in.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from assistant.documents.pdf import read_pdf
from assistant.documents.writer import Document
from assistant.errors import CorpusError

MAX_BYTES: Final = 1_500_000_000
"""Of address space, beside thrice the file itself."""
MIN_SECONDS: Final = 20
MAX_SECONDS: Final = 600
BYTES_A_SECOND: Final = 50_000
"""Of the file; a PDF with little besides text takes a tenth of what this allows."""

_CHILD: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; from assistant.documents.apart import main; "
    "main(int(sys.argv[1]))"
)
_WAIT: Final = 10  # times as long on a machine that has other work


def read_pdf_apart(raw: bytes) -> Document:
    """As `read_pdf`.

    Raises:
        CorpusError: as `read_pdf`, or it took too much time or memory, or broke the process.
    """
    seconds = min(MIN_SECONDS + len(raw) // BYTES_A_SECOND, MAX_SECONDS)
    command = [sys.executable, "-I", "-B", "-c", _CHILD, str(seconds), *sys.path]
    try:
        done = subprocess.run(
            command, input=raw, capture_output=True, timeout=_WAIT * seconds, check=False
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise CorpusError(
            "a PDF that takes too much time or memory, or breaks its reader; print it to PDF anew, "
            "or save its text as .txt"
        ) from error
    if "error" in told:
        raise CorpusError(told["error"])
    headings = tuple((at, level) for at, level in told.pop("headings"))
    return Document(**{**told, "headings": headings, "pages": tuple(told["pages"])})


def main(seconds: int) -> None:
    """Read a PDF from stdin, and write it, or what is wrong with it, to stdout as JSON."""
    raw = sys.stdin.buffer.read()
    _limit(resource.RLIMIT_AS, MAX_BYTES + 3 * len(raw))
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        told = asdict(read_pdf(raw))
    except CorpusError as error:
        told = {"error": str(error)}
    sys.stdout.write(json.dumps(told))


def _limit(kind: int, most: int) -> None:
    """At most so much, or what the process was given where that is less."""
    _, given = resource.getrlimit(kind)
    soft = most if given == resource.RLIM_INFINITY else min(most, given)
    with suppress(ValueError, OSError):  # A system that has no such limit still reads the file.
        resource.setrlimit(kind, (soft, given))
