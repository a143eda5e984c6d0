from __future__ import annotations

import pytest

from node_runtime import warmup
from node_runtime.nursery import Nursery
from node_runtime.warmup import WarmUps
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import bind, hearing, job, node, until_at_rest
from wire import subjects
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import NatsUnavailable
from wire.messages import JobStarted

SOUND = sounds.pcm(sounds.white(1.0))


async def test_a_warm_up_comes_through_the_queue_and_leaves_nothing(server: NatsServer, bus: Bus) -> None:
    async with node(server):
        assert (await bus.newest(subjects.JOBS)) == 1
        await until_at_rest(bus)


async def test_one_that_an_earlier_life_left_is_taken_off_the_lane(server: NatsServer, bus: Bus) -> None:
    await bus.store(subjects.job_node("n1"), job(warmup.SESSION, 0, SOUND, warm_up=True), id="old")
    async with node(server):
        await until_at_rest(bus)


async def test_a_job_that_waits_on_the_lane_runs_after_the_warm_up(server: NatsServer, bus: Bus) -> None:
    await bind(bus, work := job("s", 1, SOUND, source="fr"), "n1", 0)
    await bus.store(subjects.job_node("n1"), work)
    async with node(server), hearing(bus, "s") as heard:
        await heard.until_done(1)
        await until_at_rest(bus)
    assert len(heard.of(JobStarted)) == 1


async def test_one_that_does_not_come_through_is_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup, "ARRIVAL_S", 0.2)
    nursery = Nursery(NodeSettings(engine="scripted"), "n1", lambda loaded: None, lambda: None)
    with pytest.raises(NatsUnavailable, match="did not come back"):
        await WarmUps(bus, "n1", "default", nursery).run()
