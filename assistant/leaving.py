"""Where a language model runs, so that it can be said what leaves the machine, and to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from assistant.generator.model import shown_name
from assistant.settings import Settings, provider_environment
from assistant.types import REPHRASE


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
