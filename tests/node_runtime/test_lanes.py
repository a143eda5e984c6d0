from __future__ import annotations

from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import PATIENCE_S, hearing, job, node, post, until_empty
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import JobStarted, SlotRecord

SOUND = sounds.pcm(sounds.white(1.0))


async def test_a_job_on_the_nodes_own_lane_is_run_and_its_slot_given_up(server: NatsServer, bus: Bus) -> None:
    slots = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
    async with node(server, slots=2), hearing(bus, "s") as heard:
        mine = SlotRecord(job="s.1", session="s", attempt=1, by="test", seconds=60)
        other = SlotRecord(job="t.9", session="t", attempt=1, by="test", seconds=60)
        await slots.create(subjects.slot_key("n1", 0), other)
        await slots.create(subjects.slot_key("n1", 1), mine)
        await bus.store(subjects.job_node("n1"), job("s", 1, SOUND, source="fr"), id="on-the-lane")
        await heard.until_done(1)
        while await slots.get(subjects.slot_key("n1", 1)) is not None:
            pass  # each look is a question to the server
        assert await slots.get(subjects.slot_key("n1", 0)) == other


async def test_a_busy_slot_leaves_jobs_to_others_and_none_is_lost(server: NatsServer, bus: Bus) -> None:
    """One slot, jobs on both lanes at once, more than it can do: each is done, each in few deliveries."""
    assert PATIENCE_S > 30
    async with node(server), hearing(bus, "s") as heard:
        for utterance in range(1, 13):
            work = job("s", utterance, SOUND, source="fr")
            if utterance % 2:
                await bus.store(subjects.job_node("n1"), work, id=f"own.{utterance}")
            else:
                await post(bus, work)
        for utterance in range(1, 13):
            await heard.until_done(utterance)
        await until_empty(bus)
    assert sorted({each.utterance for each in heard.of(JobStarted)}) == list(range(1, 13))
    assert max(each.attempt for each in heard.of(JobStarted)) <= 2
