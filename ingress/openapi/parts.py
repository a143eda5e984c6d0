"""PURE. Pieces that the document is put together from."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

JSON, TEXT, HTML, ZIP, SSE = "application/json", "text/plain", "text/html", "application/zip", "text/event-stream"
STRING: Json = {"type": "string"}
BINARY: Json = {"type": "string", "format": "binary"}


def ref(name: str) -> Json:
    """The component schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def shaped(required: Json, **optional: Json) -> Json:
    """An object with these properties."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def answer(description: str, schema: Json | None = None, media: str = JSON) -> Json:
    """One response; without a schema it has no body."""
    return {"description": description} | ({"content": {media: {"schema": schema}}} if schema is not None else {})


def taken(schema: Json, media: str = JSON) -> Json:
    """A request's body."""
    return {"required": True, "content": {media: {"schema": schema}}}


def in_path(name: str, description: str, pattern: str = "") -> Json:
    schema = STRING | ({"pattern": pattern} if pattern else {})
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def in_query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def in_header(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": schema}
