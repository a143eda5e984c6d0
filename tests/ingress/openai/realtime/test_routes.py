"""docs/openai.md has every route, event, field and error code of the Realtime API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from ingress.openai import realtime
from ingress.openai.realtime import configuration, interpreting, routes
from ingress.openai.realtime.messages import TranscriptionMessage, TranslationMessage
from ingress.openai.realtime.transcription import EMPTY
from ingress.openai.realtime.translation import NO_VOICE
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from tests.ingress.openai.realtime.types import names
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "openai.md").read_text(encoding="utf-8")
CODES = (EMPTY, NO_VOICE, "invalid_json", "invalid_value", "missing_required_parameter", "unknown_parameter",
         "unsupported_value", "model_not_found", "language_unsupported", "session_closing")  # fmt: skip


async def test_the_page_has_every_route(bus: Bus, model: SpeechModel) -> None:
    app = web.Application()
    realtime.install(app, Ingress(IngressSettings(), bus, FleetView(), model))
    for route in app.router.routes():
        assert route.resource is not None
        assert route.resource.canonical in PAGE


def fields(kind: Any) -> set[str]:
    """Of a struct and of those in it."""
    found: set[str] = set()
    for field in msgspec.structs.fields(kind):
        found.add(field.encode_name)
        for each in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(each, type) and issubclass(each, msgspec.Struct):
                found |= fields(each)
    return found


@pytest.mark.parametrize(
    "name",
    sorted(
        names()
        | {str(kind.__struct_config__.tag) for kind in (*TranscriptionMessage.__args__, *TranslationMessage.__args__)}
        | fields(configuration.AskedSession)
        | fields(interpreting.AskedSession)
        | set(CODES)
    ),
)
def test_the_page_has_every_name(name: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)|[.…`]{re.escape(name)}\b", PAGE), (
        f"docs/openai.md lacks {name}"
    )


def test_the_page_says_how_long_an_event_may_be() -> None:
    assert f"{routes.MAX_EVENT_BYTES // 1024 // 1024} MiB" in PAGE
