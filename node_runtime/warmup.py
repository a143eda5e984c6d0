"""A node is ready only after a job that came through the queue has run on every engine.

The job goes onto the node's own lane and is taken from there like any other: that proves the way from the stream to the
models, and leaves the models warm. It is done anew for each engines' process. A job that somebody else put on this lane
(for an earlier life of this node) goes to its pool's lane, where any node takes it.
"""

from __future__ import annotations

import uuid

from node_runtime.nursery import Nursery
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.bus import Bus
from wire.errors import ProtocolViolation
from wire.log import get
from wire.messages import AUTO, Job, decode

log = get(__name__)

SESSION = "warmup"
SILENCE = bytes(SAMPLE_RATE * BYTES_PER_SAMPLE)
"""A second. Whisper computes its whole window whatever it holds."""


async def warm_up(bus: Bus, node: str, pool: str, nursery: Nursery) -> None:
    """Send the job, take it, run it. Raises ChildLost where the engines die under it, EngineError where one fails."""
    sent = Job(
        job=f"{SESSION}.{uuid.uuid4().hex}",
        session=SESSION,
        utterance=0,
        attempt=1,
        pool=pool,
        source=AUTO,
        pcm=SILENCE,
        start=0.0,
        warm_up=True,
    )
    await bus.store(subjects.job_node(node), sent, id=sent.job)
    while True:
        taken = await bus.take(subjects.JOBS, subjects.node_consumer(node))
        if taken is None:
            continue
        try:
            job: Job = decode(Job, taken.data)
        except ProtocolViolation as error:
            log.error("the node's lane holds something that is no job", error=str(error))
            await taken.give_up()
            continue
        if job.job == sent.job:
            async for _ in nursery.run(job, job.attempt):
                await taken.progress()
            await taken.ack()
            return
        if not job.warm_up:
            log.warning("a job stood on the node's lane: to the pool with it", job=job.job)
            await bus.store(subjects.job_pool(job.pool), job, id=f"moved.{job.job}.{job.attempt}")
        await taken.ack()
