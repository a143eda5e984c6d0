"""Every subject, stream, consumer and KV key, in one place. `subjects.md` documents them; a test holds both together.

A session's mailbox is sharded over `PARTITIONS` by crc32, computed here and nowhere else. Session ids, node names and
pools are single subject tokens: `token` refuses anything else, so that no name can reach another's subject.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import Literal

PARTITIONS = 64

MAILBOX, JOBS, PARTIALS, EVENTS, DEAD = "MAILBOX", "JOBS", "PARTIALS", "EVENTS", "DEAD"
BATCH, RECORDED, TRANSCRIPTS = "BATCH", "RECORDED", "TRANSCRIPTS"
SESSIONS_KV, BINDINGS_KV, NODES_KV = "sessions", "bindings", "nodes"
SLOTS_KV, PARTITIONS_KV, SCHEDULERS_KV = "slots", "partitions", "schedulers"
ROOMS_KV, PARTIES_KV = "rooms", "parties"
KEYS_KV, TOKENS_KV, TENANTS_KV, USAGE_KV = "keys", "tokens", "tenants", "usage"
ADMISSION_KV, LINES_KV = "admission", "lines"
DRAINS_KV = "drains"
RECORDINGS_KV, HEARD_KV, RENDERED_KV = "recordings", "heard", "rendered"
HISTORIES_KV = "histories"
UPLOADS, RESULTS = "uploads", "results"
"""Object stores: what clients bring, and what they fetch."""

MAILBOX_ALL = "mailbox.>"
JOB_ALL = "job.>"
JOB_NODES = "job.node.*"
BATCH_ALL = "batch.*"
PARTIAL_ALL = "partial.*.*"
EVENT_ALL = "event.*"
SPEECH_ALL = "speech.*.*.*"
DEAD_ALL = "dead.>"
RECORDING_ALL = "recording.*"
TRANSCRIPT_ALL = "transcript.*.*"
EXPORTER = "exporter"
"""The consumer that all exporters share."""
LIVE_ALL = "live.*"
STATS_ASK = "stats.ask"
"""On this a process asks all others for their figures."""
STATS_ALL = "stats.*.*"
"""What they answer."""
DEAD_NOTICES = "dead.*.*"
"""Of jobs that were given up, without the jobs themselves."""

STORED = "stored"
"""Prefix under which EVENTS repeats each message once it is stored: what the ingress listens to."""
STORED_ALL = f"{STORED}.>"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")

Side = Literal["client", "node", "control"]


def token(name: str) -> str:
    """`name`, if it can be one token of a subject and a KV key. Raises ValueError otherwise."""
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a usable name: 1 to 64 letters, digits, '_' or '-'")
    return name


def inbox(name: str) -> str:
    """Beginning of the subjects on which a connection of this name, "ingress" or "node-<node>", hears its answers."""
    role, _, instance = name.partition("-")
    return f"_INBOX_{role}.{instance}" if instance else f"_INBOX_{role}"


def partition(session: str) -> int:
    return zlib.crc32(session.encode()) % PARTITIONS


def mailbox(session: str, side: Side) -> str:
    return f"mailbox.{partition(session)}.{token(session)}.{side}"


def mailbox_partition(number: int) -> str:
    """All inputs of the sessions of one partition."""
    return f"mailbox.{number}.>"


def mailbox_clients(number: int) -> str:
    """What clients have to say to the sessions of one partition."""
    return f"mailbox.{number}.*.client"


def mailbox_of(session: str) -> str:
    """All of one session's inputs."""
    return f"mailbox.{partition(session)}.{token(session)}.*"


def session_of_mailbox(subject: str) -> tuple[str, str]:
    """(session, side) of a mailbox subject."""
    _, _, session, side = subject.split(".")
    return session, side


def job_pool(pool: str) -> str:
    return f"job.pool.{token(pool)}"


def job_node(node: str) -> str:
    return f"job.node.{token(node)}"


def node_of_lane(subject: str) -> str:
    return subject.rsplit(".", 1)[1]


def pool_consumer(pool: str) -> str:
    return f"pool-{token(pool)}"


def batch(pool: str) -> str:
    """Pieces of recordings, for any node of the pool that has nothing better to do."""
    return f"batch.{token(pool)}"


def batch_consumer(pool: str) -> str:
    return f"batch-{token(pool)}"


def partial(pool: str, session: str) -> str:
    return f"partial.{token(pool)}.{token(session)}"


def partial_pool(pool: str) -> str:
    """Live captions of all sessions of one pool."""
    return f"partial.{token(pool)}.*"


def partial_consumer(pool: str) -> str:
    return f"partials-{token(pool)}"


def node_consumer(node: str) -> str:
    return f"node-{token(node)}"


def event(session: str) -> str:
    return f"event.{token(session)}"


def live(session: str) -> str:
    return f"live.{token(session)}"


def speech(session: str, utterance: int, target: str) -> str:
    return f"speech.{token(session)}.{utterance}.{token(target)}"


def speech_of(session: str) -> str:
    """All speech of one session."""
    return f"speech.{token(session)}.*.*"


def stream_of(subject: str) -> str:
    """The stream that stores this subject. Raises KeyError for subjects that are not stored."""
    family, rest = subject.split(".", 1)
    if family == "$KV":
        return f"KV_{rest.split('.', 1)[0]}"
    if family == "$O":
        return f"OBJ_{rest.split('.', 1)[0]}"
    return {
        "mailbox": MAILBOX,
        "job": JOBS,
        "batch": BATCH,
        "partial": PARTIALS,
        "event": EVENTS,
        "speech": EVENTS,
        "dead": DEAD,
        "recording": RECORDED,
        "transcript": TRANSCRIPTS,
    }[family]


