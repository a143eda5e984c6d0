"""Nodes that compute nothing: each job takes a slot for a set time, and nothing else costs anything.

    python -m bench.nodes NODES SLOTS SECONDS

One process is all of them. As far as a scheduler can tell they are nodes: heartbeats, a lane each, the pool's lane
while a slot is free, marks in `slots`, a sign of life each second, an outcome. They claim no bindings and live through
no failure. The server's address is that of the settings (DRAGOMAN_NATS_URL).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Any

import uvloop

from wire import subjects, topology
from wire.bus import Bus, Taken
from wire.env import PREFIX
from wire.errors import ProtocolViolation
from wire.jobs import Job
from wire.kv import Bucket
from wire.messages import FoundEmpty, JobDone, JobProgressed, JobStarted, decode
from wire.records import BindingRecord, NodeRecord, SlotRecord

POOL = "default"
PATIENCE_S = 1.5
SIGN_S = 1.0


class Fleet:
    """`nodes` of `slots` slots each, in which every job lasts `seconds`."""

    def __init__(self, bus: Bus, nodes: int, slots: int, seconds: float) -> None:
        self._bus = bus
        self._seconds = seconds
        self._slots = slots
        self._free = {f"sim{number:03}": set(range(slots)) for number in range(nodes)}
        self._marks = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
        self._bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
        self._changed = asyncio.Event()
        self._begun: set[tuple[str, int]] = set()
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """For ever."""
        pool = subjects.pool_consumer(POOL)
        await self._bus.declare_queue(subjects.JOBS, pool, subjects.job_pool(POOL), 1000)
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._marks.follow(self._marked))
            self._tasks.create_task(self._serve_pool(pool))
            for node in self._free:
                lane = subjects.node_consumer(node)
                await self._bus.declare_queue(subjects.JOBS, lane, subjects.job_node(node), 1000)
                self._tasks.create_task(self._serve_lane(node, lane))
            self._tasks.create_task(self._beat())

    async def _beat(self) -> None:
        records = Bucket(self._bus, subjects.NODES_KV, NodeRecord)
        while True:
            for node, free in self._free.items():
                record = NodeRecord(
                    node=node, version="bench", pools=[POOL], slots=self._slots, busy=self._slots - len(free),
                    ready=True, draining=False, device="cpu", models=[], sources=["en"], targets={}, voices={},
                    cpu_percent=0, memory_mb=0, gpus=[],
                )  # fmt: skip
                await records.put(node, record)
            await asyncio.sleep(topology.HEARTBEAT_S)

    def _marked(self, key: str, record: SlotRecord | None) -> None:
        node, slot = subjects.slot_of_key(key)
        if record is None:
            self._free[node].add(slot)
            self._changed.set()
        else:
            self._free[node].discard(slot)

    # --- jobs ---

    async def _serve_lane(self, node: str, lane: str) -> None:
        while True:
            taken = await self._bus.take(subjects.JOBS, lane, PATIENCE_S)
            if taken is not None:
                self._tasks.create_task(self._reserved(node, taken))

    async def _serve_pool(self, pool: str) -> None:
        """One job at a time is looked for a slot; the rest waits in the queue."""
        while True:
            taken = await self._bus.take(subjects.JOBS, pool, PATIENCE_S)
            if taken is None:
                continue
            job: Job = decode(Job, taken.data)
            if (job.job, job.attempt) in self._begun:  # it waited for long, and was sent there again
                await taken.ack()
                continue
            self._begun.add((job.job, job.attempt))
            while (place := await self._mark(job)) is None:
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_S):
                        await self._changed.wait()
                await taken.progress()
            self._tasks.create_task(self._hold(*place, job, taken))

    async def _mark(self, job: Job) -> tuple[str, int] | None:
        for node, free in self._free.items():
            for slot in sorted(free):
                record = SlotRecord(job=job.job, session=job.session, attempt=job.attempt, by=node, seconds=30)
                if await self._marks.create(subjects.slot_key(node, slot), record, ttl=30) is not None:
                    return node, slot
        return None

    async def _reserved(self, node: str, taken: Taken) -> None:
        job: Job = decode(Job, taken.data)
        found = await self._bindings.get(subjects.binding_key(job.session, job.utterance))
        if found is None or found.node != node:
            raise ProtocolViolation(f"{job.job} is on the lane of {node} and bound elsewhere: {found}")
        await self._hold(node, found.slot, job, taken)

    async def _hold(self, node: str, slot: int, job: Job, taken: Taken) -> None:
        where = subjects.mailbox(job.session, "node")
        told: dict[str, Any] = {"job": job.job, "utterance": job.utterance, "attempt": job.attempt, "node": node}
        await self._bus.store(where, JobStarted(**told))
        left = self._seconds
        while left > SIGN_S:
            await asyncio.sleep(SIGN_S)
            left -= SIGN_S
            await self._bus.publish(where, JobProgressed(**told, stage="asr"))
            await taken.progress()
        await asyncio.sleep(left)
        await self._bus.store(where, FoundEmpty(**told, reason="no_speech"))
        await self._bus.store(where, JobDone(**told, seconds={}))
        await taken.ack()
        await self._marks.delete(subjects.slot_key(node, slot))


async def main(nodes: int, slots: int, seconds: float) -> None:
    async with Bus.connect(os.environ[f"{PREFIX}NATS_URL"], "bench-nodes") as bus:
        await bus.declare()
        await Fleet(bus, nodes, slots, seconds).run()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
