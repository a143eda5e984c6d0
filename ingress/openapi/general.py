"""PURE. Paths of the page, of health, of what the fleet serves, of tokens, and of the streaming protocol."""

from __future__ import annotations

from ingress.access.wanted import LONGEST_S, SHORTEST_S, Wanted
from ingress.openapi.parts import (
    BINARY,
    HTML,
    INTEGER,
    STRING,
    TEXT,
    Json,
    answer,
    in_path,
    listed,
    of_structs,
    or_null,
    ref,
    refusal,
    said,
    shaped,
    taken,
)

SOCKET: Json = {"101": answer("A WebSocket."), "400": refusal("The request asks for no WebSocket.")}

SCHEMAS: dict[str, Json] = {
    "Health": shaped({"healthy": {"const": True}}),
    "Readiness": shaped({"ready": {"type": "boolean"}}, reason=said(STRING, "Why not, for a person.")),
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
    "Room": shaped(
        {
            "room": said(STRING, "Its code."),
            "invite": said(STRING, "A token that lets into this room alone, for those who have no key."),
        }
    ),
    "TokenWanted": of_structs(Wanted)["Wanted"]
    | {
        "description": f"`seconds`: how long it is good for, {SHORTEST_S} to {LONGEST_S}. `room`: the code of the room "
        "that it is to let into, and nowhere else; empty: everywhere that the key does. `admin`: it is to be an "
        "operator's, as the key is that it is made with."
    },
    "Token": shaped(
        {
            "token": STRING,
            "expires_at": said(INTEGER, "Seconds since the epoch."),
            "tenant": STRING,
            "room": or_null(STRING),
        }
    ),
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
                "404": answer("There is no such file.", BINARY, "*/*"),
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
            "description": "A WebSocket: docs/protocol.md says what is spoken over it. Who comes back to a session "
            "adds `?resume`, a listener in a room `?join`: they are let in where there is no room for others, who are "
            "answered 503 with `Retry-After`.",
            "responses": SOCKET,
        }
    },
    "/v1/rooms": {"post": {"summary": "A new room", "responses": {"201": answer("There is one.", ref("Room"))}}},
    "/v1/tokens": {
        "post": {
            "summary": "A short-lived token, for a browser or a guest",
            "requestBody": {**taken(ref("TokenWanted")), "required": False},
            "responses": {
                "201": answer("There is one. It is shown this once.", ref("Token")),
                "408": refusal("Nothing more came of the request."),
                "413": refusal("The body is longer than anything that could be meant."),
            },
        }
    },
}
