"""PURE. Paths of what was said in sessions; docs/history.md explains them."""

from __future__ import annotations

from typing import get_args

from ingress.history.texts import Format
from ingress.openapi.parts import (
    INTEGER,
    JSON,
    NUMBER,
    STRING,
    TEXT,
    Json,
    answer,
    in_path,
    in_query,
    listed,
    or_null,
    ref,
    refusal,
    said,
    shaped,
)

_NAME = "^[A-Za-z0-9_-]+$"
_EPOCH: Json = {"type": "number", "description": "Seconds since the epoch."}
_LANGUAGES: Json = listed(STRING)

_BEGUN: Json = {
    "object": {"const": "session"},
    "id": STRING,
    "began": or_null(_EPOCH),
    "ended": said(or_null(NUMBER), "Seconds since the epoch; null: it goes on, or nobody knows."),
    "source": STRING,
    "targets": _LANGUAGES,
    "between": _LANGUAGES,
}

SCHEMAS: dict[str, Json] = {
    "SessionListed": shaped(_BEGUN),
    "SessionKept": shaped(
        {
            **_BEGUN,
            "reason": said(or_null(STRING), "Why it ended."),
            "utterances": INTEGER,
            "seconds": said(NUMBER, "Of its audio, up to the last utterance."),
            "languages": said(_LANGUAGES, "In which there is something: what was said, and what it was put into."),
        }
    ),
    "SessionsKept": shaped(
        {
            "object": {"const": "list"},
            "data": listed(ref("SessionListed")),
            "has_more": {"type": "boolean"},
            "before": said(or_null(STRING), "For the next page; null: this is the last."),
        }
    ),
    "SessionDeleted": shaped({"object": {"const": "session"}, "id": STRING, "deleted": {"const": True}}),
    "SpokenWord": shaped({"text": STRING, "start": NUMBER, "end": NUMBER}),
    "LineFailed": shaped({"target": or_null(STRING), "code": STRING, "message": STRING}),
    "Line": shaped(
        {
            "utterance": INTEGER,
            "start": said(NUMBER, "Seconds of the session's audio."),
            "end": NUMBER,
            "language": or_null(STRING),
            "text": said(or_null(STRING), "null: nobody could make it out; `errors` says why."),
        },
        translations={"type": "object", "additionalProperties": STRING},
        errors=said(listed(ref("LineFailed")), "`target` null: the words themselves."),
        words=said(listed(ref("SpokenWord")), "Where the session asked for them."),
    ),
    "TranscriptKept": shaped(
        {
            "object": {"const": "transcript"},
            "session": STRING,
            "language": or_null(STRING),
            "ended": {"type": "boolean"},
            "utterances": listed(ref("Line")),
        }
    ),
}

_ID = in_path("id", "The session's, as `session.started` told it.", _NAME)
_UNKNOWN = refusal("There is no such session, or it is not the caller's, or nothing of it is kept.")

PATHS: dict[str, Json] = {
    "/v1/sessions": {
        "get": {
            "summary": "The caller's sessions of which something is kept, newest first",
            "parameters": [
                in_query("limit", "20 if left out.", {"type": "integer", "minimum": 1, "maximum": 100}),
                in_query("before", "What the page before said.", {"type": "string", "pattern": _NAME}),
            ],
            "responses": {"200": answer("A page of them.", ref("SessionsKept"))},
        }
    },
    "/v1/sessions/{id}": {
        "get": {
            "summary": "A session",
            "parameters": [_ID],
            "responses": {"200": answer("The session.", ref("SessionKept")), "404": _UNKNOWN},
        },
        "delete": {
            "summary": "Delete all that was said in a session",
            "parameters": [_ID],
            "responses": {
                "200": answer("It is deleted.", ref("SessionDeleted")),
                "404": _UNKNOWN,
                "409": refusal("It is still open: close it first."),
            },
        },
    },
    "/v1/sessions/{id}/transcript": {
        "get": {
            "summary": "What was said in a session, and what it means",
            "parameters": [
                _ID,
                in_query("format", "`json` if left out.", {"enum": list(get_args(Format))}),
                in_query("language", "One of the session's `languages`; left out: as it was said.", STRING),
            ],
            "responses": {
                "200": {
                    "description": "The transcript, or a file of it.",
                    "headers": {"Content-Disposition": {"schema": STRING}},
                    "content": {
                        JSON: {"schema": ref("TranscriptKept")},
                        TEXT: {"schema": STRING},
                        "application/x-subrip": {"schema": STRING},
                        "text/vtt": {"schema": STRING},
                    },
                },
                "404": _UNKNOWN,
            },
        }
    },
}
