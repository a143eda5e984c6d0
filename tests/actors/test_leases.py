"""Leases on a real server: taken once, renewed, lost without harm, given up for others to take at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from actors.leases import Leases
from tests.waiting import until
from wire import subjects, topology
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import LeaseRecord


class Owner:
    """What a scheduler would do about its partitions, written down."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.has: set[int] = set()
        self.left: list[int] = []
        self.lost: list[int] = []
        self.leases = Leases(bus, name, self._gained, self._leaving, self._lost)

    async def _gained(self, partition: int) -> None:
        assert partition not in self.has
        self.has.add(partition)

    async def _leaving(self, partition: int) -> None:
        self.has.remove(partition)
        self.left.append(partition)

    async def _lost(self, partition: int) -> None:
        self.has.remove(partition)
        self.lost.append(partition)

    async def holds(self, count: int) -> bool:
        return len(self.has) == self.leases.held == count


@contextlib.asynccontextmanager
async def leasing(bus: Bus, name: str) -> AsyncIterator[Owner]:
    owner = Owner(bus, name)
    async with asyncio.TaskGroup() as tasks:
        work = [owner.leases.watch_leases(), owner.leases.watch_schedulers(), owner.leases.run()]
        running = [tasks.create_task(each) for each in work]
        yield owner
        for task in running:
            task.cancel()


async def test_leases_are_renewed_for_longer_than_they_last(bus: Bus) -> None:
    async with leasing(bus, "a") as owner:
        await until(lambda: owner.holds(64))
        began = time.monotonic()

        async def outlived() -> bool:
            return time.monotonic() - began > topology.LEASE_TTL_S + 2

        await until(outlived)
        assert owner.leases.held == 64
        assert owner.lost == []
        assert all(owner.leases.owns(partition) for partition in range(64))


async def test_no_partition_has_two_owners_while_they_share(bus: Bus) -> None:
    async with leasing(bus, "a") as a, leasing(bus, "b") as b:

        async def shared() -> bool:
            assert not a.has & b.has
            return len(a.has) == len(b.has) == 32

        await until(shared)


async def test_a_lease_that_another_wrote_is_lost(bus: Bus) -> None:
    async with leasing(bus, "a") as owner:
        await until(lambda: owner.holds(64))
        await Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord).put("7", LeaseRecord(instance="thief"))

        async def lost() -> bool:
            return owner.lost == [7]

        await until(lost)
        assert not owner.leases.owns(7)


async def test_what_is_given_up_is_free_at_once(bus: Bus) -> None:
    async with leasing(bus, "a") as owner:
        await until(lambda: owner.holds(64))
    began = time.monotonic()
    await owner.leases.release_all()
    assert await Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord).items() == {}
    assert sorted(owner.left) == list(range(64))
    async with leasing(bus, "b") as heir:
        await until(lambda: heir.holds(64))
    assert time.monotonic() - began < topology.LEASE_TTL_S


async def test_who_begins_after_another_died_waits_no_longer_than_its_leases_last(bus: Bus) -> None:
    """What is left of the dead one is the first that its successor sees, and was written some time before."""
    async with leasing(bus, "dead") as owner:
        await until(lambda: owner.holds(64))
    died = time.monotonic()

    async def a_while_later() -> bool:
        return time.monotonic() - died > 3

    await until(a_while_later)
    async with leasing(bus, "heir") as heir:
        await until(lambda: heir.holds(64))
    assert time.monotonic() - died < topology.LEASE_TTL_S + 1.5


async def test_an_owner_that_cannot_renew_stops_before_another_may_begin(bus: Bus) -> None:
    owner = Owner(bus, "a")
    owner.leases._mine[3] = (1, time.monotonic() - topology.LEASE_STOP_S)
    assert not owner.leases.owns(3)
    assert topology.LEASE_STOP_S + 1 <= topology.LEASE_TTL_S
