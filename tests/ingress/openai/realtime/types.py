"""The SDK's own types, against which all events are held."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pydantic

from ingress.openai.realtime import events


def typed(kinds: Any, text: str | bytes) -> Any:
    """One of the SDK's types, which knows every field. Raises where it is none."""
    event: Any = pydantic.TypeAdapter(kinds).validate_json(text)
    assert event.type == json.loads(text)["type"], "the SDK takes it for something else"
    assert not event.model_extra, f"{event.type} has fields that the SDK does not know: {event.model_extra}"
    return event


def names() -> set[str]:
    """Of all that clients are told."""
    found: list[type[msgspec.Struct]] = [events.ServerEvent]
    for each in found:
        found += each.__subclasses__()
    return {str(each.__struct_config__.tag) for each in found[1:]}
