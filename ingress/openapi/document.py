"""The document as a whole."""

from __future__ import annotations

import functools
import importlib.metadata

import msgspec

from ingress.openapi import general
from ingress.openapi.parts import Json

DOORS = (general,)

SECURITY: dict[str, Json] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, a short-lived token, or a JWT where the server takes such.",
    }
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
        "paths": {path: item for door in DOORS for path, item in door.PATHS.items()},
        "components": {
            "schemas": {name: schema for door in DOORS for name, schema in door.SCHEMAS.items()},
            "securitySchemes": SECURITY,
        },
    }


@functools.cache
def written() -> str:
    """The same as text."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"
