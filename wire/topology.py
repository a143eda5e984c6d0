"""The streams and buckets that Dragoman needs, declared once as data; `wire.bus.Bus.declare` makes them.

Limits are here because nothing is unbounded: what happens at each limit is in `subjects.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wire import subjects

MIB = 1024 * 1024

ACK_WAIT_S = 5.0
"""A job whose node has made no progress mark for this long is given to another."""

MAX_DELIVER = 4
"""Deliveries of one job before it is given up."""

HEARTBEAT_S = 2.0
"""Between two heartbeats of a node; its record goes after three."""

LANE_IDLE_S = 60.0
"""A node's lane that nobody has asked for so long goes: its node died."""

LEASE_TTL_S = 5
"""A partition whose owner has not renewed its lease for this long is free (whole seconds: a KV key's TTL)."""

LEASE_RENEW_S = 1.5
LEASE_STOP_S = 4.0
"""An owner that could not renew for this long stops acting, before anybody else can begin."""

PARTY_RENEW_S = 3.0
PARTY_TTL_S = 10
"""The members of a room at one ingress are gone when it has not said for so long that they are there."""

LINE_RENEW_S = 2.0
LINE_TTL_S = 6
"""Who waits at an ingress, and whom it let in, is forgotten when it has said nothing for so long."""

ROOM_TTL_S = 24 * 3600
"""A room that nobody has entered for so long goes."""

BATCH_AGE_S = 1800
"""A piece of a recording may wait for so long while people speak."""

RECORDING_TTL_S = 48 * 3600
"""Recordings and what was made of them are kept for so long."""

DAY_S = 24 * 3600

ERASED_S = 30 * DAY_S
"""For so long it is told that a session was deleted, to those who keep copies."""

EXPORT_ACK_WAIT_S = 60.0
EXPORT_DELIVERIES = -1
"""As often as it takes: a database may be away for days."""
EXPORT_IN_FLIGHT = 10_000

DEDUP_S = 120.0
"""For so long a message id is remembered."""


@dataclass(frozen=True)
class Stream:
    name: str
    subjects: tuple[str, ...]
    retention: Literal["limits", "workqueue"] = "limits"
    storage: Literal["file", "memory"] = "file"
    discard: Literal["old", "new"] = "old"
    max_age_s: float = 0
    max_bytes: int = -1
    per_subject: int = -1
    dedup_s: float = DEDUP_S
    republish_to: str = ""
    message_ttl: bool = False
    description: str = ""


@dataclass(frozen=True)
class Store:
    """An object store: files, in pieces."""

    name: str
    ttl_s: float
    max_bytes: int
    description: str = ""


@dataclass(frozen=True)
class Bucket:
    name: str
    ttl_s: float = 0
    max_bytes: int = 256 * MIB
    discard: Literal["old", "new"] = "new"
    description: str = ""


STREAMS = (
    Stream(
        subjects.MAILBOX,
        (subjects.MAILBOX_ALL,),
        max_age_s=120,
        max_bytes=4096 * MIB,
        description="every input of every session actor, in order: the replay log",
    ),
    Stream(
        subjects.JOBS,
        (subjects.JOB_ALL,),
        retention="workqueue",
        discard="new",
        max_age_s=120,
        max_bytes=1024 * MIB,
        description="utterances to run; nobody waits for one that is older",
    ),
    Stream(
        subjects.BATCH,
        (subjects.BATCH_ALL,),
        retention="workqueue",
        discard="new",
        max_age_s=BATCH_AGE_S,
        max_bytes=1024 * MIB,
        description="pieces of recordings to run when nobody speaks",
    ),
    Stream(
        subjects.PARTIALS,
        (subjects.PARTIAL_ALL,),
        retention="workqueue",
        storage="memory",
        max_age_s=3,
        max_bytes=128 * MIB,
        per_subject=1,
        description="live captions that are wanted: only a session's newest matters, so that load sheds itself",
    ),
    Stream(
        subjects.EVENTS,
        (subjects.EVENT_ALL, subjects.SPEECH_ALL),
        max_age_s=600,
        max_bytes=4096 * MIB,
        republish_to=subjects.STORED,
        description="what clients are told, numbered per session, and the speech that they hear",
    ),
    Stream(
        subjects.DEAD,
        (subjects.DEAD_ALL,),
        max_age_s=7 * 24 * 3600,
        max_bytes=256 * MIB,
        description="jobs that were given up, with the reason",
    ),
    Stream(
        subjects.RECORDED,
        (subjects.RECORDING_ALL,),
        max_age_s=RECORDING_TTL_S,
        max_bytes=1024 * MIB,
        description="what is said in recordings, for those who watch",
    ),
    Stream(
        subjects.TRANSCRIPTS,
        (subjects.TRANSCRIPT_ALL,),
        discard="new",
        max_bytes=4096 * MIB,
        message_ttl=True,
        description="what was said in sessions: each entry for as long as its tenant keeps it",
    ),
)

