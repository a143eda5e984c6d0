"""PURE. Paths of the page, of health, of what the fleet serves, and of the streaming protocol."""

from __future__ import annotations

from ingress.openapi.parts import BINARY, HTML, STRING, TEXT, Json, answer, in_path, listed, ref, shaped

UNREADY = answer("Not now: the server stops, or something that it needs is away. Try again.", STRING, TEXT)

UPGRADED = {
    "101": answer("A WebSocket."),
    "400": answer("The request asks for no WebSocket.", STRING, TEXT),
    "503": UNREADY,
}

SCHEMAS: dict[str, Json] = {
    "Health": shaped({"healthy": {"const": True}}),
    "Readiness": shaped({"ready": {"type": "boolean"}}, reason={**STRING, "description": "Why not, for a person."}),
    "Served": {
        **shaped(
            {
                "sources": listed(STRING),
                "targets": {"type": "object", "additionalProperties": listed(STRING)},
                "voices": {"type": "object", "additionalProperties": STRING},
            }
        ),
        "description": (
            "What the nodes that are ready can do. `sources`: languages that are understood. `targets`: each language "
            "that can be translated into, and from which (`*`: from any). `voices`: the voice of each language that "
            "can be spoken. Languages are ISO 639-1 codes."
        ),
    },
    "Room": shaped({"room": {**STRING, "description": "Its code: whoever knows it may come in."}}),
}


PATHS: dict[str, Json] = {
    "/": {"get": {"summary": "The page", "security": [], "responses": {"200": answer("HTML.", STRING, HTML)}}},
    "/static/{file}": {
        "get": {
            "summary": "A file of the page",
            "security": [],
            "parameters": [in_path("file", "Its path.")],
            "responses": {
                "200": answer("The file.", BINARY, "*/*"),
                "403": answer("This is a folder.", STRING, TEXT),
                "404": answer("There is no such file.", STRING, TEXT),
            },
        }
    },
    "/openapi.json": {
        "get": {
            "summary": "This document",
            "security": [],
            "responses": {"200": answer("OpenAPI 3.1.", {"type": "object"})},
        }
    },
    "/healthz": {
        "get": {
            "summary": "Whether the process is alive",
            "security": [],
            "responses": {"200": answer("It is.", ref("Health"))},
        }
    },
    "/readyz": {
        "get": {
            "summary": "Whether a session could be opened now",
            "security": [],
            "responses": {
                "200": answer("It could.", ref("Readiness")),
                "503": answer("It could not.", ref("Readiness")),
            },
        }
    },
    "/v1/info": {
        "get": {
            "summary": "What the fleet serves",
            "responses": {"200": answer("Languages and voices.", ref("Served"))},
        }
    },
    "/v1/stream": {
        "get": {
            "summary": "The streaming protocol",
            "description": "A WebSocket: docs/protocol.md says what is spoken over it.",
            "responses": UPGRADED,
        }
    },
    "/v1/rooms": {
        "post": {
            "summary": "A new room",
            "responses": {"201": answer("There is one.", ref("Room")), "503": UNREADY},
        }
    },
}
