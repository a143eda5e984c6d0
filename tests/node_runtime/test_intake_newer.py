"""Jobs of a later version, on a node of this one."""

from __future__ import annotations

from node_runtime.intake import UNREADABLE
from tests.nats_server import NatsServer
from tests.node_runtime.conftest import job, node
from tests.node_runtime.test_worker import the_dead
from tests.waiting import until
from wire import subjects, topology
from wire.bus import Bus
from wire.jobs import Job, PartialJob
from wire.messages import encode
from wire.metrics import MESSAGES_NEWER


def later(message: Job | PartialJob) -> bytes:
    """The same, with a later version in its type (MessagePack: a string's length stands before it)."""
    tag = str(message.__struct_config__.tag).encode()
    return encode(message).replace(bytes([0xA0 + len(tag)]) + tag, bytes([0xA0 + len(tag) + 2]) + tag + b"@2", 1)


async def test_a_job_goes_back_for_others_and_at_last_to_operators(server: NatsServer, bus: Bus) -> None:
    async with node(server):
        await bus.store(subjects.job_pool("default"), later(job("s", 1, b"")), id="later")
        dead = await the_dead(bus, UNREADABLE)
    assert (dead.session, dead.attempts) == (UNREADABLE, topology.MAX_DELIVER)
    assert "later version" in dead.reason


async def test_a_live_caption_is_left_to_others(server: NatsServer, bus: Bus) -> None:
    wanted = PartialJob(session="s", utterance=1, generation=1, pool="default", source="fr", pcm=b"", start=0.0)
    before = MESSAGES_NEWER.labels("partial")._value.get()
    async with node(server):
        await bus.store(subjects.partial("default", "s"), later(wanted))

        async def offered_again() -> bool:
            return bool(MESSAGES_NEWER.labels("partial")._value.get() >= before + 2)

        await until(offered_again)
