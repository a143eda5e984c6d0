"""The document as a whole: what each door answers, and what all of them do."""

from __future__ import annotations

import functools
import importlib.metadata
from types import ModuleType

import msgspec

from ingress.openapi import admin, audio, general, history, realtime, recordings
from ingress.openapi.parts import INTEGER, RETRY_AFTER, STRING, Json, or_null, ref, refusal, said, shaped

DOORS: tuple[ModuleType, ...] = (general, audio, realtime, recordings, history, admin)

ERRORS: dict[str, Json] = {
    "Error": shaped({"error": ref("Failure")}),
    "Failure": shaped(
        {
            "message": said(STRING, "For a person."),
            "type": STRING,
            "code": said(or_null(STRING), "For programs."),
            "param": said(or_null(STRING), "The field that is wrong."),
        }
    ),
}

SECURITY: dict[str, Json] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, a short-lived token, or a JWT where the server takes such.",
    }
}

_LEFT: Json = {
    f"x-ratelimit-{name}": {"description": description, "schema": schema}
    for name, description, schema in (
        ("limit-requests", "Requests a minute.", INTEGER),
        ("remaining-requests", "Requests that are left in this minute.", INTEGER),
        ("reset-requests", "When it is over.", STRING),
    )
}

EVERYWHERE: dict[str, Json] = {
    "400": refusal("The request is wrong: `code` and `param` say how."),
    "403": refusal("Not from there, or not under this name of the host."),
}

WITH_KEYS: dict[str, Json] = {
    **EVERYWHERE,
    "401": refusal("There is no key, or it is not good.", {"WWW-Authenticate": {"schema": STRING}}),
    "403": refusal("Not with this key, or not from there."),
    "429": refusal("The tenant has used what it may.", {**RETRY_AFTER, **_LEFT}),
    "503": refusal("Not now: the server stops, or something that it needs is away. Try again.", RETRY_AFTER),
}


@functools.cache
def document() -> Json:
    """OpenAPI 3.1, as what JSON has."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dragoman",
            "summary": "Self-hosted speech translation.",
            "version": importlib.metadata.version("dragoman"),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}],
        "paths": {path: _guarded(item) for door in DOORS for path, item in door.PATHS.items()},
        "components": {
            "schemas": {**ERRORS, **{name: schema for door in DOORS for name, schema in door.SCHEMAS.items()}},
            "securitySchemes": SECURITY,
        },
    }


def _guarded(item: Json) -> Json:
    """With what every request may meet before it comes to its door."""
    made: Json = {}
    for method, operation in item.items():
        common = EVERYWHERE if operation.get("security") == [] else WITH_KEYS
        made[method] = {**operation, "responses": dict(sorted({**common, **operation["responses"]}.items()))}
    return made


@functools.cache
def written() -> str:
    """The same as text."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"
