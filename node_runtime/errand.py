"""One job in hand, from its delivery to its end. There are four ends, and in each but the last the queue forgets it:

    done        everything that it asked for is stored, JobDone last
    failed      the same, but for what failed: a StageFailed last, that asks for another attempt. The engines died, a
                model raised, or something is lacking here that another node may have.
    returned    the node stops, or can do nothing of it, or stopped a piece of a recording for live speech: JobReturned,
                so that another attempt is made at once, which carries what was done
    given back  what came of it could not be stored (NATS was away): the queue delivers it again

How often it is tried is the session actor's business, so an attempt has the scheduler's number and no other. The
queue's redelivery is the net below: it catches jobs whose node died.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Literal

from node_runtime import timings
from node_runtime.nursery import ChildLost, Stopped
from node_runtime.outbox import Outbox, what
from node_runtime.recall import Runner
from node_runtime.tracing import Attempt
from wire import subjects, topology
from wire.audio import BYTES_PER_SAMPLE
from wire.bus import Bus, Taken
from wire.errors import EngineError, NatsUnavailable, ProtocolViolation
from wire.jobs import Job
from wire.log import get
from wire.messages import JobDone, JobProgressed, JobReturned, JobStarted, StageFailed, decode

log = get(__name__)

TICK_S = 1.0
BACK_AFTER_S = 0.5
"""Before a job that was given back is delivered again."""

Stage = Literal["asr", "translate", "speech"]


class Errand:
    """`tick` must run from the delivery to the end, or the queue gives the job to another."""

    def __init__(self, bus: Bus, node: str, runner: Runner, taken: Taken, job: Job) -> None:
        self._bus = bus
        self._node = node
        self._runner = runner
        self._taken = taken
        self._mailbox = subjects.mailbox(job.session, "node")
        self._stage: Stage | None = None
        self._spans = Attempt(node, taken, job)
        self.job = job
        self.deliveries = taken.deliveries
        self.dropped = False
        self.returned = False

    async def tick(self) -> None:
        """For ever: mark the job as in hand, and once it runs tell the session so."""
        job = self.job
        while True:
            await asyncio.sleep(TICK_S)
            await self._taken.progress()
            if self._stage is not None:
                progress = JobProgressed(
                    job=job.job, utterance=job.utterance, attempt=job.attempt, node=self._node, stage=self._stage
                )
                await self._bus.publish(self._mailbox, progress)

    async def run(self) -> str | None:
        """Run it to its end. Returns the code of its failure, None if it is done or went back."""
        self._spans.begin()
        since = time.monotonic()
        outcome, failure = "returned", None  # so it is where the node stops meanwhile
        try:
            outcome, failure = await self._run()
        finally:
            self._spans.end(outcome, failure or "")
            timings.ended(outcome, time.monotonic() - since)
        return failure

    async def _run(self) -> tuple[str, str | None]:
        """How it ended, and the code of its failure."""
        job = self.job
        self._stage = "asr"
        started = JobStarted(job=job.job, utterance=job.utterance, attempt=job.attempt, node=self._node)
        await self._bus.publish(self._mailbox, started)
        outbox = Outbox(self._bus, job, self._spans.headers)
        async with asyncio.TaskGroup() as group:
            delivering = group.create_task(outbox.deliver(), name="job-results")
            last = await self._attempt(outbox)
            if last is not None:
                outbox.put("", last)
            outbox.close()
        undelivered = delivering.result()
        if undelivered is not None:
            log.warning("results could not be stored: the job is given back", job=job.job, reason=undelivered)
            await self._taken.give_back(BACK_AFTER_S)
            return "given_back", None
        await self._taken.ack()
        match last:
            case StageFailed(code=code, message=message):
                log.warning("an attempt failed", job=job.job, attempt=job.attempt, code=code, reason=message)
                return "failed", code
            case JobReturned():
                self.returned = True
                log.info("a piece of a recording made way", job=job.job, attempt=job.attempt)
                return "returned", None
        return "done", None

    async def _attempt(self, outbox: Outbox) -> StageFailed | JobReturned | None:
        """What comes of it goes to the outbox; the first failure that another attempt may mend is returned, or that it
        was stopped."""
        if self.deliveries > topology.MAX_DELIVER:  # nodes die of it, or it never found a slot
            return self._failed("engine_failed", f"not done in {topology.MAX_DELIVER} deliveries")
        failed: StageFailed | None = None
        try:
            async with contextlib.aclosing(self._runner.run(self.job)) as steps:
                async for target, step in steps:
                    self._spans.step(target, step)
                    if isinstance(step, JobDone):
                        timings.spent(step)
                    match step:
                        case JobProgressed(stage="asr" | "translate" | "speech" as stage):
                            self._stage = stage
                        case StageFailed(retryable=True):
                            failed = failed or step
                        case JobDone() if failed is not None:
                            pass
                        case _:
                            outbox.put(target, step)
        except Stopped:
            return failed or self._back()
        except ChildLost as error:
            failed = self._failed("engine_crashed", str(error))
        except EngineError as error:
            failed = self._failed(error.code, str(error))
        return failed

    def _failed(self, code: str, message: str) -> StageFailed:
        return StageFailed(
            job=self.job.job,
            utterance=self.job.utterance,
            attempt=self.job.attempt,
            node=self._node,
            stage=self._stage or "asr",
            code=code,
            message=message,
            retryable=True,
        )

    def _back(self) -> JobReturned:
        job = self.job
        return JobReturned(job=job.job, utterance=job.utterance, attempt=job.attempt, node=self._node)

    # --- the other ends ---

    async def drop(self) -> None:
        """Nobody waits for this attempt here."""
        self.dropped = True
        await self._taken.ack()

    async def give_back(self, after: float = 0) -> None:
        """Another node may take it from the queue, after so many seconds."""
        await self._taken.give_back(after)

    async def hand_back(self) -> None:
        """Not here: the session is told, and the queue forgets the job."""
        job, returned = self.job, self._back()
        self.returned = True
        id = subjects.result_message_id(job.job, job.attempt, what(returned))
        try:
            await self._bus.store(self._mailbox, returned, id=id)
        except NatsUnavailable as error:
            log.warning("a job could not be returned: the queue keeps it", job=job.job, reason=error.code)
            return
        await self._taken.ack()
        log.info("a job was returned", job=job.job, attempt=job.attempt)


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
