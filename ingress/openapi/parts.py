"""PURE. Pieces that the document is put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Json = dict[str, Any]

JSON, TEXT, HTML, ZIP, SSE = "application/json", "text/plain", "text/html", "application/zip", "text/event-stream"
FORM = "multipart/form-data"
STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
BINARY: Json = {"type": "string", "format": "binary"}
LANGUAGE: Json = {"type": "string", "pattern": "^[a-z]{2,3}$", "description": "ISO 639-1."}
RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds.", "schema": INTEGER}}


def events(description: str) -> Json:
    """The schema of each server-sent event."""
    fields = {"event": STRING, "data": STRING, "id": STRING, "retry": INTEGER}
    return {"type": "object", "properties": fields, "description": description}


def ref(name: str) -> Json:
    """The component schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def of_structs(*kinds: type[msgspec.Struct]) -> dict[str, Json]:
    """Component schemas of these structs, and of all that they hold, by their names."""
    _, made = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return made


def or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def one_of(values: Sequence[str], description: str) -> Json:
    return {"enum": list(values), "description": description}


def said(schema: Json, description: str) -> Json:
    return {**schema, "description": description}


def shaped(required: Json, /, **optional: Json) -> Json:
    """An object with these properties."""
    made: Json = {"type": "object", "properties": {**required, **optional}}
    return made | ({"required": list(required)} if required else {})


def answer(description: str, schema: Json | None = None, media: str = JSON, headers: Json | None = None) -> Json:
    """One response; without a schema it has no body."""
    content = {"content": {media: {"schema": schema}}} if schema is not None else {}
    return {"description": description} | ({"headers": headers} if headers else {}) | content


def refusal(description: str, headers: Json | None = None) -> Json:
    """An answer in the shape of all errors."""
    return answer(description, ref("Error"), headers=headers)


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
