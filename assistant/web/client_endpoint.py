"""What ``gradio_client`` can call on the running page: ``/ask``, the API's answer as a value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from assistant.page.session import country_of
from assistant.render import answer_to_json
from assistant.types import DISCLAIMER
from assistant.web.limits import client_in
from assistant.web.refusals import Refusal
from assistant.web.schema import AskRequest, problems_of
from assistant.web.service import Service


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