def stored(subject: str) -> str:
    """Where EVENTS repeats a message of `subject` once it is stored."""
    return f"{STORED}.{subject}"


def unstored(subject: str) -> str:
    """The subject that a repeated message was published on."""
    return subject.removeprefix(f"{STORED}.")


def addressee(subject: str) -> tuple[str, int, str]:
    """Whom an event, live or speech subject is for: (session, utterance, target); without speech, 0 and ""."""
    _, session, *speech = subject.split(".")
    return (session, int(speech[0]), speech[1]) if speech else (session, 0, "")


def dead(pool: str, session: str) -> str:
    return f"dead.{token(pool)}.{token(session)}"


def dead_job(pool: str, session: str, utterance: int) -> str:
    """The job itself, beside its notice."""
    return f"{dead(pool, session)}.{utterance}"


def dead_of(session: str) -> tuple[str, str]:
    """All that there is of one session's jobs that were given up: notices, and the jobs."""
    return f"dead.*.{token(session)}", f"dead.*.{token(session)}.*"


def stats(role: str, instance: str) -> str:
    """A process's answer to who asks for its figures."""
    return f"stats.{token(role)}.{token(instance)}"


def recording(id: str) -> str:
    """What was said in a recording, as it is found out."""
    return f"recording.{token(id)}"


def transcript(tenant: str, session: str) -> str:
    """What is kept of a session."""
    return f"transcript.{token(tenant)}.{token(session)}"


def of_transcript(subject: str) -> tuple[str, str]:
    """(tenant, session)"""
    _, tenant, session = subject.split(".")
    return tenant, session


def history_key(tenant: str, session: str) -> str:
    return f"{token(tenant)}.{token(session)}"


def history_of(tenant: str) -> str:
    """The keys of all sessions of a tenant of which something is kept."""
    return f"{token(tenant)}.*"


def bindings_of(session: str) -> str:
    """The keys of all jobs of one session."""
    return f"{token(session)}.*"


def filler(stream: str) -> str:
    """A subject of this stream that is nobody's: whatever reads a stream passes it over."""
    filled = {MAILBOX: "mailbox.-", JOBS: "job.-", EVENTS: "event.-"}
    return filled.get(stream) or f"$KV.{stream.removeprefix('KV_')}.-"


def object_store(store: str) -> str:
    """The stream behind an object store."""
    return f"OBJ_{store}"


def object_meta(store: str, name: str) -> str:
    """Where an object store has what there is to know of an object; `name` is any text."""
    return f"$O.{store}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def object_chunks(store: str, nuid: str) -> str:
    """Where it has an object's bytes; `nuid` is one storing of it."""
    return f"$O.{store}.C.{nuid}"


def binding_key(session: str, utterance: int) -> str:
    return f"{token(session)}.{utterance}"


def session_key(session: str) -> str:
    """Keys of a partition's sessions begin alike, so that a new owner reads just those."""
    return f"{partition(session)}.{token(session)}"


def session_of_key(key: str) -> str:
    return key.partition(".")[2]


def slot_key(node: str, slot: int) -> str:
    return f"{token(node)}.{slot}"


def slot_of_key(key: str) -> tuple[str, int]:
    """(node, slot)"""
    node, _, slot = key.partition(".")
    return node, int(slot)


def party_key(room: str, party: str) -> str:
    """`party` is the part of a room's members that is at one ingress."""
    return f"{token(room)}.{token(party)}"


def line_key(pool: str, ingress: str) -> str:
    return f"{token(pool)}.{token(ingress)}"


def line_of_key(key: str) -> tuple[str, str]:
    """(pool, ingress)"""
    pool, _, ingress = key.partition(".")
    return pool, ingress


def usage_key(tenant: str, ingress: str) -> str:
    return f"{token(tenant)}.{token(ingress)}"


def job_id(session: str, utterance: int) -> str:
    return f"{session}.{utterance}"


# Ids for JetStream's dedup window: the same thing published twice under its id is stored once.


def job_message_id(session: str, utterance: int, attempt: int) -> str:
    return f"job.{session}.{utterance}.{attempt}"


def widened_message_id(session: str, utterance: int, attempt: int) -> str:
    """An attempt on the pool's lane: at once, or once more because its node did not begin."""
    return f"job.{session}.{utterance}.{attempt}.pool"


def dead_message_id(job: str) -> str:
    return f"dead.{job}"


def dead_job_message_id(job: str) -> str:
    return f"dead.{job}.job"


def event_message_id(session: str, n: int) -> str:
    return f"event.{session}.{n}"


def speech_message_id(job: str, target: str, sequence: int) -> str:
    """Without the attempt: a second attempt at the same text stores no second voice."""
    return f"speech.{job}.{target}.{sequence}"


def hypothesis_message_id(session: str, utterance: int, generation: int) -> str:
    return f"hypothesis.{session}.{utterance}.{generation}"


def recording_message_id(id: str, life: int, n: int) -> str:
    """`life` tells a recording from one of the same id that was cancelled before it."""
    return f"recording.{id}.{life}.{n}"


def transcript_message_id(session: str, n: int) -> str:
    return f"transcript.{session}.{n}"


def result_message_id(job: str, attempt: int, what: str) -> str:
    return f"result.{job}.{attempt}.{what}"
