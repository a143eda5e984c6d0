"""PURE. Paths of the dashboard, and of what operators see and do."""

from __future__ import annotations

from ingress.admin.told import DeadPage, Drained, FigureHistory, FleetState, Requeued, SessionPage
from ingress.openapi.parts import (
    HTML,
    INTEGER,
    SSE,
    STRING,
    Json,
    answer,
    events,
    in_path,
    in_query,
    of_structs,
    ref,
    refusal,
)

SCHEMAS: dict[str, Json] = {
    name: schema
    for name, schema in of_structs(FleetState, SessionPage, DeadPage, Drained, Requeued).items()
    if name != FigureHistory.__name__
}

_RANGE = [
    in_query("offset", "How many to leave out.", INTEGER),
    in_query("limit", "How many at most: up to 200, 50 unless said.", INTEGER),
]
_NODE = [in_path("node", "Its name.", "^[A-Za-z0-9_-]{1,64}$")]
_DEAD = [in_path("id", "The job's `id`, as the list has it.", "^[0-9]{1,15}$")]
_GONE = refusal("There is no such job: it was done again, discarded, or is over a week old.")

PATHS: dict[str, Json] = {
    "/dashboard": {
        "get": {"summary": "The dashboard", "security": [], "responses": {"200": answer("HTML.", STRING, HTML)}}
    },
    "/v1/admin/state": {
        "get": {
            "summary": "What the fleet does now",
            "description": "For operators, as all below `/v1/admin/`: it takes an admin key. It counts for no tenant.",
            "responses": {"200": answer("All of it, at one moment.", ref("FleetState"))},
        }
    },
    "/v1/admin/events": {
        "get": {
            "summary": "What the fleet does, each second",
            "responses": {
                "200": answer(
                    "For ever.",
                    events(
                        "First `history`: figures of the last quarter of an hour, as far as somebody looked. Then a "
                        "`state` each second."
                    ),
                    SSE,
                )
            },
        }
    },
    "/v1/admin/sessions": {
        "get": {
            "summary": "Sessions that are not over, of all tenants",
            "parameters": [
                in_query("search", "Words in an id, tenant, language, state, pool or ingress.", STRING),
                *_RANGE,
            ],
            "responses": {"200": answer("The newest first.", ref("SessionPage"))},
        }
    },
    "/v1/admin/sessions/{id}": {
        "delete": {
            "summary": "End a session",
            "description": "Its client is told `session.closed`; what runs for it is dropped.",
            "parameters": [in_path("id", "The session's.", "^[A-Za-z0-9_-]{1,64}$")],
            "responses": {"204": answer("It ends, or has ended."), "404": refusal("There is none.")},
        }
    },
    "/v1/admin/nodes/{node}/drain": {
        "post": {
            "summary": "Let a node take no more jobs",
            "description": "What runs there ends as usual. The node stays up; started anew, it is drained still.",
            "parameters": _NODE,
            "responses": {"200": answer("It is drained, or was.", ref("Drained"))},
        },
        "delete": {
            "summary": "Let a node take jobs again",
            "parameters": _NODE,
            "responses": {"200": answer("It is not drained.", ref("Drained"))},
        },
    },
    "/v1/admin/dead": {
        "get": {
            "summary": "Jobs that were given up",
            "parameters": _RANGE,
            "responses": {"200": answer("The newest first.", ref("DeadPage"))},
        }
    },
    "/v1/admin/dead/{id}/requeue": {
        "post": {
            "summary": "Run a job again that was given up",
            "description": "Its words go into the session's transcript; the client is told nothing. It runs when "
            "nobody speaks live, and leaves the list when its words are stored.",
            "parameters": _DEAD,
            "responses": {
                "202": answer("It is being run.", ref("Requeued")),
                "404": _GONE,
                "409": refusal("Its audio was not kept, or no transcript of its session is."),
            },
        }
    },
    "/v1/admin/dead/{id}": {
        "delete": {
            "summary": "Forget a job that was given up, and its audio",
            "parameters": _DEAD,
            "responses": {"204": answer("It is gone."), "404": _GONE},
        }
    },
}
