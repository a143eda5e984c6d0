"""What becomes of jobs for which there is no room. The ways of those that run are in test_worker and test_batch."""

from __future__ import annotations

import asyncio

import pytest

from node_runtime.fitness import Fitness
from node_runtime.intake import Intake, Terms
from node_runtime.nursery import Nursery
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from node_runtime.warmup import WarmUps
from tests.node_runtime.conftest import hearing, job, post, post_piece
from tests.waiting import until
from tests.wire.test_matching import NODE
from wire import subjects, topology
from wire.bus import Bus, Taken
from wire.env import NodeSettings
from wire.jobs import Job
from wire.messages import JobReturned


@pytest.fixture
def intake(bus: Bus) -> Intake:
    """Of a node without engines, so that nothing can begin."""
    settings = NodeSettings(node="n1")
    slots = Slots(bus, "n1", 1)
    presence = Presence(bus, settings, "n1", slots)
    nursery = Nursery(settings, "n1", lambda loaded: None, lambda: None)
    fitness = Fitness(bus, settings, presence)
    warm_ups = WarmUps(bus, "n1", "default", nursery)
    presence.told = NODE
    return Intake(bus, "n1", "default", nursery, presence, slots, warm_ups, fitness)


async def delivered(bus: Bus, stream: str, durable: str, times: int) -> Taken:
    for _ in range(times - 1):
        taken = await bus.take(stream, durable)
        assert taken is not None
        await taken.give_back()
    last = await bus.take(stream, durable)
    assert last is not None
    return last


def terms(hold_s: float) -> Terms:
    return Terms(hold_s, stop=asyncio.Event(), over=asyncio.Event())


async def queued(bus: Bus, work: Job) -> tuple[str, str]:
    """Post it; where to take it from."""
    if work.recorded:
        await bus.declare_queue(subjects.BATCH, subjects.batch_consumer("default"), subjects.batch("default"), 10)
        await post_piece(bus, work)
        return subjects.BATCH, subjects.batch_consumer("default")
    await bus.declare_queue(subjects.JOBS, subjects.pool_consumer("default"), subjects.job_pool("default"), 10)
    await post(bus, work)
    return subjects.JOBS, subjects.pool_consumer("default")


@pytest.mark.parametrize("recorded", [False, True])
async def test_without_room_it_goes_back_to_the_queue(bus: Bus, intake: Intake, recorded: bool) -> None:
    where = await queued(bus, job("s", 1, b"", recorded=recorded))
    placed = asyncio.Event()
    await intake.see_to(await delivered(bus, *where, times=1), terms(0.0), placed)
    assert placed.is_set()
    assert intake.counters == {"jobs_given_back": 1, "jobs_returned": 0}
    again = await bus.take(*where)
    assert again is not None
    assert again.deliveries == 2


async def test_a_piece_that_came_back_often_is_returned_to_its_session(bus: Bus, intake: Intake) -> None:
    """Before the queue gives it up."""
    where = await queued(bus, job("s", 1, b"", recorded=True))
    async with hearing(bus, "s") as heard:
        taken = await delivered(bus, *where, times=topology.MAX_DELIVER)
        await intake.see_to(taken, terms(0.0), asyncio.Event())
        await heard.until(lambda: heard.of(JobReturned))
    assert intake.counters["jobs_returned"] == 1
    assert await bus.waiting(*where) == 0


async def test_a_live_job_that_came_back_often_stays_and_counts_as_waiting(bus: Bus, intake: Intake) -> None:
    where = await queued(bus, job("s", 1, b""))
    taken = await delivered(bus, *where, times=topology.MAX_DELIVER)
    chosen = terms(0.0)
    async with asyncio.TaskGroup() as group, hearing(bus, "s") as heard:
        seeing = group.create_task(intake.see_to(taken, chosen, asyncio.Event()))

        async def waits() -> bool:
            return intake.waiting == 1

        await until(waits)
        chosen.stop.set()
        await seeing
        await heard.until(lambda: heard.of(JobReturned))
    assert intake.waiting == 0
