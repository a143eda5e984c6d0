"""PURE. Paths of recordings; docs/recordings.md explains them."""

from __future__ import annotations

from typing import get_args

from ingress.openapi.parts import (
    BINARY,
    FORM,
    INTEGER,
    JSON,
    LANGUAGE,
    NUMBER,
    RETRY_AFTER,
    SSE,
    STRING,
    ZIP,
    Json,
    answer,
    events,
    in_header,
    in_path,
    in_query,
    listed,
    of_structs,
    one_of,
    or_null,
    ref,
    refusal,
    said,
    shaped,
)
from ingress.recordings.asking import MAX_URLS
from wire.options import Glossary
from wire.records import RecordingState

_SECONDS = or_null(NUMBER)
_TARGETS: Json = {"type": "object", "additionalProperties": NUMBER}

_WANTED: dict[str, Json] = {
    "source": {"type": "string", "pattern": "^(auto|[a-z]{2,3})$", "description": "`auto` if left out."},
    "targets": {**listed(LANGUAGE), "maxItems": 16},
    "between": {**listed(LANGUAGE), "description": "Two languages that take turns."},
    "speech": {"anyOf": [{"type": "boolean"}, listed(LANGUAGE)], "description": "All targets, or these."},
    "reference": said(STRING, "What is really said: an accuracy report is made."),
    "glossary": ref("Glossary"),
}

_LIST = "ISO 639-1, with commas between them or as a field that is repeated."
_IN_A_FORM: dict[str, Json] = {
    "source": said(STRING, "ISO 639-1; `auto` if left out or empty."),
    "targets": said(STRING, _LIST),
    "between": said(STRING, f"Two languages that take turns: {_LIST}"),
    "speech": said(STRING, f"`true`, `false`, or some of the targets: {_LIST}"),
    "reference": _WANTED["reference"],
    "glossary": ref("Glossary"),
}

SCHEMAS: dict[str, Json] = {
    **of_structs(Glossary),
    "RecordingBrought": shaped({"file": said(BINARY, "Audio or video.")}, **_IN_A_FORM),
    "RecordingsNamed": shaped({"urls": {**listed(STRING), "minItems": 1, "maxItems": MAX_URLS}}, **_WANTED),
    "Progress": {
        **shaped({"uploaded": INTEGER, "decoded": NUMBER, "heard": NUMBER, "translated": _TARGETS, "spoken": _TARGETS}),
        "description": "Seconds of the recording, but for `uploaded`: bytes.",
    },
    "Job": shaped(
        {
            "object": {"const": "job"},
            "id": STRING,
            "state": one_of(get_args(RecordingState), "How far it is."),
            "name": said(STRING, "Of the file."),
            "created": said(NUMBER, "Seconds since the epoch, as all times of day."),
            "started": _SECONDS,
            "finished": _SECONDS,
            "expires": NUMBER,
            "source": STRING,
            "targets": listed(STRING),
            "between": listed(STRING),
            "speech": listed(STRING),
            "duration": _SECONDS,
            "progress": ref("Progress"),
            "seconds_left": _SECONDS,
            "utterances": INTEGER,
            "failures": INTEGER,
            "error": or_null(ref("Failure")),
        }
    ),
    "Jobs": shaped({"object": {"const": "list"}, "data": listed(ref("Job"))}, has_more={"type": "boolean"}),
}

_ID = in_path("id", "The job's.", "^[A-Za-z0-9_-]+$")
_UNKNOWN = refusal("There is no such job, or it is not the caller's.")
_CACHED: Json = {"ETag": {"schema": STRING}, "Accept-Ranges": {"schema": STRING}}

_BEGUN: Json = {
    "description": "It has begun: a job, or a list of jobs for `urls`.",
    "headers": {"Location": {"schema": STRING}, "Idempotent-Replayed": {"schema": {"const": "true"}}},
    "content": {JSON: {"schema": {"oneOf": [ref("Job"), ref("Jobs")]}}},
}

_RESULT: Json = {
    "summary": "What was made of it",
    "parameters": [
        _ID,
        in_header("Range", "One range of bytes.", STRING),
        in_header("If-Range", "What `ETag` was.", STRING),
        in_header("If-None-Match", "What `ETag` was.", STRING),
    ],
    "responses": {
        "200": answer("A zip file.", BINARY, ZIP, _CACHED),
        "206": answer("A part of it.", BINARY, ZIP, _CACHED),
        "304": answer("It is what the caller has."),
        "404": _UNKNOWN,
        "409": refusal("It is not finished, or there is nothing."),
        "416": refusal("There is no such range."),
    },
}

PATHS: dict[str, Json] = {
    "/v1/jobs": {
        "post": {
            "summary": "Bring a recording",
            "parameters": [
                in_header(
                    "Idempotency-Key",
                    "The same request under the same key is one job.",
                    {"type": "string", "pattern": "^[!-~]{0,255}$"},
                )
            ],
            "requestBody": {
                "required": True,
                "content": {
                    FORM: {
                        "schema": ref("RecordingBrought"),
                        "encoding": {"glossary": {"contentType": JSON}},
                    },
                    JSON: {"schema": ref("RecordingsNamed")},
                },
            },
            "responses": {
                "202": _BEGUN,
                "408": refusal("Nothing more came of the request."),
                "409": refusal("The Idempotency-Key was used for something else, or is in use.", RETRY_AFTER),
                "413": refusal("The recording is larger than is taken."),
                "415": refusal("The body is neither a form nor JSON."),
                "507": refusal("There is no room for more recordings."),
            },
        },
        "get": {
            "summary": "The caller's jobs, newest first",
            "parameters": [
                in_query("limit", "20 if left out.", {"type": "integer", "minimum": 1, "maximum": 100}),
                in_query(
                    "after",
                    "The id that the page before ended with.",
                    {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
                ),
            ],
            "responses": {"200": answer("A page of them.", ref("Jobs")), "404": _UNKNOWN},
        },
    },
    "/v1/jobs/{id}": {
        "get": {
            "summary": "How far a job is",
            "parameters": [_ID],
            "responses": {"200": answer("The job.", ref("Job")), "404": _UNKNOWN},
        },
        "delete": {
            "summary": "Cancel a job",
            "parameters": [_ID],
            "responses": {"200": answer("It is cancelled.", ref("Job")), "404": _UNKNOWN},
        },
    },
    "/v1/jobs/{id}/events": {
        "get": {
            "summary": "How far a job is, as it happens",
            "parameters": [_ID, in_header("Last-Event-ID", "The last utterance that the caller has.", STRING)],
            "responses": {
                "200": answer("Until it is over.", events("`state`, `progress` or `utterance`."), SSE),
                "404": _UNKNOWN,
            },
        }
    },
    "/v1/jobs/{id}/result": {"get": _RESULT},
}
