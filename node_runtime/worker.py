"""Where jobs come from and which slot they get: the node's own lane, and the lanes of its pools.

Each lane has a taker of its own, so that waiting for one never delays another. What comes on the own lane has a slot
reserved by a scheduler and begins at once; a pool is asked only while a slot is free and this node is fit for it
(`node_runtime.fitness`), and what comes from there marks a slot itself. Every job goes the same way (`_place`): is it
still wanted, is there a slot, is it claimed; then it runs in a task of its own (`node_runtime.errand`).

A job that came from a pool just when the last slot was taken waits HOLD_S for one and then goes back, for others to
take; one that has come back often stays, so that the queue does not give it up. One from the own lane waits for as long
as it must: soon the scheduler has put it to the pool as well, and whoever begins first has it. A job that failed here
before goes back to its pool once, for another to try: a broken node is always free. One that this node cannot do all
of goes back where another can and has room; where those are full, this one does its part.

When the node drains, takers take what was on its way and return it, and jobs that run have `drain_s` to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter

from node_runtime.claims import Claims
from node_runtime.errand import Errand, read
from node_runtime.fitness import Fitness
from node_runtime.nursery import Nursery
from node_runtime.presence import Presence
from node_runtime.slots import Held, Slots
from node_runtime.warmup import WarmUps
from wire import subjects, topology
from wire.bus import Bus, Taken
from wire.env import NodeSettings
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.jobs import Job
from wire.log import get
from wire.records import DeadJob

log = get(__name__)

PATIENCE_S = 1.0
HOLD_S = 0.3
ELSEWHERE_S = 0.5
REMEMBERED = 1000
LOOK_S = 0.25
"""Between two looks whether something changed that nobody tells of."""
SWEEP_S = 0.1
UNREADABLE = "unreadable"
"""The session under which operators find what is no job."""


class Worker:
    """Runs jobs in the engines of `nursery`. `counters` are for logs and tests."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        settings: NodeSettings,
        nursery: Nursery,
        presence: Presence,
        slots: Slots,
        warm_ups: WarmUps,
        fitness: Fitness,
    ) -> None:
        self._bus = bus
        self._node = node
        self._settings = settings
        self._nursery = nursery
        self._presence = presence
        self._slots = slots
        self._claims = Claims(bus, node)
        self._warm_ups = warm_ups
        self._fitness = fitness
        self._tasks: asyncio.TaskGroup
        self._jobs: set[asyncio.Task[None]] = set()
        self._failed: dict[str, None] = {}
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; the jobs in hand then have `drain_s` to end."""
        self._stopping = stop
        async with asyncio.TaskGroup() as self._tasks:
            takers = [self._tasks.create_task(self._serve_lane(), name="lane")]
            for pool in self._settings.pools:
                takers.append(self._tasks.create_task(self._serve_pool(pool), name=f"pool-{pool}"))
            await stop.wait()
            until = time.monotonic() + self._settings.drain_s
            await asyncio.wait(takers)
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=max(0.0, until - time.monotonic()))
            self._over.set()

    async def sweep(self) -> None:
        """Return what still lies on the node's own lane."""
        while (taken := await self._bus.take(subjects.JOBS, self._lane, SWEEP_S)) is not None:
            job = await self._read(taken)
            if job is not None and job.warm_up:
                await taken.ack()
            elif job is not None:
                errand = Errand(self._bus, self._node, self._nursery, taken, job)
                await self._hand_back(errand)

    @property
    def _lane(self) -> str:
        return subjects.node_consumer(self._node)

    # --- takers ---

    # A take is not cut short: a job that came in that moment would be lost until the queue's patience ends.

    async def _serve_lane(self) -> None:
        while not self._stopping.is_set():
            taken = await self._bus.take(subjects.JOBS, self._lane, PATIENCE_S)
            if taken is not None:
                self._begin(taken, math.inf)

    async def _serve_pool(self, pool: str) -> None:
        while not self._stopping.is_set():
            if not (self._presence.ready and self._slots.free and self._fitness.fit):
                await self._until_changed()
                continue
            taken = await self._bus.take(subjects.JOBS, subjects.pool_consumer(pool), PATIENCE_S)
            if taken is not None:
                await self._begin(taken, HOLD_S).wait()

    async def _until_changed(self) -> None:
        """Until the engines are ready, or a slot may be free, or it is time to look."""
        if self._presence.ready:
            await self._slots.until_changed(LOOK_S)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._presence.until_ready()

    def _begin(self, taken: Taken, hold_s: float) -> asyncio.Event:
        """See to this job in a task of its own. The event is set when it has a slot, or is gone."""
        placed = asyncio.Event()
        task = self._tasks.create_task(self._see_to(taken, hold_s, placed), name="job")
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return placed

    # --- one job ---

    async def _see_to(self, taken: Taken, hold_s: float, placed: asyncio.Event) -> None:
        try:
            job = await self._read(taken)
            if job is None:
                return
            if job.warm_up:
                await self._warm_ups.arrived(job, taken)
                return
            errand = Errand(self._bus, self._node, self._nursery, taken, job)
            async with asyncio.TaskGroup() as group:
                ticking = group.create_task(errand.tick(), name="job-progress")
                held = await self._place(errand, hold_s)
                placed.set()
                if held is not None:
                    await self._run(errand, held)
                ticking.cancel()
        finally:
            placed.set()

    async def _place(self, errand: Errand, hold_s: float) -> Held | None:
        """The slot in which it may run; None where it is gone: dropped, returned or given back."""
        until = time.monotonic() + hold_s
        if hold_s < math.inf and not await self._keeps(errand):
            return None
        try:
            while not self._stopping.is_set():
                held = await self._try(errand)
                if held is not None or errand.dropped:
                    return held
                if time.monotonic() > until and errand.deliveries < topology.MAX_DELIVER:
                    self.counters["jobs_given_back"] += 1
                    await errand.give_back()
                    return None
                await self._until_changed()
        except NatsUnavailable as error:
            log.warning("a job could not be claimed: given back", job=errand.job.job, reason=error.code)
            await errand.give_back()
            return None
        await self._hand_back(errand)
        return None

    async def _keeps(self, errand: Errand) -> bool:
        """Whether this node wants this job of a pool, or a part of it. It goes back for others otherwise."""
        share, elsewhere = self._fitness.share(errand.job)
        again = errand.job.job in self._failed and errand.deliveries == 1
        if (again or elsewhere or share is None) and errand.deliveries < topology.MAX_DELIVER:
            self.counters["jobs_given_back"] += 1
            await errand.give_back(ELSEWHERE_S if share is not None else 2.0 ** (errand.deliveries - 1))
        elif share is None:
            await self._hand_back(errand)
        else:
            errand.job = share
            return True
        return False

    async def _try(self, errand: Errand) -> Held | None:
        """One look whether it is wanted, may run, and has a slot."""
        job, deliveries = errand.job, errand.deliveries
        found = await self._claims.look(job)
        verdict = self._claims.judge(found, job, deliveries)
        if verdict == "run":
            if not self._presence.ready:
                return None
            reserved = self._claims.reserved(found, job)
            held = self._slots.adopt(job, reserved) if reserved is not None else None
            held = held or await self._slots.mark(job)
            if held is None:
                return None
            try:
                verdict = await self._claims.claim(found, job, deliveries, held.index)
            except BaseException:
                await self._slots.release(held)
                raise
            if verdict == "run":
                return held
            await self._slots.release(held)
        self.counters[f"jobs_{verdict}"] += 1
        log.info("a job is not run here", job=job.job, attempt=job.attempt, reason=verdict)
        await errand.drop()
        await self._slots.forget(job)
        return None

    async def _run(self, errand: Errand, held: Held) -> None:
        """Run it, but no longer than until the drain is over."""
        self.counters["jobs_started"] += 1
        try:
            async with asyncio.TaskGroup() as group:
                doing = group.create_task(errand.run(), name="job-run")
                others = [
                    group.create_task(self._slots.keep(held), name="slot"),
                    group.create_task(self._over.wait(), name="drain"),
                ]
                await asyncio.wait({doing, others[1]}, return_when=asyncio.FIRST_COMPLETED)
                if not doing.done():
                    doing.cancel()
                    await asyncio.wait({doing})
                if doing.cancelled():
                    self.counters["jobs_returned"] += 1
                    await errand.hand_back()
                elif (failure := doing.result()) is not None:
                    self._has_failed(errand.job, failure)
                for task in others:
                    task.cancel()
        finally:
            self._claims.finished(errand.job)
            await self._slots.release(held)

    def _has_failed(self, job: Job, code: str) -> None:
        self.counters[f"jobs_failed.{code}"] += 1
        self._failed[job.job] = None
        while len(self._failed) > REMEMBERED:
            del self._failed[next(iter(self._failed))]

    async def _hand_back(self, errand: Errand) -> None:
        self.counters["jobs_returned"] += 1
        await errand.hand_back()
        await self._slots.forget(errand.job)

    # --- what is no job ---

    async def _read(self, taken: Taken) -> Job | None:
        """None where it is no job: then operators are told, and the queue forgets it."""
        try:
            return read(taken.data)
        except ProtocolViolation as error:
            log.error("a job cannot be read: given up", bytes=len(taken.data), error=str(error))
            dead = DeadJob(
                job=UNREADABLE,
                session=UNREADABLE,
                utterance=0,
                pool=self._settings.pools[0],
                attempts=taken.deliveries,
                node=self._node,
                reason=str(error),
                seconds=0.0,
            )
        with contextlib.suppress(NatsUnavailable):
            await self._bus.store(subjects.dead(dead.pool, dead.session), dead)
        await taken.give_up()
        return None
