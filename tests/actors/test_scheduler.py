"""Whole schedulers on a real server: they share partitions, take over from each other, and stop in good order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

from actors.main import serve
from actors.scheduler import Scheduler
from actors.state import SessionRecord
from tests.actors.life import Teller, transcribed
from tests.actors.test_host import count, events, jobs, post, post_all
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.kv import Bucket
from wire.messages import CloseRequested
from wire.records import LeaseRecord


@contextlib.asynccontextmanager
async def scheduling(bus: Bus, name: str) -> AsyncIterator[Scheduler]:
    """A scheduler that dies without a word when the block ends, as by `kill -9`."""
    scheduler = Scheduler(bus, SchedulerSettings(), name)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scheduler.run())
        yield scheduler
        running.cancel()


async def owners(bus: Bus) -> Counter[str]:
    leases = await Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord).items()
    return Counter(lease.instance for lease in leases.values())


async def test_one_takes_all_then_they_share_evenly(bus: Bus) -> None:
    async with scheduling(bus, "a"):
        await until(lambda: _is(bus, {"a": 64}))
        async with scheduling(bus, "b"), scheduling(bus, "c"):

            async def even() -> bool:
                held = await owners(bus)
                return sum(held.values()) == 64 and sorted(held.values()) == [21, 21, 22]

            await until(even)


async def test_a_graceful_stop_hands_over_at_once_with_snapshots(server: NatsServer, bus: Bus) -> None:
    stop = asyncio.Event()
    started: asyncio.Future[Scheduler] = asyncio.get_running_loop().create_future()
    settings = SchedulerSettings(nats_url=server.url, instance="a")
    first = asyncio.create_task(serve(settings, stop, ready=started.set_result))
    await until(lambda: _is(bus, {"a": 64}))
    teller = Teller(targets=()).voice(1)
    await post_all(bus, teller.story)
    await until(count(bus, 1))
    async with scheduling(bus, "b") as second:
        await until(lambda: _is(bus, {"a": 32, "b": 32}))
        stop.set()
        began = time.monotonic()
        await first
        await until(lambda: _is(bus, {"b": 64}))
        assert time.monotonic() - began < 3
        record = await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).get(subjects.session_key("s1"))
        assert record is not None
        await post_all(bus, Teller(targets=()).voice(1).quiet(1).story[len(teller.story) :], len(teller.story))
        await post(bus, transcribed(1), 900)
        await post(bus, CloseRequested(after=0), 901)
        await until(count(bus, 3))
        assert second.counters["sessions_restored"] == 1
    assert [event.n for event in await events(bus)] == [1, 2, 3]
    assert len(await jobs(bus)) == 1


async def test_what_a_dead_scheduler_owned_is_taken_when_its_lease_ends(bus: Bus) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    async with scheduling(bus, "dead"):
        await until(lambda: _is(bus, {"dead": 64}))
        await post_all(bus, teller.story[:8])
        await until(count(bus, 1))
    began = time.monotonic()
    async with scheduling(bus, "heir"):
        await post_all(bus, teller.story[8:], 8)
        await post(bus, transcribed(1), 900)
        await until(count(bus, 2))
        assert time.monotonic() - began < 8
    assert len(await jobs(bus)) == 1


async def test_a_scheduler_of_the_same_name_inherits_at_once(bus: Bus) -> None:
    async with scheduling(bus, "a"):
        await until(lambda: _is(bus, {"a": 64}))
    began = time.monotonic()
    async with scheduling(bus, "a") as again:

        async def all_held() -> bool:
            return again.leases.held == 64

        await until(all_held)
        assert time.monotonic() - began < 3


async def test_an_owner_without_a_lease_neither_dispatches_nor_tells(bus: Bus) -> None:
    """Paused (here: its clock is believed to be past the lease), it wakes up and finds mail."""
    async with scheduling(bus, "paused") as scheduler:
        await until(lambda: _is(bus, {"paused": 64}))
        teller = Teller(targets=()).voice(1).quiet(1)
        await post_all(bus, teller.story[:1])
        await until(count(bus, 1))
        partition = subjects.partition("s1")
        revision, _ = scheduler.leases._mine[partition]
        scheduler.leases._mine[partition] = (revision, time.monotonic() - 1000)
        await post_all(bus, teller.story[1:], 1)

        async def fenced() -> bool:
            return scheduler.counters["fenced"] > 0 or scheduler.leases.counters["leases_lost"] > 0

        await until(fenced)
        assert await jobs(bus) == []


async def _is(bus: Bus, wanted: dict[str, int]) -> bool:
    return await owners(bus) == wanted
