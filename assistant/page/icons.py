"""The page's few icons, drawn here so that nothing is loaded; all are decoration beside words."""

from __future__ import annotations

from typing import Final


def _icon(path: str) -> str:
    return (
        '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" '
        'focusable="false" fill="none" stroke="currentColor" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round">{path}</svg>'
    )


BOOK: Final = _icon(
    '<path d="M4 5a2 2 0 0 1 2-2h14v16H6a2 2 0 0 0-2 2V5z"/><path d="M4 19a2 2 0 0 0 2 2h14v-2"/>'
)
PHONE: Final = _icon(
    '<path d="M5 4h4l2 5-3 2a12 12 0 0 0 5 5l2-3 5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6'
    'a2 2 0 0 1 2-2"/>'
)
UP: Final = _icon('<path d="M6 15l6-6 6 6"/>')
DOWN: Final = _icon('<path d="M6 9l6 6 6-6"/>')
CROSS: Final = _icon('<path d="M6 6l12 12M18 6L6 18"/>')
LINK: Final = _icon(
    '<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1"/>'
    '<path d="M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/>'
)
PENCIL: Final = _icon('<path d="M4 20h4L19 9l-4-4L4 16v4z"/><path d="M13.5 6.5l4 4"/>')
COPY: Final = _icon(
    '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/>'
)
AGAIN: Final = _icon('<path d="M20 12a8 8 0 1 1-2.4-5.7"/><path d="M20 3v5h-5"/>')
STOP: Final = _icon('<rect x="6" y="6" width="12" height="12" rx="1.5"/>')
SEARCH: Final = _icon('<circle cx="11" cy="11" r="6.5"/><path d="M16 16l4.5 4.5"/>')
SAVE: Final = _icon('<path d="M12 4v11"/><path d="M7 11l5 5 5-5"/><path d="M4 20h16"/>')
WARNING: Final = _icon(
    '<path d="M12 3 2.5 20h19L12 3z"/><path d="M12 10v4"/><path d="M12 17.2v.1"/>'
)
FORK: Final = _icon('<path d="M12 21v-8"/><path d="M12 13 5 6"/><path d="M12 13l7-7"/>')
MARK: Final = (
    '<svg class="mark" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true" '
    'focusable="false"><rect width="40" height="40" rx="10" fill="var(--accent-fill)"/>'
    '<path d="M11 12h18M11 18h18M11 24h10" stroke="#fff" stroke-width="2.6" '
    'stroke-linecap="round"/><rect x="10" y="28" width="20" height="4.4" rx="1.4" '
    'fill="#ffe08a"/></svg>'
)
