"""What ``gradio_client`` can call on the running page: ``/ask``, the API's answer as a value.

And what Gradio says where an event of the page fails: nothing of what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from pydantic import ValidationError

from assistant.page.session import country_of
from assistant.render import answer_to_json
from assistant.types import DISCLAIMER
from assistant.web.limits import client_in
from assistant.web.refusals import Refusal
from assistant.web.schema import AskRequest, problems_of
from assistant.web.service import Service

_log = logging.getLogger("assistant.page")


def build_endpoint(service: Service) -> Callable[..., Awaitable[dict[str, Any]]]:
    """The function for ``gradio.api``; a refusal becomes an error that carries the disclaimer."""
    import gradio

    async def ask(
        question: str,
        history: list[dict[str, str]] | None = None,
        request: gradio.Request | None = None,
    ) -> dict[str, Any]:
        """Answer a question in the articles' exact words, with citations; it does not diagnose.

        Args:
            question: in the person's own words.
            history: earlier turns, oldest first, each with role (user, assistant) and content.
        """
        try:
            try:
                asked = AskRequest.model_validate({"question": question, "history": history})
            except ValidationError as error:
                raise Refusal("invalid", problems=problems_of(error)) from error
            languages = request.headers.get("accept-language", "") if request else ""
            answer = await service.ask(asked, country_of(languages), client_in(request))
            return answer_to_json(answer)
        except Refusal as refusal:
            raise gradio.Error(f"{refusal.message} {DISCLAIMER}", print_exception=False) from None

    # Gradio reads these, and resolves names by this module, where its own is not.
    ask.__annotations__.update({"request": gradio.Request, "return": dict[str, Any]})
    return ask


def keep_quiet(blocks: Any) -> None:
    """Let no event of `blocks` fail in words of its sender.

    Gradio prints the traceback of whatever fails, and an event that does not fit is named in it
    with all that was sent.
    """
    import gradio

    process = blocks.process_api

    @wraps(process)
    async def process_quietly(*given: Any, **named: Any) -> Any:
        try:
            return await process(*given, **named)
        except gradio.Error as error:
            error.print_exception = False
            raise
        except Exception as error:  # noqa: BLE001 - Gradio's edge. The message may hold a question: its type.
            _log.error("an event failed with a %s", type(error).__name__)
            said = f"{Refusal('failed').message} {DISCLAIMER}"
            raise gradio.Error(said, print_exception=False) from None

    blocks.process_api = process_quietly
