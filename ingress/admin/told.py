"""What operators are told, as structs: ids, lengths, states and counts, and no words. PURE."""

from __future__ import annotations

from typing import Any

import msgspec

from ingress.admin.figures import Quantiles
from wire.records import Prices


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting` and `running` are utterances of live sessions; `batch` are pieces of recordings and jobs that are run
    again, waiting or running; `partials` live captions that wait; `dead` jobs that were given up."""

    waiting: int = 0
    running: int = 0
    batch: int = 0
    partials: int = 0
    dead: int = 0


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Of the last minute, or since somebody looks: `seconds`. `audio` are seconds of audio that come in, a second.
    `lag`: from the end of an utterance being decided to its final text; none without any. `refusals` are a minute, by
    code: clients who were turned away; `unplaced` the same of nodes that could not take a job, by reason."""

    seconds: float = 0.0
    utterances_a_minute: float = 0.0
    audio: float = 0.0
    lag: Quantiles | None = None
    refusals: dict[str, float] = {}
    unplaced: dict[str, float] = {}


class PoolShown(msgspec.Struct, frozen=True, kw_only=True):
    """`slots`, `busy` and `nodes` of nodes that take work. `capacity` and `used` are slots' worth of live sessions,
    `streams` the same room in sessions of the usual kind; 0 while nobody has measured. `limits` is what each
    ingress may fill of it. `held` live sessions are in, `waiting` clients in line, since at most `waiting_s`.
    `closed` says why nobody is let in."""

    pool: str
    nodes: int = 0
    slots: int = 0
    busy: int = 0
    capacity: float = 0.0
    used: float = 0.0
    streams: float = 0.0
    a_minute: float = 0.0
    prices: Prices | None = None
    limits: dict[str, float] = {}
    held: int = 0
    waiting: int = 0
    waiting_s: float = 0.0
    closed: str = ""


class NodeShown(msgspec.Struct, frozen=True, kw_only=True):
    """As in its heartbeat. `drained`: an operator wants it to take no jobs; `drained_by` says who, `drained_at` when
    (seconds since the epoch)."""

    node: str
    version: str
    pools: list[str]
    slots: int
    busy: int
    ready: bool
    draining: bool
    device: str
    models: list[str]
    cpu_percent: float
    memory_mb: float
    foreign_load: float
    dedicated: bool
    gpus: list[dict[str, Any]]
    rtf: dict[str, float]
    drained: bool = False
    drained_by: str = ""
    drained_at: float = 0.0


class SchedulerShown(msgspec.Struct, frozen=True, kw_only=True):
    instance: str
    partitions: int
    sessions: int
    version: str


class ProcessShown(msgspec.Struct, frozen=True, kw_only=True):
    """Each process that answered. `cpu` is cores that it keeps busy."""

    role: str
    instance: str
    version: str
    memory_mb: float = 0.0
    cpu: float = 0.0


class SessionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are; `recorded` are recordings' own."""

    open: int = 0
    closing: int = 0
    recorded: int = 0


class FleetState(msgspec.Struct, frozen=True, kw_only=True):
    """All at one moment: `at`, seconds since the epoch."""

    at: float
    ingress: str
    version: str
    queues: Queues
    rates: Rates
    sessions: SessionCounts
    pools: list[PoolShown]
    nodes: list[NodeShown]
    schedulers: list[SchedulerShown]
    processes: list[ProcessShown]


class FigureHistory(msgspec.Struct, kw_only=True):
    """The last quarter of an hour, as far as somebody looked: columns of equal length. Lags are seconds, -1: none."""

    at: list[float] = []
    waiting: list[int] = []
    running: list[int] = []
    batch: list[int] = []
    partials: list[int] = []
    utterances: list[float] = []
    audio: list[float] = []
    p50: list[float] = []
    p95: list[float] = []
    p99: list[float] = []
    sessions: list[int] = []
    refusals: list[float] = []


KEPT = 900
"""Points of the history: one a second."""


def remember(history: FigureHistory, state: FleetState) -> None:
    queues, rates, lag = state.queues, state.rates, state.rates.lag
    point = {
        "at": state.at,
        "waiting": queues.waiting,
        "running": queues.running,
        "batch": queues.batch,
        "partials": queues.partials,
        "utterances": rates.utterances_a_minute,
        "audio": rates.audio,
        "p50": lag.p50 if lag else -1.0,
        "p95": lag.p95 if lag else -1.0,
        "p99": lag.p99 if lag else -1.0,
        "sessions": state.sessions.open + state.sessions.closing,
        "refusals": round(sum(rates.refusals.values()), 2),
    }
    for name, value in point.items():
        column = getattr(history, name)
        column.append(value)
        del column[:-KEPT]


class SessionShown(msgspec.Struct, frozen=True, kw_only=True):
    """`opened` is in seconds since the epoch; `utterances` that began so far."""

    session: str
    tenant: str
    state: str
    source: str
    targets: list[str]
    speech: bool
    recorded: bool
    ingress: str
    pool: str
    opened: float
    utterances: int


class SessionPage(msgspec.Struct, frozen=True, kw_only=True):
    """`total` match what was asked for."""

    total: int
    offset: int
    sessions: list[SessionShown]


class DeadShown(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was given up; `id` is its place on DEAD, and `at` when it came there. `seconds` of audio. `kept`: it
    can be run again. `state`: `dead`, `requeued` (it is being run again) or `failed` (that failed; `note` says why)."""

    id: int
    at: float
    job: str
    session: str
    tenant: str
    pool: str
    utterance: int
    attempts: int
    node: str
    reason: str
    seconds: float
    history: list[str]
    kept: bool
    state: str = "dead"
    note: str = ""


class DeadPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    total: int
    offset: int
    jobs: list[DeadShown]


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    node: str
    drained: bool
    by: str = ""
    at: float = 0.0


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    job: str
    state: str = "requeued"
