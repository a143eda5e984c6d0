"""A model checker in miniature: at no time are there two owners whose writes are accepted.

Real `Leases` of two instances, on buckets in memory and a clock that is turned by hand. They join, die, hear
late of what changed, and stall with a request on its way to the server or its answer on the way back, for as long as it
takes for leases to run out meanwhile. What an owner writes may be on its way for just as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from types import SimpleNamespace
from typing import Generic, TypeVar, cast
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors import leases, placement
from actors.leases import Leases
from wire import topology
from wire.bus import Bus
from wire.errors import Stale
from wire.kv import Bucket
from wire.messages import Message
from wire.records import LeaseRecord, SchedulerRecord

PARTITIONS = 2
NAMES = st.sampled_from("ab")
SETTLES_IN_S = 3 * topology.LEASE_TTL_S

R = TypeVar("R", bound=Message)


class Table(Generic[R]):
    """A bucket as the server has it: values with revisions, which go when their time is over."""

    def __init__(self, server: Server, ttl: float) -> None:
        self.server = server
        self.ttl = ttl
        self.entries: dict[str, tuple[R, int, float]] = {}
        self.changes: list[tuple[str, R | None, float]] = []

    def entry(self, key: str) -> tuple[R, int] | None:
        value, revision, until = self.entries.get(key, (None, 0, 0.0))
        return (value, revision) if value is not None and until > self.server.now else None

    def write(self, key: str, value: R | None) -> int:
        self.server.revision += 1
        self.changes.append((key, value, self.server.now))
        self.entries.pop(key, None)
        if value is not None:
            self.entries[key] = (value, self.server.revision, self.server.now + self.ttl)
        return self.server.revision


class Server:
    def __init__(self) -> None:
        self.now = 0.0
        self.revision = 0
        self.leases: Table[LeaseRecord] = Table(self, topology.LEASE_TTL_S)
        self.schedulers: Table[SchedulerRecord] = Table(self, topology.LEASE_TTL_S)


class Reach(Generic[R]):
    """`wire.kv.Bucket` as one instance uses it: each request may be held up on its way there, or its answer back."""

    def __init__(self, table: Table[R], line: Line) -> None:
        self._table = table
        self._line = line

    async def create(self, key: str, value: R, *, ttl: int) -> int | None:
        async with self._line:
            return None if self._table.entry(key) else self._table.write(key, value)

    async def renew(self, key: str, value: R, revision: int, **_: object) -> int:
        async with self._line:
            self._expect(key, revision)
            return self._table.write(key, value)

    async def put(self, key: str, value: R, **_: object) -> int:
        async with self._line:
            return self._table.write(key, value)

    async def entry(self, key: str) -> tuple[R, int] | None:
        async with self._line:
            return self._table.entry(key)

    async def delete(self, key: str, revision: int) -> None:
        async with self._line:
            self._expect(key, revision)
            self._table.write(key, None)

    def _expect(self, key: str, revision: int) -> None:
        found = self._table.entry(key)
        if found is None or found[1] != revision:
            raise Stale(key)


class Line:
    """Between an instance and the server. `hold` how many more pass before one is held up until `free` is called."""

    def __init__(self) -> None:
        self._passes: int | None = None
        self._free = asyncio.Event()
        self._free.set()

    def hold(self, passes: int) -> None:
        self._passes = passes
        self._free.clear()

    def free(self) -> None:
        self._passes = None
        self._free.set()

    async def __aenter__(self) -> None:
        await self._pass()

    async def __aexit__(self, *_: object) -> None:
        await self._pass()

    async def _pass(self) -> None:
        if self._passes is not None:
            if self._passes == 0:
                await self._free.wait()
            else:
                self._passes -= 1


class Instance:
    """`epoch` and `last`, by partition: the lease under which it writes, and the last write that it knows of."""

    def __init__(self, name: str, server: Server, log: dict[int, list[int]]) -> None:
        self.name = name
        self.line = Line()
        self.leases = Leases(cast(Bus, None), name, self._gained, self._gone, self._gone)
        self.leases._leases = cast(Bucket[LeaseRecord], Reach(server.leases, self.line))
        self.leases._schedulers = cast(Bucket[SchedulerRecord], Reach(server.schedulers, self.line))
        self.task: asyncio.Task[None] | None = None
        self.heard = {"leases": 0, "schedulers": 0}
        self.epoch: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self._server = server
        self._log = log

    async def _gained(self, partition: int) -> None:
        self.epoch[partition] = self.leases._mine[partition][0]
        self.last[partition] = len(self._log[partition])

    async def _gone(self, partition: int) -> None:
        self.epoch.pop(partition, None)

    def hear(self) -> None:
        """The watches tell what has changed."""
        for key, lease, stamp in self._news(self._server.leases, "leases"):
            self.leases._lease_seen(key, lease, stamp)
        for key, scheduler, stamp in self._news(self._server.schedulers, "schedulers"):
            self.leases._scheduler_seen(key, scheduler, stamp)

    def _news(self, table: Table[R], watch: str) -> list[tuple[str, R | None, float]]:
        news = table.changes[self.heard[watch] :]
        self.heard[watch] += len(news)
        return news


class Owners(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = Server()
        self.instances: dict[str, Instance] = {}
        self.log: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}  # epochs of accepted writes
        self.under_way: deque[tuple[Instance, int, int, int]] = deque()
        fewer = functools.partial(placement.plan, partitions=PARTITIONS)
        clock = SimpleNamespace(monotonic=lambda: self.server.now, time=lambda: self.server.now)
        self.patched = contextlib.ExitStack()
        self.patched.enter_context(patch.object(leases, "time", clock))
        self.patched.enter_context(patch.object(leases, "plan", fewer))

    def settle(self) -> None:
        """Let everything happen that can."""
        for _ in range(20 * PARTITIONS):
            if all(each.task is None or each.task.done() for each in self.instances.values()):
                break
            self.loop.call_soon(self.loop.stop)  # after one turn
            self.loop.run_forever()
        for instance in self.instances.values():
            if instance.task is not None and instance.task.done():
                instance.task.result()
                instance.task = None

    def look(self, instance: Instance) -> None:
        """As `Leases.run` does, again and again."""

        async def once() -> None:
            await instance.leases._renew()
            await instance.leases._rearrange()

        instance.task = self.loop.create_task(once())
        self.settle()

    # --- what may happen ---

    @rule(name=NAMES, stalls=st.none() | st.integers(0, 8))
    def act(self, name: str, stalls: int | None) -> None:
        """One look; a request of it may be held up. Who is new has seen nobody."""
        instance = self.instances.setdefault(name, Instance(name, self.server, self.log))
        if instance.task is None:
            if stalls is not None:
                instance.line.hold(stalls)
            self.look(instance)

    @precondition(lambda self: any(each.task for each in self.instances.values()))
    @rule()
    def go_on(self) -> None:
        """What was held up is not any more."""
        for instance in self.instances.values():
            instance.line.free()
        self.settle()

    @precondition(lambda self: len(self.instances) == 2)
    @rule(name=NAMES)
    def die(self, name: str) -> None:
        instance = self.instances.pop(name)
        if instance.task is not None:
            instance.task.cancel()
            self.loop.run_until_complete(asyncio.wait({instance.task}))

    @rule(seconds=st.sampled_from([0.7, 3.8, 4.5, 6.0]), hear=st.sampled_from(["ab", "ab", "ab", "a", "b", ""]))
    def time_passes(self, seconds: float, hear: str) -> None:
        """Some hear now what has changed since they heard last, others later."""
        for name in self.instances.keys() & set(hear):
            self.instances[name].hear()
        self.server.now += seconds

    @rule(sleeper=NAMES, passes=st.integers(0, 8), seconds=st.sampled_from([4.5, 6.0]))
    def sleep(self, sleeper: str, passes: int, seconds: float) -> None:
        """One is stopped in the middle of a look, and wakes up when the other has had time to act."""
        self.act(sleeper, passes)
        self.time_passes(seconds, "ab")
        for name in self.instances.keys() - {sleeper}:
            self.act(name, None)
        self.instances[sleeper].line.free()
        self.settle()

    @rule()
    def write(self) -> None:
        """As `actors.host` does: only an owner begins to, and expects what it knows to be the last."""
        for instance in self.instances.values():
            for partition, epoch in instance.epoch.items():
                if instance.leases.owns(partition):
                    self.under_way.append((instance, partition, epoch, instance.last[partition]))

    @precondition(lambda self: self.under_way)
    @rule(newest=st.booleans())
    def arrive(self, newest: bool) -> None:
        """A write arrives, and its answer. Who is refused reads what is stored and tries again, if it is the owner."""
        instance, partition, epoch, expected = self.under_way.pop() if newest else self.under_way.popleft()
        stored = self.log[partition]
        if expected == len(stored):
            stored.append(epoch)
            instance.last[partition] = len(stored)
        elif instance.leases.owns(partition) and partition in instance.epoch:
            instance.last[partition] = len(stored)
            self.under_way.append((instance, partition, instance.epoch[partition], len(stored)))

    # --- what must hold ---

    @invariant()
    def nobody_owns_what_another_owns(self) -> None:
        for partition in range(PARTITIONS):
            assert sum(each.leases.owns(partition) for each in self.instances.values()) <= 1

    @invariant()
    def after_an_owners_first_write_none_of_its_predecessors_is_accepted(self) -> None:
        for epochs in self.log.values():
            assert epochs == sorted(epochs)

    def teardown(self) -> None:
        """Left alone, those who live share everything evenly."""
        try:
            for instance in self.instances.values():
                instance.line.free()
            for _ in range(int(SETTLES_IN_S / leases.LOOK_S) if self.instances else 0):
                self.settle()
                self.server.now += leases.LOOK_S
                for instance in self.instances.values():
                    instance.hear()
                    self.look(instance)
            held = sorted(each.leases.held for each in self.instances.values())
            assert not held or (sum(held) == PARTITIONS and held[-1] - held[0] <= 1), held
        finally:
            self.patched.close()
            self.loop.close()


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
