"""An operator drains a real node, and takes it back."""

from __future__ import annotations

from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import bind, hearing, job, node, post, post_on_lane, post_piece, until_at_rest
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import JobDone, JobReturned, JobStarted
from wire.records import DrainRecord, NodeRecord

SOUND = sounds.pcm(sounds.white(1.0))
LONG = sounds.pcm(sounds.white(4.0))


async def says(bus: Bus, **fields: object) -> None:
    async def told() -> bool:
        record = await Bucket(bus, subjects.NODES_KV, NodeRecord).get("n1")
        return record is not None and all(getattr(record, name) == value for name, value in fields.items())

    await until(told)


async def drain(bus: Bus) -> None:
    """As `nats kv put drains n1 '{"by":"me"}'` does."""
    await bus.store(f"$KV.{subjects.DRAINS_KV}.n1", b'{"by":"me"}')


async def undrain(bus: Bus) -> None:
    await Bucket(bus, subjects.DRAINS_KV, DrainRecord).delete("n1")


async def test_a_drained_node_ends_what_runs_takes_nothing_and_is_taken_back(server: NatsServer, bus: Bus) -> None:
    async with node(server) as running, hearing(bus, "s") as heard, hearing(bus, "t") as piece:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        await drain(bus)
        await says(bus, draining=True, ready=True, busy=1)
        await bind(bus, late := job("s", 2, SOUND, source="fr"), "n1", 0)
        await bus.store(subjects.job_node("n1"), late)
        await post(bus, job("s", 3, SOUND, source="fr"))
        await post_piece(bus, job("t", 1, SOUND, source="fr", recorded=True))
        await heard.until(lambda: heard.of(JobReturned, 2))
        await heard.until_done(1)
        await says(bus, draining=True, busy=0)
        assert running.task is not None
        assert not running.task.done(), "it stays up"
        assert {each.utterance for each in heard.of(JobStarted)} == {1}
        await undrain(bus)
        await says(bus, draining=False)
        await heard.until(lambda: heard.of(JobDone, 3) or heard.of(JobReturned, 3))
        await piece.until(lambda: piece.of(JobDone) or piece.of(JobReturned))
        await until_at_rest(bus)


async def test_a_drained_node_that_is_started_anew_is_drained_still(server: NatsServer, bus: Bus) -> None:
    await drain(bus)
    async with node(server):
        await says(bus, draining=True, ready=True)
        await undrain(bus)
        await says(bus, draining=False, ready=True)


async def test_another_nodes_drain_and_one_that_nobody_can_read_change_nothing(server: NatsServer, bus: Bus) -> None:
    await bus.store(f"$KV.{subjects.DRAINS_KV}.n2", b'{"by":"me"}')
    await bus.store(f"$KV.{subjects.DRAINS_KV}.n1", b"yes")
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        await says(bus, draining=False)
