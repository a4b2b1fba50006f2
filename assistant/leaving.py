"""Where a language model runs, so that it can be said what leaves the machine, and to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from assistant.generator.model import shown_name
from assistant.settings import Settings, provider_environment
from assistant.types import REPHRASE

_NOTHING: Final = "nothing: no telemetry, no download, no model service"


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """A language model and the host that it is asked at.

    Attributes:
        name: ``provider:name``.
        host: with its port, without anything else of the address; empty where it is the
            provider's own.
        here: whether it runs on this machine, so that nothing leaves it.
        rewords: whether some of an answer's words may be its own.
    """

    name: str
    host: str
    here: bool
    rewords: bool = False


def place_of_model(settings: Settings) -> ModelPlace | None:
    """The model that the settings name; None where none is asked anything."""
    if not settings.uses_chat_model:
        return None
    name, host = shown_name(settings.chat_model), _host(settings)
    here = name.startswith("huggingface:") or _is_here(host)
    return ModelPlace(name, host, here, settings.chat_mode == REPHRASE)


def what_leaves(settings: Settings) -> str:
    """What is sent to the language model, and whether that is on this machine."""
    place = place_of_model(settings)
    if place is None:
        return _NOTHING
    return _sent(
        place,
        "each question that may be answered, the quotes found for it and, of a follow-up, the "
        "questions before it",
        "; emergencies, crises and refused messages are not sent",
    )


def what_questions_send(settings: Settings) -> str:
    """What ``ingest --questions`` sends to the model, and whether that leaves the machine."""
    place = place_of_model(settings)
    if place is None:
        return _NOTHING
    return _sent(place, "every sentence of the articles that may be quoted, with its headings", "")


def _sent(place: ModelPlace, what: str, but: str) -> str:
    if place.here:
        return f"nothing leaves this machine: {place.name} runs on it and is sent {what}"
    at = f"at {place.host}" if place.host else "at its provider's address"
    return (
        f"this leaves the machine: {what}, to {place.name} {at}{but}; what the service keeps is "
        "its own"
    )


def _host(settings: Settings) -> str:
    provider = settings.chat_model.partition(":")[0]
    address = settings.chat_url or provider_environment(provider).address
    found = urlsplit(address if "//" in address else f"//{address}")
    return found.netloc.rpartition("@")[2]


def _is_here(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
