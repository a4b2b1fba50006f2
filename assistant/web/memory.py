"""What a process that stays keeps of memory that it has freed: glibc's ways, where it is glibc.

Each of many threads gets a heap of its own there, and what was freed in one is of no use to
another: a process grows with its questions although nothing in Python does.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

_ARENA_MAX: Final = -8
"""``M_ARENA_MAX`` of malloc.h."""
_ARENAS: Final = 2


def share_heaps() -> None:
    """Have all threads share a few heaps; to be called before they are started."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give what was freed back to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:  # Another system, or another library.
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
