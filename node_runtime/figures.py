"""What a node tells about itself: its last heartbeat as numbers, and what became of the work that came to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from node_runtime.host import MIB
from node_runtime.intake import Intake
from node_runtime.nursery import Nursery
from node_runtime.partials import Partials
from node_runtime.presence import Presence
from node_runtime.timings import STAGES
from wire import metrics
from wire.bus import Bus
from wire.metrics import OTHER, one_of
from wire.monitor import Role
from wire.readings import Reading, counted
from wire.records import NodeRecord

FAILED = "jobs_failed."


def role(bus: Bus, presence: Presence, nursery: Nursery, intake: Intake, partials: Partials) -> Role:
    def unready() -> str | None:
        if not bus.connected:
            return "the connection to NATS is away"
        if presence.drained or presence.stopping:
            return "the node ends its jobs and takes no more"
        return None if presence.ready else "the engines are not warm"

    def read() -> Iterator[Reading]:
        yield from counted(metrics.NODE_COUNTS, bounded(intake.counters))
        yield from counted(metrics.PARTIAL_COUNTS, partials.counters)
        if presence.told is not None:
            yield Reading(metrics.ENGINE_DEATHS, nursery.deaths, (presence.told.node,))
            yield from _heartbeat(presence.told)

    return Role("node", metrics.NODE, read, unready)


def bounded(counters: Mapping[str, int]) -> Counter[str]:
    """Failures whose code is known to no table are "other": engines of one's own may have any."""
    found: Counter[str] = Counter()
    for name, count in counters.items():
        known = FAILED + one_of(name.removeprefix(FAILED), metrics.FAILURES) if name.startswith(FAILED) else name
        found[known] += count
    return found


def _heartbeat(told: NodeRecord) -> Iterator[Reading]:
    node = (told.node,)
    yield Reading(metrics.NODE_READY, told.ready and not told.draining, node)
    yield Reading(metrics.NODE_DRAINING, told.draining, node)
    yield Reading(metrics.NODE_SLOTS, told.slots, node)
    yield Reading(metrics.NODE_SLOTS_BUSY, told.busy, node)
    yield Reading(metrics.NODE_MEMORY, told.memory_mb * MIB, node)
    yield Reading(metrics.NODE_CPU, told.cpu_percent / 100, node)
    yield Reading(metrics.NODE_FOREIGN, told.foreign_load / 100, node)
    for measured, factor in told.rtf.items():
        stage, _, model = measured.partition("/")
        yield Reading(metrics.NODE_RTF, factor, (told.node, one_of(stage, STAGES), model or OTHER))
    for index, gpu in enumerate(told.gpus):
        labels = (told.node, str(index))
        yield Reading(metrics.GPU_MEMORY_USED, gpu["memory_used_mb"] * MIB, labels)
        yield Reading(metrics.GPU_MEMORY, gpu["memory_total_mb"] * MIB, labels)
        yield Reading(metrics.GPU_BUSY, gpu["utilization_percent"] / 100, labels)
