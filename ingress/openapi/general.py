"""PURE. Paths of the page, of health, of what the fleet serves, and of the streaming protocol."""

from __future__ import annotations

from ingress.access.wanted import LONGEST_S, SHORTEST_S, USUAL_S
from ingress.openapi.parts import BINARY, HTML, STRING, TEXT, Json, answer, in_path, listed, ref, shaped, taken

UNREADY = answer("Not now: the server stops, or something that it needs is away. Try again.", ref("Error"))
REFUSED = answer("There is something wrong with the request: the message says what.", ref("Error"))

GUARDED = {
    "401": answer("A key is needed, or this one is not good.", ref("Error")),
    "403": answer("Not with this key, or not from that page.", ref("Error")),
    "429": answer("The tenant has used what it may: `Retry-After` says when to try again.", ref("Error")),
}
"""What every door may answer, for it is said before the door is asked."""

UPGRADED = {"101": answer("A WebSocket."), "400": REFUSED, "503": UNREADY, **GUARDED}

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
    "Room": shaped(
        {
            "room": {**STRING, "description": "Its code: whoever knows it, and has a key, may come in."},
            "invite": {**STRING, "description": "A token that lets into this room alone, for 12 hours."},
        }
    ),
    "Token": shaped(
        {
            "token": STRING,
            "expires_at": {"type": "integer", "description": "Seconds since the epoch."},
            "tenant": STRING,
            "room": {"type": ["string", "null"]},
        }
    ),
    "TokenWanted": {
        "type": "object",
        "properties": {
            "seconds": {"type": "integer", "minimum": SHORTEST_S, "maximum": LONGEST_S, "default": USUAL_S},
            "room": {**STRING, "description": "The only room that the token lets into."},
        },
        "additionalProperties": False,
    },
    "Error": shaped(
        {
            "error": shaped(
                {
                    "message": {**STRING, "description": "For a person."},
                    "type": STRING,
                    "code": {"type": ["string", "null"], "description": "For a program."},
                    "param": {"type": ["string", "null"], "description": "What of the request is wrong."},
                }
            )
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
            "responses": {"200": answer("Languages and voices.", ref("Served")), **GUARDED},
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
            "responses": {"201": answer("There is one.", ref("Room")), "503": UNREADY, **GUARDED},
        }
    },
    "/v1/tokens": {
        "post": {
            "summary": "A short-lived token",
            "description": "For a browser or a guest, in place of the key that it is made with: docs/security.md.",
            "requestBody": {**taken(ref("TokenWanted")), "required": False},
            "responses": {
                "201": answer("It is shown once, and kept nowhere.", ref("Token")),
                "400": REFUSED,
                "503": UNREADY,
                **GUARDED,
            },
        }
    },
}