BUCKETS = (
    Bucket(subjects.SESSIONS_KV, ttl_s=3600, description="<p>.<session>: snapshot of the actor"),
    Bucket(subjects.BINDINGS_KV, ttl_s=600, description="<session>.<utterance>: the job that it became"),
    Bucket(subjects.NODES_KV, ttl_s=3 * HEARTBEAT_S, description="<node>: heartbeat"),
    Bucket(subjects.SLOTS_KV, ttl_s=600, description="<node>.<i>: taken by an attempt at a job"),
    Bucket(subjects.PARTITIONS_KV, description="<p>: the scheduler that owns it"),
    Bucket(subjects.SCHEDULERS_KV, ttl_s=LEASE_TTL_S, description="<instance>: heartbeat"),
    Bucket(subjects.ROOMS_KV, ttl_s=ROOM_TTL_S, max_bytes=64 * MIB, description="<code>: there is such a room"),
    Bucket(
        subjects.PARTIES_KV,
        ttl_s=PARTY_TTL_S,
        max_bytes=64 * MIB,
        description="<code>.<party>: the members of a room at one ingress",
    ),
    Bucket(subjects.ADMISSION_KV, max_bytes=64 * MIB, description="<pool>: how many are let in"),
    Bucket(
        subjects.LINES_KV,
        ttl_s=LINE_TTL_S,
        max_bytes=64 * MIB,
        description="<pool>.<ingress>: who was let in there, and who waits",
    ),
    Bucket(subjects.DRAINS_KV, max_bytes=64 * MIB, description="<node>: it is to take no jobs"),
    Bucket(subjects.KEYS_KV, max_bytes=64 * MIB, description="<key id>: an API key's hash, and whose it is"),
    Bucket(subjects.TOKENS_KV, ttl_s=DAY_S, max_bytes=64 * MIB, description="<token id>: a short-lived token's hash"),
    Bucket(subjects.TENANTS_KV, max_bytes=64 * MIB, description="<tenant>: its limits"),
    Bucket(subjects.USAGE_KV, ttl_s=2 * DAY_S, max_bytes=64 * MIB, description="<tenant>.<ingress>: what it has used"),
    Bucket(subjects.RECORDINGS_KV, ttl_s=RECORDING_TTL_S, description="<id>: a recording, and how far it is"),
    Bucket(subjects.HEARD_KV, ttl_s=7 * DAY_S, discard="old", description="<hash>: what a model heard in this audio"),
    Bucket(subjects.HISTORIES_KV, description="<tenant>.<session>: there is something in TRANSCRIPTS"),
    Bucket(subjects.RENDERED_KV, ttl_s=7 * DAY_S, discard="old", description="<hash>: a text in another language"),
)

STORES = (
    Store(subjects.UPLOADS, ttl_s=RECORDING_TTL_S, max_bytes=4096 * MIB, description="recordings as they came"),
    Store(subjects.RESULTS, ttl_s=RECORDING_TTL_S, max_bytes=4096 * MIB, description="what was made of them"),
)
