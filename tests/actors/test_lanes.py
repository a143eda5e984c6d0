"""Lanes on a real server: of nodes that are gone, that came back, that were away for long."""

from __future__ import annotations

import asyncio

import pytest

from actors.lanes import Lanes
from tests.actors.test_dispatcher import command, lane, named
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.records import NodeRecord


async def sent(bus: Bus, node: str, utterance: int = 1) -> None:
    job = command(utterance).job
    await bus.store(subjects.job_node(node), job, id=f"{node}.{utterance}")


async def beat(bus: Bus, node: str) -> None:
    await Bucket(bus, subjects.NODES_KV, NodeRecord).put(node, named(node))


async def test_the_lane_of_a_node_that_is_gone_is_emptied_and_no_other(bus: Bus) -> None:
    lanes = Lanes(bus, lambda: True)
    await beat(bus, "alive")
    for node in ("alive", "gone"):
        await sent(bus, node)
    await bus.store(subjects.job_pool("default"), command().job)
    await lanes.sweep()
    assert len(await lane(bus, subjects.job_node("gone"))) == 1, "once is not enough"
    await lanes.sweep()
    await lanes.sweep()
    assert await lane(bus, subjects.job_node("gone")) == []
    assert len(await lane(bus, subjects.job_node("alive"))) == len(await lane(bus, subjects.job_pool("default"))) == 1
    assert lanes.counters["lanes_emptied"] == 1


async def test_what_comes_after_the_first_look_stays_for_the_next(bus: Bus) -> None:
    lanes = Lanes(bus, lambda: True)
    await sent(bus, "n1")
    await lanes.sweep()
    await sent(bus, "n1", 2)
    await lanes.sweep()
    assert [job.utterance for job in await lane(bus, subjects.job_node("n1"))] == [2]


async def test_a_node_that_is_back_in_time_keeps_what_it_has(bus: Bus) -> None:
    lanes = Lanes(bus, lambda: True)
    await sent(bus, "n1")
    await lanes.sweep()
    await beat(bus, "n1")
    await lanes.sweep()
    assert len(await lane(bus, subjects.job_node("n1"))) == 1


async def test_jobs_in_hand_of_a_node_that_is_cut_off_go_too_and_its_lane_works_when_it_is_back(bus: Bus) -> None:
    lanes, durable = Lanes(bus, lambda: True), subjects.node_consumer("n1")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_node("n1"), 10, 60)
    await sent(bus, "n1")
    taken = await bus.take(subjects.JOBS, durable, 5)
    assert taken is not None
    await lanes.sweep()
    await lanes.sweep()
    assert await lane(bus, subjects.job_node("n1")) == []
    await taken.ack()
    await sent(bus, "n1", 2)
    again = await bus.take(subjects.JOBS, durable, 5)
    assert again is not None
    assert again.deliveries == 1


async def test_a_node_that_was_away_for_so_long_that_its_consumer_went_makes_it_anew(bus: Bus) -> None:
    durable = subjects.node_consumer("n1")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_node("n1"), 10, 1)

    async def went() -> bool:
        try:
            await bus.waiting(subjects.JOBS, durable)
        except NatsUnavailable:
            return True
        return False

    assert await bus.take(subjects.JOBS, durable, 0.05) is None
    await until(went)
    await sent(bus, "n1")

    async def served() -> bool:
        taken = await bus.take(subjects.JOBS, durable, 0.5)
        return taken is not None

    await until(served)


async def test_only_whose_turn_it_is_looks_for_ever(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.lanes.SWEEP_S", 0.05)
    asked: list[bool] = []
    turn = [False]

    def mine() -> bool:
        asked.append(turn[0])
        return turn[0]

    lanes = Lanes(bus, mine)
    await sent(bus, "gone")
    running = asyncio.create_task(lanes.run())

    async def asked_often() -> bool:
        return len(asked) > 3

    await until(asked_often)
    assert len(await lane(bus, subjects.job_node("gone"))) == 1
    turn[0] = True

    async def emptied() -> bool:
        return await lane(bus, subjects.job_node("gone")) == []

    await until(emptied)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
