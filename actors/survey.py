"""What waits in queues, lies in streams and stands in line: asked of NATS now and then, by one scheduler for all.

The owner of one certain partition asks, as with the lanes of nodes that are gone (`actors.lanes`); the others say
nothing. Two that do around a hand-over say the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from wire import declare, metrics, subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation, Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.readings import Reading
from wire.records import AdmissionRecord, LineRecord

log = get(__name__)

SURVEY_S = 5.0
LANES = "lanes"


class Survey:
    """`mine` says whether it is this scheduler's turn to ask; `readings` is what it knows."""

    def __init__(self, bus: Bus, mine: Callable[[], bool]) -> None:
        self._bus = bus
        self._mine = mine
        self._admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)
        self._lines = Bucket(bus, subjects.LINES_KV, LineRecord)
        self._streams = [config.name or "" for config in declare.streams()]
        self._queues: dict[tuple[str, str], int] = {}
        self.readings: list[Reading] = []

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                self.readings = await self.look() if self._mine() else []
            except (Unavailable, ProtocolViolation) as error:
                self.readings = []
                log.info("queues and streams were not looked at", reason=error.code)
            await asyncio.sleep(SURVEY_S)

    async def look(self) -> list[Reading]:
        """Raises NatsUnavailable, ProtocolViolation."""
        return [*await self._stored(), *await self._admitted()]

    async def _stored(self) -> list[Reading]:
        found: list[Reading] = []
        depths = dict.fromkeys(self._queues, 0)  # a queue that is empty says so
        for stream in self._streams:
            stock = await self._bus.stock(stream, _SORTED.get(stream, ""))
            found.append(Reading(metrics.STREAM_BYTES, stock.bytes, (stream,)))
            found.append(Reading(metrics.STREAM_LIMIT_BYTES, stock.limit, (stream,)))
            depths |= _depths(stream, stock.messages, stock.subjects)
        self._queues = depths
        found += (Reading(metrics.QUEUE_DEPTH, depth, queue) for queue, depth in depths.items())
        return found

    async def _admitted(self) -> list[Reading]:
        found: list[Reading] = []
        waiting: Counter[str] = Counter()
        for pool, record in (await self._admission.items()).items():
            waiting[pool] += 0
            found.append(Reading(metrics.POOL_SLOTS, record.capacity, (pool,)))
            found.append(Reading(metrics.POOL_SLOTS_USED, record.used, (pool,)))
            found.append(Reading(metrics.POOL_STREAMS, record.streams, (pool,)))
        for key, line in (await self._lines.items()).items():
            waiting[subjects.line_of_key(key)[0]] += len(line.waiting)
        return found + [Reading(metrics.LINE_WAITING, count, (pool,)) for pool, count in waiting.items()]


_SORTED = {subjects.JOBS: subjects.JOB_ALL, subjects.BATCH: subjects.BATCH_ALL}
"""Of these it matters what lies where."""


def _depths(stream: str, messages: int, by_subject: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """(queue, pool) -> messages. A work queue holds what waits and what is in hand, and nothing else."""
    match stream:
        case subjects.PARTIALS:
            return {("partials", ""): messages}
        case subjects.DEAD:
            return {("dead", ""): messages}
        case subjects.BATCH:
            return {("batch", pool): count for (_, pool), count in _by_pool(by_subject)}
        case subjects.JOBS:
            jobs = list(_by_pool(by_subject))
            lanes = sum(count for (kind, _), count in jobs if kind != "pool")
            return {("jobs", pool): count for (kind, pool), count in jobs if kind == "pool"} | {(LANES, ""): lanes}
    return {}


def _by_pool(by_subject: Mapping[str, int]) -> Iterator[tuple[tuple[str, str], int]]:
    for subject, count in by_subject.items():
        *_, kind, name = subject.split(".")
        yield (kind, name), count
