from __future__ import annotations

import pytest

from node_runtime import warmup
from node_runtime.nursery import Nursery
from node_runtime.warmup import WarmUps
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import bind, hearing, job, node, until_at_rest
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.messages import JobStarted
from wire.records import NodeRecord

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


async def test_a_node_tells_how_fast_it_is_from_the_beginning_and_learns_it_anew_with_each_job(
    server: NatsServer, bus: Bus
) -> None:
    records = Bucket(bus, subjects.NODES_KV, NodeRecord)

    async def told() -> dict[str, float]:
        record = await records.get("n1")
        return record.rtf if record is not None and record.ready else {}

    async with node(server, scripted_rtf=0.05), hearing(bus, "s") as heard:

        async def ready() -> bool:
            return bool(await told())

        await until(ready)
        first = await told()
        assert first["asr/scripted"] == pytest.approx(0.05, rel=0.5)
        await bind(bus, work := job("s", 1, SOUND * 4, source="fr", prompt="slow"), "n1", 0)
        await bus.store(subjects.job_node("n1"), work)
        await heard.until_done(1)

        async def slower() -> bool:
            return (await told())["asr/scripted"] > 2 * first["asr/scripted"]

        await until(slower)


async def test_one_that_does_not_come_through_is_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup, "ARRIVAL_S", 0.2)
    nursery = Nursery(NodeSettings(engine="scripted"), "n1", lambda loaded: None, lambda: None)
    with pytest.raises(NatsUnavailable, match="did not come back"):
        await WarmUps(bus, "n1", "default", nursery).run()
