"""Where live jobs come from: the node's own lane, and the lanes of its pools.

Each lane has a taker of its own, so that waiting for one never delays another. What comes on the own lane has a slot
reserved by a scheduler and begins at once; a pool is asked only while a slot is free and this node is fit for it
(`node_runtime.fitness`), and what comes from there marks a slot itself. Every job is seen to in a task of its own
(`node_runtime.intake`).

A job that came from a pool just when the last slot was taken waits HOLD_S for one and then goes back. One from the own
lane waits for as long as it must: soon the scheduler has put it to the pool as well, and whoever begins first has it.

When the node drains, takers take what was on its way and return it, and jobs that run have `drain_s` to end.
"""

from __future__ import annotations

import asyncio
import math
import time

from node_runtime.fitness import Fitness
from node_runtime.intake import Intake, Terms
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from wire import subjects
from wire.bus import Bus, Taken
from wire.env import NodeSettings

PATIENCE_S = 1.0
HOLD_S = 0.3
SWEEP_S = 0.1


class Worker:
    """Takes live jobs of one node, for its `intake`."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        settings: NodeSettings,
        presence: Presence,
        slots: Slots,
        fitness: Fitness,
        intake: Intake,
    ) -> None:
        self._bus = bus
        self._node = node
        self._settings = settings
        self._presence = presence
        self._slots = slots
        self._fitness = fitness
        self._intake = intake
        self._tasks: asyncio.TaskGroup
        self._jobs: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()

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
            await self._intake.hand_back(taken)

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
                await self._intake.until_changed()
                continue
            taken = await self._bus.take(subjects.JOBS, subjects.pool_consumer(pool), PATIENCE_S)
            if taken is not None:
                await self._begin(taken, HOLD_S).wait()

    def _begin(self, taken: Taken, hold_s: float) -> asyncio.Event:
        """See to this job in a task of its own. The event is set when it has a slot, or is gone."""
        placed = asyncio.Event()
        terms = Terms(hold_s, self._stopping, self._over)
        task = self._tasks.create_task(self._intake.see_to(taken, terms, placed), name="job")
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return placed
