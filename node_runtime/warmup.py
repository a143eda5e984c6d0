"""A node is ready only after a job that came through the queue has run on every engine.

The job goes onto the node's own lane and comes from there like any other: that proves the way from the stream to the
models, and leaves the models warm. It is done anew for each engines' process.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Protocol

from node_runtime.frames import Ended
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus, Taken
from wire.errors import NatsUnavailable
from wire.jobs import Job
from wire.messages import AUTO

SESSION = "warmup"
SILENCE = bytes(SAMPLE_RATE * BYTES_PER_SAMPLE)
"""A second. Whisper computes its whole window whatever it holds."""
ARRIVAL_S = 10.0


class Rehearser(Protocol):
    """Whoever has the engines."""

    async def rehearse(self, job: Job) -> Ended:
        """Run all of them on a warm-up. Raises ChildLost where they die under it, EngineError where one fails."""
        ...


class WarmUps:
    """`run` sends a job; whoever takes jobs from the lane must hand those that are `warm_up` to `arrived`."""

    def __init__(self, bus: Bus, node: str, pool: str, engines: Rehearser) -> None:
        self._bus = bus
        self._node = node
        self._pool = pool
        self._engines = engines
        self._awaited = ""
        self._arrival: asyncio.Future[Taken] | None = None

    async def run(self) -> None:
        """Raises NatsUnavailable where the job does not come through, ChildLost where the engines die under it,
        EngineError where one fails."""
        sent = Job(
            job=f"{SESSION}.{uuid.uuid4().hex}",
            session=SESSION,
            utterance=0,
            attempt=1,
            pool=self._pool,
            source=AUTO,
            pcm=SILENCE,
            start=0.0,
            warm_up=True,
        )
        self._awaited, self._arrival = sent.job, asyncio.get_running_loop().create_future()
        await self._bus.store(subjects.job_node(self._node), sent, id=sent.job)
        try:
            async with asyncio.timeout(ARRIVAL_S):
                taken = await self._arrival
        except TimeoutError as error:
            raise NatsUnavailable("the warm-up did not come back from the node's lane") from error
        await taken.progress()
        await self._engines.rehearse(sent)
        await taken.ack()

    async def arrived(self, job: Job, taken: Taken) -> None:
        """One that nobody waits for any more (an earlier life's, or delivered again) is taken off the queue."""
        if job.job == self._awaited and self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(taken)
        else:
            await taken.ack()
