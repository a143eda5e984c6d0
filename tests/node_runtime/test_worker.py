"""How a job ends: acknowledged, given back, given up. A real server and real engines' processes (scripted)."""

from __future__ import annotations

import asyncio

import pytest

from node_runtime.worker import UNREADABLE, read
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import hearing, job, node, post, until_empty
from wire import subjects, topology
from wire.bus import Bus, Delivered
from wire.errors import ProtocolViolation
from wire.messages import ClientSeen, DeadJob, JobDone, JobStarted, StageFailed, Transcribed, decode, encode

SOUND = sounds.pcm(sounds.white(1.0))


async def the_dead(bus: Bus, session: str) -> DeadJob:
    """What operators find of this session's job; waits for it."""
    found: asyncio.Queue[Delivered] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(bus.follow(subjects.DEAD, subjects.dead("default", session), 0, found.put_nowait))
        message = await asyncio.wait_for(found.get(), 20)
        following.cancel()
    return decode(DeadJob, message.data)


async def test_a_job_that_always_fails_is_given_up_and_everybody_is_told(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node_runtime.worker.BACK_AFTER_S", 0.05)
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", prompt="fail", targets=["en"]))
        dead = await the_dead(bus, "s")
        await heard.until(lambda: heard.of(StageFailed))
        await post(bus, job("s", 2, SOUND, source="fr"))  # the node lives on
        await heard.until_done(2)
        await until_empty(bus)
    assert [each.attempt for each in heard.of(JobStarted, 1)] == [1, 2, 3, 4]
    (failed,) = heard.of(StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == ("asr", "engine_failed", False, None)
    assert not heard.of(JobDone, 1)
    assert (dead.job, dead.attempts, dead.node, dead.seconds) == ("s.1", topology.MAX_DELIVER, "n1", 1.0)
    assert "told to fail" in dead.reason


async def test_a_job_that_kills_the_engines_is_given_up_and_the_node_lives_on(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node_runtime.worker.BACK_AFTER_S", 0.05)
    async with node(server) as running, hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", prompt="crash"))
        dead = await the_dead(bus, "s")
        await post(bus, job("s", 2, SOUND, source="fr"))
        await heard.until_done(2)
        assert running.births == 1 + topology.MAX_DELIVER
    assert "SIGSEGV" in dead.reason
    assert not heard.of(Transcribed, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"\xc1\xff", encode(ClientSeen()),
        encode(job("s", 1, b"odd")), encode(job("s", 1, b"", targets=["a.b"])),
    ],
)  # fmt: skip
def test_what_is_no_job_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read(data)


def test_a_job_is_read() -> None:
    work = job("s", 1, SOUND, targets=["en"])
    assert read(encode(work)) == work


async def test_what_is_no_job_is_given_up_and_the_node_lives_on(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await bus.store(subjects.job_pool("default"), ClientSeen(), id="nonsense")
        dead = await the_dead(bus, UNREADABLE)
        await post(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        await until_empty(bus)
    assert (dead.session, dead.attempts) == (UNREADABLE, 1)


async def test_the_attempt_counts_the_schedulers_and_the_queues(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", attempt=3))
        await heard.until_done(1)
    assert [each.attempt for each in heard.of(Transcribed)] == [3]
