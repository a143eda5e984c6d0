"""What stands in KV buckets and on DEAD, as tagged structs: JSON that `nats kv get` reads well.

Processes find each other's state here; what they say to each other is in `wire.messages`.
"""

from __future__ import annotations

from typing import Any

from wire.messages import Message, snake


class DeadJob(Message, frozen=True, kw_only=True, tag=snake):
    """A job that was given up, kept on `dead.<pool>.<session>` for operators. Its audio is not kept.

    `history` has a line for each attempt: its number, the node, and why it failed.
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


class NodeRecord(Message, frozen=True, kw_only=True, omit_defaults=False):
    """`nodes/<node>`: a heartbeat. It goes by itself when the node has been silent for three of them.

    `sources` are the languages it can transcribe, `targets` maps a target language to the sources it can be
    translated from ("*": any source), `voices` maps a language to the voice that speaks it. `foreign_load` is the
    percentage of the host that others use; a `dedicated` host takes work whatever it is. `tags` are capabilities beyond
    the known ones, that engines of your own bring.
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
