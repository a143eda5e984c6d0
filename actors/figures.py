"""What a scheduler tells about itself: its counts, its sessions and partitions, the nodes that it sees, and the survey
of queues and streams, where it is the one that makes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import get_args

from actors.scheduler import Scheduler
from wire import metrics
from wire.bus import Bus
from wire.matching import Refusal
from wire.monitor import Role
from wire.readings import Reading, counted
from wire.records import NodeRecord

STATES = ("ready", "warming", "draining")


def role(scheduler: Scheduler, bus: Bus) -> Role:
    return Role("scheduler", metrics.SCHEDULER, lambda: readings(scheduler), lambda: unready(scheduler, bus))


def unready(scheduler: Scheduler, bus: Bus) -> str | None:
    """One that others leave nothing to do is ready: it takes over when they end."""
    if not bus.connected:
        return "the connection to NATS is away"
    return None if scheduler.leases.heard else "it has not told the others that it is there"


def readings(scheduler: Scheduler) -> Iterator[Reading]:
    yield from counted(metrics.SCHEDULER_COUNTS, scheduler.totals())
    for reason in get_args(Refusal):
        yield Reading(metrics.NODE_REFUSALS, scheduler.dispatcher.refusals.get(reason, 0), (reason,))
    yield Reading(metrics.SESSIONS_HELD, sum(host.sessions for host in scheduler.hosts.values()))
    yield Reading(metrics.PARTITIONS_HELD, scheduler.leases.held)
    yield from _nodes(scheduler.dispatcher.nodes)
    yield from scheduler.survey.readings


def _nodes(records: list[NodeRecord]) -> Iterator[Reading]:
    pools = sorted({pool for record in records for pool in record.pools})
    for pool, state in product(pools, STATES):
        count = sum(pool in record.pools and _state(record) == state for record in records)
        yield Reading(metrics.NODES, count, (pool, state))


def _state(record: NodeRecord) -> str:
    return "draining" if record.draining else "ready" if record.ready else "warming"
