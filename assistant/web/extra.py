"""The way to what an extra installs."""

from __future__ import annotations

from types import ModuleType

from assistant.errors import UsageError


def import_mcp_server() -> ModuleType:
    """``assistant.web.mcp_server``.

    Raises:
        UsageError: the ``mcp`` package is not installed; names the command that installs it.
    """
    try:
        from assistant.web import mcp_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise UsageError(
            'the mcp package is not installed; run: pip install -c constraints.txt -e ".[mcp]"'
        ) from error
    return mcp_server
