"""What stands in KV buckets and on DEAD, as tagged structs: JSON that `nats kv get` reads well.

Processes find each other's state here; what they say to each other is in `wire.messages`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wire.messages import Message, snake
from wire.options import Word


class DeadJob(Message, frozen=True, kw_only=True, tag=snake):
    """A job that was given up, kept on `dead.<pool>.<session>` for operators.

    `history` has a line for each attempt: its number, the node, and why it failed. `kept`: the job itself is on
    `dead.<pool>.<session>.<utterance>`, so that it can be run again; `tenant` is whose it is.
    """

    job: str
    session: str
    utterance: int
    pool: str
    attempts: int
    node: str
    reason: str
    seconds: float
    history: list[str] = []
    tenant: str = ""
    kept: bool = False


class BindingRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`bindings/<session>.<utterance>`: this utterance became this job, once. `start` and `end` bound its audio.

    `attempt` is the newest; `node` and `slot` are what was reserved for it (no node: it went to the pool's lane).
    """

    job: str
    session: str
    utterance: int
    attempt: int
    pool: str
    start: float
    end: float
    state: str
    node: str = ""
    slot: int = -1


class SlotRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`slots/<node>.<i>`: taken by this attempt at this job, until it ends or `seconds` (the key's time) are over."""

    job: str
    session: str
    attempt: int
    by: str
    seconds: int


class LeaseRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`partitions/<p>`: this scheduler owns the sessions of the partition, until the key's time is over."""

    instance: str


class SchedulerRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`schedulers/<instance>`: a heartbeat."""

    instance: str
    partitions: int
    sessions: int
    version: str
    pools: dict[str, PoolUse] = {}


class NodeRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`nodes/<node>`: a heartbeat. It goes by itself when the node has been silent for three of them.

    `sources` are the languages it can transcribe, `targets` maps a target language to the sources it can be
    translated from ("*": any source), `voices` maps a language to the voice that speaks it. `foreign_load` is the
    percentage of the host that others use; a `dedicated` host takes work whatever it is. `tags` are capabilities beyond
    the known ones, that engines of your own bring. `rtf` is measured: seconds of engine time for a second of
    an utterance's audio, by "<stage>/<model>" (stages asr, translate, speech; the latter two for one target), smoothed;
    a stage that has not run yet is not there.
    """

    node: str
    version: str
    pools: list[str]
    slots: int
    busy: int
    ready: bool
    draining: bool
    device: str
    models: list[str]
    sources: list[str]
    targets: dict[str, list[str]]
    voices: dict[str, str]
    cpu_percent: float
    memory_mb: float
    gpus: list[dict[str, Any]]
    foreign_load: float = 0.0
    dedicated: bool = True
    tags: list[str] = []
    rtf: dict[str, float] = {}


# --- who is let in, and who waits ---


class PoolUse(msgspec.Struct, frozen=True, kw_only=True):
    """What one scheduler sees of a pool: live sessions (recordings are none) and what they ask for together,
    `speech_share` of their time that was speech lately (0: not known), and `wait_s`, for how long nine of ten finals of
    the last half minute waited at most before a node began."""

    sessions: int = 0
    targets: int = 0
    spoken: int = 0
    speech_share: float = 0.0
    wait_s: float = 0.0


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Live sessions that were let in, and how many targets and spoken targets they have together."""

    sessions: int = 0
    targets: int = 0
    spoken: int = 0


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who waits; `since` is in seconds since the epoch."""

    id: str
    tenant: str
    since: float
    targets: int = 0
    spoken: int = 0


class LineRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`lines/<pool>.<ingress>`: by tenant whom this ingress has let in, and who waits there, the first come first.
    `seen` is the `round` of the AdmissionRecord that it goes by."""

    ingress: str
    seen: int = 0
    held: dict[str, Held] = {}
    waiting: list[Ticket] = []


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Slots that a session keeps busy: for itself, and more for each target and each spoken target."""

    session: float
    target: float = 0.0
    spoken: float = 0.0


class Lowered(msgspec.Struct, frozen=True, kw_only=True):
    """In this `round` an ingress was given less than it had: it may hold `most` slots' worth until it has seen that."""

    round: int
    most: float


class AdmissionRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`admission/<pool>`: how many are let in. Written by one scheduler at a time, in numbered rounds.

    `capacity` and `used` are slots, `streams` is the capacity in sessions of the usual kind. `limits` says for each
    ingress that has a line how many slots' worth of sessions it may have in all. While that suffices it lets in those
    who wait there and are `granted` (ids of tickets), and who has nobody before them in the whole line. `lowered` has
    the ingresses that may not know yet that they have less. `a_minute` is how many of those who waited were let in
    lately, 0: not known. `closed` says why nobody is let in now, or is empty.
    """

    round: int
    by: str
    capacity: float
    used: float
    streams: float
    prices: Prices
    limits: dict[str, float] = {}
    lowered: dict[str, Lowered] = {}
    granted: list[str] = []
    a_minute: float = 0.0
    closed: str = ""


class DrainRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`drains/<node>`: this node is to take no jobs, until the key goes. Who said so, and when (seconds since the
    epoch), is for people."""

    by: str = ""
    at: float = 0.0


# --- who may come in ---


class KeyRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`keys/<key id>`: an API key, which is not kept itself: `hash` is the SHA-256, in hex, of all of it. Times are
    seconds since the epoch; `expires` 0: never. `admin`: it is an operator's, and opens the dashboard."""

    hash: str
    tenant: str
    name: str
    created: float
    expires: float = 0.0
    revoked: bool = False
    admin: bool = False


class TokenRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`tokens/<token id>`: a short-lived token, for a browser or a guest. `room`: the only room that it lets in, or
    empty. `key`: the id of the key that it was made with, and that it goes with. `session`: with what its sessions
    begin, in the words of the door that made it. `admin`: it was asked to be an operator's, as its key is."""

    hash: str
    tenant: str
    expires: float
    room: str = ""
    key: str = ""
    session: str = ""
    admin: bool = False


class TenantRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`tenants/<tenant>`: its limits; 0: none. Sessions at once, requests a minute, minutes of audio and bytes a
    day. `history_days`: for how long its transcripts are kept; 0: not at all, None: as the scheduler's setting says."""

    sessions: int = 0
    requests: int = 0
    audio_minutes: float = 0.0
    bytes: int = 0
    history_days: float | None = None


class UsageRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`usage/<tenant>.<ingress>`: what a tenant uses at one ingress: sessions now, requests in `minute`, seconds
    of audio and bytes in `day` (minutes and days since the epoch). `at`: when it was written, seconds since the
    epoch."""

    sessions: int
    minute: int
    requests: int
    day: int
    audio_s: float
    bytes: int
    at: float = 0.0


# --- recordings ---

RecordingState = Literal["receiving", "waiting", "running", "done", "failed", "cancelled"]


class RecordingRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`recordings/<id>`: a recording that somebody brought, what is wanted of it, and how far it is.

    `owner` is the ingress that works on it (or takes it in), and changes the record every few seconds; `attempt` counts
    those who began. `request` is a hash of all that was asked, for who asks again. Times of day are seconds since the
    epoch, 0 for what has not been; `decoded`, `heard`, `translated` and `spoken` are seconds of the recording's audio,
    `uploaded` is bytes. `metered` seconds have been counted for the tenant. `seconds_left` under 0: nobody knows.
    `result` names the object in the store of results.
    """

    id: str
    tenant: str
    state: RecordingState
    created: float
    owner: str = ""
    attempt: int = 0
    request: str = ""
    name: str = ""
    source: str = "auto"
    targets: list[str] = []
    between: list[str] = []
    spoken: list[str] = []
    started: float = 0.0
    finished: float = 0.0
    duration: float = 0.0
    uploaded: int = 0
    decoded: float = 0.0
    heard: float = 0.0
    translated: dict[str, float] = {}
    voiced: dict[str, float] = {}
    metered: float = 0.0
    seconds_left: float = -1.0
    utterances: int = 0
    failures: int = 0
    code: str = ""
    message: str = ""
    result: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing of an utterance: all of it, or a `target`."""

    target: str | None = None
    code: str
    message: str


class RecordedUtterance(Message, frozen=True, kw_only=True, tag="utterance"):
    """On `recording.<id>`: an utterance of a recording, with all that was asked for in writing."""

    utterance: int
    start: float
    end: float
    language: str = ""
    text: str = ""
    translations: dict[str, str] = {}
    errors: list[Failure] = []


class HeardRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`heard/<hash>`: what a model heard in this audio, asked so; `empty` says why there are no words. Times of
    `words` are seconds from the beginning of the audio."""

    text: str = ""
    language: str = ""
    language_probability: float = 1.0
    confidence: float = 0.0
    words: list[Word] = []
    empty: str = ""


class RenderedRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`rendered/<hash>`: a text in another language."""

    text: str
