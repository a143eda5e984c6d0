"""What a node does with a job that was delivered to it, whichever lane it came by. Every job goes the same way:

    read        what is no job is given up, and operators are told; one of a later version goes back a few times before
                that, for a node that knows it
    kept        is it for this node? One of a pool that failed here before goes back once, for another to try: a broken
                node is always free. One that this node cannot do all of goes back where another can and has room;
                where those are full, this one does its part
    placed      is it still wanted, is there a slot, is it claimed (node_runtime.claims)?
    run         to its end (node_runtime.errand), or until the node drains

One that came from a pool just when the last slot was taken waits for one as long as its `Terms` say, and then goes
back, for others to take. One that has come back often stays, so that the queue does not give it up; a piece of a
recording, for which there may be no room as long as people speak, is returned to its session instead, which makes
another attempt of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from dataclasses import dataclass

from node_runtime.claims import Claims
from node_runtime.errand import Errand, read
from node_runtime.fitness import Fitness
from node_runtime.presence import Presence
from node_runtime.recall import Recall, Runner
from node_runtime.slots import Held, Slots
from node_runtime.warmup import WarmUps
from wire import metrics, newer, subjects, topology
from wire.bus import Bus, Taken
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.jobs import Job
from wire.log import bind, get
from wire.records import BindingRecord, DeadJob

log = get(__name__)

ELSEWHERE_S = 0.5
REMEMBERED = 1000
LOOK_S = 0.25
"""Between two looks whether something changed that nobody tells of."""
UNREADABLE = "unreadable"
"""The session under which operators find what is no job."""


@dataclass(frozen=True)
class Terms:
    """`hold_s`: how long a job waits here for a slot; for ever: it was sent to this node. After `stop` none is begun,
    after `over` none runs on."""

    hold_s: float
    stop: asyncio.Event
    over: asyncio.Event


class Intake:
    """Of one node. `counters` are for logs and tests; `waiting` are live jobs that have no slot yet."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        pool: str,
        runner: Runner,
        presence: Presence,
        slots: Slots,
        warm_ups: WarmUps,
        fitness: Fitness,
    ) -> None:
        self._bus = bus
        self._node = node
        self._pool = pool
        self._presence = presence
        self._slots = slots
        self._claims = Claims(bus, node)
        self._warm_ups = warm_ups
        self._fitness = fitness
        self._failed: dict[str, None] = {}
        self.counters: Counter[str] = Counter()
        self._recall = Recall(bus, node, runner, presence, self.counters)
        self.waiting = 0

    async def see_to(self, taken: Taken, terms: Terms, placed: asyncio.Event) -> None:
        """To its end. `placed` is set when it has a slot, or is gone."""
        try:
            job = await self._read(taken)
            if job is None:
                return
            if job.warm_up:
                await self._warm_ups.arrived(job, taken)
                return
            bind(session=job.session, job=job.job)
            errand = self._errand(taken, job)
            async with asyncio.TaskGroup() as group:
                ticking = group.create_task(errand.tick(), name="job-progress")
                held = await self._place(errand, terms)
                placed.set()
                if held is not None:
                    await self._run(errand, held, terms.over)
                ticking.cancel()
            self.counters["jobs_returned"] += errand.returned
        finally:
            placed.set()

    async def hand_back(self, taken: Taken) -> None:
        """Whatever it is, not here."""
        job = await self._read(taken)
        if job is not None and job.warm_up:
            await taken.ack()
        elif job is not None:
            await self._hand_back(self._errand(taken, job))
            self.counters["jobs_returned"] += 1

    async def until_changed(self) -> None:
        """Until the engines are ready, or a slot may be free, or it is time to look."""
        if self._presence.ready:
            await self._slots.until_changed(LOOK_S)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._presence.until_ready()

    def _errand(self, taken: Taken, job: Job) -> Errand:
        if taken.deliveries > 1:
            metrics.REDELIVERIES.inc()
        return Errand(self._bus, self._node, self._recall, taken, job)

    # --- placing ---

    async def _place(self, errand: Errand, terms: Terms) -> Held | None:
        """The slot in which it may run; None where it is gone: dropped, returned or given back."""
        until = time.monotonic() + terms.hold_s
        if terms.hold_s < math.inf and not await self._keeps(errand):
            return None
        live = not errand.job.recorded
        self.waiting += live
        try:
            while not (terms.stop.is_set() or self._presence.drained):
                held = await self._try(errand)
                if held is not None or errand.dropped:
                    return held
                if time.monotonic() > until:
                    if errand.deliveries < topology.MAX_DELIVER:
                        self.counters["jobs_given_back"] += 1
                        await errand.give_back()
                        return None
                    if not live:
                        break
                await self.until_changed()
        except NatsUnavailable as error:
            log.warning("a job could not be claimed: given back", job=errand.job.job, reason=error.code)
            await errand.give_back()
            return None
        finally:
            self.waiting -= live
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
            held = await self._slot(found, job)
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

    async def _slot(self, found: tuple[BindingRecord, int] | None, job: Job) -> Held | None:
        if job.recorded:
            return self._slots.lend(job)
        reserved = self._claims.reserved(found, job)
        held = self._slots.adopt(job, reserved) if reserved is not None else None
        return held or await self._slots.mark(job)

    # --- running ---

    async def _run(self, errand: Errand, held: Held, over: asyncio.Event) -> None:
        """Run it, but no longer than until the drain is over."""
        self.counters["jobs_started"] += 1
        try:
            async with asyncio.TaskGroup() as group:
                doing = group.create_task(errand.run(), name="job-run")
                others = [
                    group.create_task(self._slots.keep(held), name="slot"),
                    group.create_task(over.wait(), name="drain"),
                ]
                await asyncio.wait({doing, others[1]}, return_when=asyncio.FIRST_COMPLETED)
                if not doing.done():
                    doing.cancel()
                    await asyncio.wait({doing})
                if doing.cancelled():
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
        await errand.hand_back()
        await self._slots.forget(errand.job)

    # --- what is no job ---

    async def _read(self, taken: Taken) -> Job | None:
        """None where it is no job: then operators are told, and the queue forgets it; or where it went back."""
        try:
            return read(taken.data)
        except ProtocolViolation as error:
            if newer.met("job", error) and taken.deliveries < topology.MAX_DELIVER:
                await taken.give_back(ELSEWHERE_S * 2 ** (taken.deliveries - 1))
                return None
            log.error("a job cannot be read: given up", bytes=len(taken.data), error=str(error))
            dead = DeadJob(
                job=UNREADABLE,
                session=UNREADABLE,
                utterance=0,
                pool=self._pool,
                attempts=taken.deliveries,
                node=self._node,
                reason=str(error),
                seconds=0.0,
            )
        with contextlib.suppress(NatsUnavailable):
            await self._bus.store(subjects.dead(dead.pool, dead.session), dead)
        await taken.give_up()
        return None
