"""Paths of OpenAI's Realtime API; docs/openai.md says what is spoken over its sockets."""

from __future__ import annotations

from ingress.openai.realtime import client_secrets
from ingress.openapi.general import SOCKET
from ingress.openapi.parts import INTEGER, STRING, Json, answer, in_query, of_structs, ref, refusal, said, shaped, taken

_STRUCTS = of_structs(client_secrets.Wanted)
_SESSION: Json = {"type": "object", "description": "As in `session.created`."}

SCHEMAS: dict[str, Json] = {
    "ClientSecretWanted": _STRUCTS["Wanted"],
    "ExpiresAfter": _STRUCTS["ExpiresAfter"],
    "ClientSecret": shaped(
        {
            "value": said(STRING, "It is shown this once."),
            "expires_at": said(INTEGER, "Seconds since the epoch."),
            "session": _SESSION,
        }
    ),
    "TranscriptionSession": {
        **shaped({"client_secret": shaped({"value": STRING, "expires_at": INTEGER})}),
        "description": "A session as it was shown before there were client secrets, with its key inside.",
    },
}

_MINTED: Json = {
    "200": answer("There is one.", ref("ClientSecret")),
    "408": refusal("Nothing more came of the request."),
    "413": refusal("The body is longer than anything that could be meant."),
}

PATHS: dict[str, Json] = {
    "/v1/realtime": {
        "get": {
            "summary": "Speech that is written down while it is spoken",
            "description": "A WebSocket. What is wrong with the request is told in the socket.",
            "parameters": [
                in_query("intent", "`transcription`.", STRING),
                in_query("model", "The model that is to hear.", STRING),
            ],
            "responses": SOCKET,
        }
    },
    "/v1/realtime/translations": {
        "get": {
            "summary": "Speech that is put into another language while it is spoken",
            "description": "A WebSocket. What is wrong with the request is told in the socket.",
            "parameters": [in_query("model", "The model that is to translate.", STRING)],
            "responses": SOCKET,
        }
    },
    "/v1/realtime/client_secrets": {
        "post": {
            "summary": "A short-lived key for /v1/realtime, for a browser",
            "requestBody": {**taken(ref("ClientSecretWanted")), "required": False},
            "responses": _MINTED,
        }
    },
    "/v1/realtime/translations/client_secrets": {
        "post": {
            "summary": "A short-lived key for /v1/realtime/translations, for a browser",
            "requestBody": taken(ref("ClientSecretWanted")),
            "responses": _MINTED,
        }
    },
    "/v1/realtime/transcription_sessions": {
        "post": {
            "summary": "The same for /v1/realtime, as it was asked for before",
            "deprecated": True,
            "requestBody": {**taken({"type": "object"}), "required": False},
            "responses": {**_MINTED, "200": answer("There is one.", ref("TranscriptionSession"))},
        }
    },
}
