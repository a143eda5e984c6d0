"""Live captions: takes partial jobs from the node's pools, while nothing better is to be done, and answers them.

A final is never delayed for a partial. On a CPU every core belongs to the finals: there one partial runs, and only
while no final does. On a GPU partials may have the slots that are free. Until there is room nothing is taken: PARTIALS
keeps the newest of each session and drops what is older than 3 s, so load sheds itself. What was taken just as a final
came goes back for others; what came too late is dropped; whatever is lost, the session's actor asks anew.

A partial job is acknowledged when it is taken, and its answer is stored in the session's mailbox under an id of its
own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter

from node_runtime.fitness import Fitness
from node_runtime.nursery import Nursery
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from node_runtime.tracing import partial
from wire import metrics, newer, subjects
from wire.audio import BYTES_PER_SAMPLE
from wire.bus import Bus, Taken
from wire.env import NodeSettings
from wire.errors import EngineError, NatsUnavailable, NewerSchema, ProtocolViolation
from wire.jobs import PartialJob
from wire.log import get
from wire.messages import AUTO, decode

log = get(__name__)

PATIENCE_S = 1.0
LOOK_S = 0.05
"""Between two looks whether there is room, where nobody tells of it."""
STALE_S = 2.0
"""Older than this a partial job is not worth running: its answer would come when the words are known."""
LONGEST_LIFE_S = 4.0
"""No message lives so long in PARTIALS: one that seems older tells of a clock that was set."""
STORE_S = 2.0
ELSEWHERE_S = 0.2
"""Before another node may have what this one cannot hear."""


class Ages:
    """How old a message is, by the clocks of two hosts that need not agree: the freshest that was seen was new."""

    def __init__(self) -> None:
        self._least: float | None = None

    def age(self, stored: float, now: float) -> float:
        """Seconds."""
        apparent = now - stored
        if self._least is None or apparent < self._least or apparent > self._least + LONGEST_LIFE_S:
            self._least = apparent
        return apparent - self._least


class Partials:
    """Of one node. `counters`: taken, answered, stale (too old before it ran, or after), given_back, failed, lost (the
    answer could not be stored), unreadable."""

    def __init__(
        self, bus: Bus, settings: NodeSettings, nursery: Nursery, presence: Presence, slots: Slots, fitness: Fitness
    ) -> None:
        self._bus = bus
        self._pools = settings.pools
        self._nursery = nursery
        self._presence = presence
        self._slots = slots
        self._fitness = fitness
        self._ages = Ages()
        self._running = 0
        self._one_ended = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def serve(self) -> None:
        """For ever."""
        try:
            async with asyncio.TaskGroup() as group:
                for pool in self._pools:
                    group.create_task(self._serve_pool(pool, group), name=f"partials-{pool}")
        finally:
            log.info("no more partials are taken", **self.counters)

    async def _serve_pool(self, pool: str, group: asyncio.TaskGroup) -> None:
        while True:
            if not self._has_room():
                await self._until_changed()
                continue
            taken = await self._bus.take(subjects.PARTIALS, subjects.partial_consumer(pool), PATIENCE_S)
            job = await self._accepted(taken) if taken is not None else None
            if job is not None:
                self._running += 1
                group.create_task(self._see_to(job), name="partial")

    def _has_room(self) -> bool:
        if not (self._presence.ready and self._fitness.fit):
            return False
        return has_room(self._presence.device, self._running, self._slots.busy, len(self._slots.free))

    async def _until_changed(self) -> None:
        """Until a partial has ended, or it is time to look: nobody tells of finals."""
        self._one_ended.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._one_ended.wait()

    async def _accepted(self, taken: Taken) -> PartialJob | None:
        """The job, if it is to run here and now."""
        try:
            job = read(taken.data)
        except NewerSchema as error:
            newer.met("partial", error)
            self.counters["given_back"] += 1
            await taken.give_back(ELSEWHERE_S)
            return None
        except ProtocolViolation as error:
            log.error("a partial job cannot be read: dropped", bytes=len(taken.data), error=str(error))
            self.counters["unreadable"] += 1
            await taken.give_up()
            return None
        if not self._has_room():  # a final came meanwhile
            self.counters["given_back"] += 1
            await taken.give_back()
            return None
        if not self._hears(job):
            self.counters["given_back"] += 1
            await taken.give_back(ELSEWHERE_S)
            return None
        self.counters["taken"] += 1
        await taken.ack()
        if self._ages.age(taken.stored, time.time()) > STALE_S:
            self.counters["stale"] += 1
            return None
        return job

    def _hears(self, job: PartialJob) -> bool:
        told = self._presence.told
        return told is not None and {job.source, *job.between} <= {AUTO, *told.sources}

    async def _see_to(self, job: PartialJob) -> None:
        began = time.time()
        try:
            outcome = await self._run(job)
            self.counters[outcome] += 1
            partial(job, began, outcome)
        finally:
            self._running -= 1
            self._one_ended.set()

    async def _run(self, job: PartialJob) -> str:
        """How it ended, as it is counted."""
        try:
            answer = await self._nursery.glimpse(job)
            if answer is None:
                return "stale"
            metrics.PARTIAL.observe(answer.seconds)
            id = subjects.hypothesis_message_id(job.session, job.utterance, job.generation)
            await self._bus.store(subjects.mailbox(job.session, "node"), answer, id=id, patience=STORE_S)
        except EngineError as error:
            log.warning("a partial failed", session=job.session, utterance=job.utterance, reason=str(error))
            return "failed"
        except NatsUnavailable as error:
            log.info("a partial's answer was not stored", session=job.session, reason=error.code)
            return "lost"
        return "answered"


def has_room(device: str, running: int, busy: int, free: int) -> bool:
    """Whether one more partial may run. `running` are partials, `busy` and `free` slots."""
    return running < free if device == "cuda" else not running and not busy


def read(data: bytes) -> PartialJob:
    """Raises ProtocolViolation where this is no partial job, or one whose answer could reach nobody."""
    job: PartialJob = decode(PartialJob, data)
    if len(job.pcm) % BYTES_PER_SAMPLE:
        raise ProtocolViolation(f"the partial job's audio has an odd number of bytes ({len(job.pcm)})")
    try:
        subjects.token(job.session)
    except ValueError as error:
        raise ProtocolViolation(str(error)) from error
    return job
