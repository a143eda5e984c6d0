"""Jobs in hand: taken from a lane, run, marked as in progress, and ended in exactly one way.

    acknowledged   everything that it asked for is stored
    given back     this attempt failed in a way that another may not (the engines died, a model raised, NATS was away)
    given up       it failed in `MAX_DELIVER` deliveries, or it is no job at all: the session is told (StageFailed) and
                   operators find it on `dead.<pool>.<session>`

A slot is one loop: it asks the queue only while the engines are ready, so that a node never holds a job that it cannot
run. When the node drains, running jobs get `DRAIN_S`; what is not done by then is given back at once.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from node_runtime.lanes import Lanes
from node_runtime.nursery import Nursery
from node_runtime.outbox import Outbox, what
from node_runtime.presence import Presence
from wire import subjects, topology
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus, Taken
from wire.env import NodeSettings
from wire.errors import EngineError, NatsUnavailable, ProtocolViolation, Stale
from wire.kv import Bucket
from wire.log import get
from wire.messages import DeadJob, Job, JobDone, JobProgressed, JobStarted, SlotRecord, StageFailed, decode

log = get(__name__)

TICK_S = 1.0
DRAIN_S = 10.0
LOOK_S = 0.5
"""Between two looks whether the node stops, while the engines are not ready."""
BACK_AFTER_S = 0.5
"""Before a job that was given back is delivered again."""
UNREADABLE = "unreadable"
"""The session under which operators find what is no job."""


class Worker:
    """Runs jobs in the engines of `nursery`. `work` is one slot: run as many as there are."""

    def __init__(self, bus: Bus, node: str, settings: NodeSettings, nursery: Nursery, presence: Presence) -> None:
        self._bus = bus
        self._node = node
        self._pools = list(settings.pools)
        self._slots = settings.slots
        self._reserved = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
        self._nursery = nursery
        self._presence = presence

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; the job in hand then has `DRAIN_S` to end."""
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(self._bus, self._node, self._pools, group)
            while not stop.is_set():
                if not self._presence.ready:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await self._presence.until_ready()
                    continue
                taken = await lanes.next()
                if taken is None:
                    continue
                if stop.is_set():
                    await taken.give_back()
                    return
                self._presence.busy += 1
                try:
                    await self._within(stop, taken)
                finally:
                    self._presence.busy -= 1

    async def _within(self, stop: asyncio.Event, taken: Taken) -> None:
        """Do the job, but no longer than `DRAIN_S` after `stop`."""
        async with asyncio.TaskGroup() as group:
            doing = group.create_task(self.do(taken))
            stopping = group.create_task(stop.wait())
            await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                await asyncio.wait({doing}, timeout=DRAIN_S)
                if not doing.done():
                    doing.cancel()
                    await taken.give_back()
                    log.warning("a job was given back: the node stops")
            stopping.cancel()

    async def do(self, taken: Taken) -> None:
        """One delivery of one job, to its end."""
        try:
            job = read(taken.data)
        except ProtocolViolation as error:
            log.error("a job cannot be read: given up", bytes=len(taken.data), error=str(error))
            with contextlib.suppress(NatsUnavailable):
                await self._tell_operators(None, taken.deliveries, str(error))
            await taken.give_up()
            return
        if job.warm_up:  # the engines were born anew, and their warm-up waits for it
            await taken.give_back()
            return
        attempt = job.attempt + taken.deliveries - 1
        if taken.deliveries > topology.MAX_DELIVER:  # whoever had it last could not even say so
            failed: str | None = f"not done in {topology.MAX_DELIVER} deliveries"
        else:
            failed = await self._attempt(taken, job, attempt)
        if failed is None:
            await taken.ack()
        elif taken.deliveries < topology.MAX_DELIVER:
            log.warning("an attempt failed: the job is given back", job=job.job, attempt=attempt, reason=failed)
            await taken.give_back(BACK_AFTER_S)
        else:
            await self._bury(taken, job, attempt, failed)
        await self._free(job)

    async def _free(self, job: Job) -> None:
        """Give up the slot that a scheduler reserved here for this attempt, if one did."""
        try:
            for slot in range(self._slots):
                key = subjects.slot_key(self._node, slot)
                found = await self._reserved.entry(key)
                if found is not None and (found[0].job, found[0].attempt) == (job.job, job.attempt):
                    await self._reserved.delete(key, found[1])
        except (NatsUnavailable, Stale) as error:
            log.warning("a slot was not given up; it goes by itself", job=job.job, error=str(error))

    async def _attempt(self, taken: Taken, job: Job, attempt: int) -> str | None:
        """Run it and store what comes. None: all is stored; else why another attempt should be made."""
        outbox = Outbox(self._bus, job, attempt)
        mailbox = subjects.mailbox(job.session, "node")
        last = taken.deliveries >= topology.MAX_DELIVER
        stage = "asr"
        failed: str | None = None

        async def tick() -> None:
            while True:
                await asyncio.sleep(TICK_S)
                await taken.progress()
                progress = JobProgressed(
                    job=job.job, utterance=job.utterance, attempt=attempt, node=self._node, stage=stage
                )
                await self._bus.publish(mailbox, progress)

        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick(), name="job-progress")
            delivering = group.create_task(outbox.deliver(), name="job-results")
            started = JobStarted(job=job.job, utterance=job.utterance, attempt=attempt, node=self._node)
            await self._bus.publish(mailbox, started)
            try:
                async for target, step in self._nursery.run(job, attempt):
                    match step:
                        case JobProgressed():
                            stage = step.stage
                        case StageFailed(retryable=True) if step.target is None or not last:
                            failed = f"{step.stage}: {step.message}"
                        case StageFailed():
                            outbox.put(target, msgspec.structs.replace(step, retryable=False))
                        case JobDone() if failed is not None:
                            pass
                        case _:
                            outbox.put(target, step)
            except EngineError as error:
                failed = str(error)
            outbox.close()
            failed = await delivering or failed
            ticking.cancel()
        return failed

    async def _bury(self, taken: Taken, job: Job, attempt: int, reason: str) -> None:
        """Tell the session and the operators, then never deliver it again."""
        failed = StageFailed(
            job=job.job,
            utterance=job.utterance,
            attempt=attempt,
            node=self._node,
            stage="asr",
            code="engine_failed",
            message=f"given up after {taken.deliveries} attempts: {reason}",
            retryable=False,
        )
        log.error("a job is given up", job=job.job, attempts=taken.deliveries, reason=reason)
        try:
            id = subjects.result_message_id(job.job, attempt, what(failed))
            await self._bus.store(subjects.mailbox(job.session, "node"), failed, id=id)
            await self._tell_operators(job, taken.deliveries, reason)
        except NatsUnavailable as error:
            log.warning("a job could not be given up: the queue keeps it", job=job.job, error=str(error))
            return
        await taken.give_up()

    async def _tell_operators(self, job: Job | None, deliveries: int, reason: str) -> None:
        session = job.session if job else UNREADABLE
        pool = job.pool if job else self._pools[0]
        dead = DeadJob(
            job=job.job if job else UNREADABLE,
            session=session,
            utterance=job.utterance if job else 0,
            pool=pool,
            attempts=deliveries,
            node=self._node,
            reason=reason,
            seconds=len(job.pcm) / BYTES_PER_SAMPLE / SAMPLE_RATE if job else 0.0,
        )
        await self._bus.store(subjects.dead(pool, session), dead)


def read(data: bytes) -> Job:
    """The job in these bytes. Raises ProtocolViolation where it is none, or one whose results could reach nobody."""
    job: Job = decode(Job, data)
    if len(job.pcm) % BYTES_PER_SAMPLE:
        raise ProtocolViolation(f"the job's audio has an odd number of bytes ({len(job.pcm)})")
    try:
        for name in (job.session, *job.targets, *job.speak):
            subjects.token(name)
    except ValueError as error:
        raise ProtocolViolation(str(error)) from error
    return job
