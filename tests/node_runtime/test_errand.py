"""How an attempt ends: what the session is told, and what the queue keeps. Trying again is the scheduler's business."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from node_runtime.errand import read
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import bind, hearing, job, node, post, post_on_lane, until_at_rest
from wire import subjects, topology
from wire.bus import Bus
from wire.errors import ProtocolViolation
from wire.messages import (
    ClientSeen,
    JobDone,
    JobProgressed,
    JobStarted,
    SpeechEnded,
    StageFailed,
    Transcribed,
    Translated,
    encode,
)

SOUND = sounds.pcm(sounds.white(1.0))
LONG = sounds.pcm(sounds.white(4.0))


async def test_a_failure_is_reported_and_the_queue_forgets_the_job(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, SOUND, source="fr", prompt="fail", targets=["en"], attempt=3))
        await heard.until(lambda: heard.of(StageFailed))
        await until_at_rest(bus)
        await post_on_lane(bus, job("s", 2, SOUND, source="fr"))  # the node lives on
        await heard.until_done(2)
    (failed,) = heard.of(StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == ("asr", "engine_failed", True, None)
    assert "told to fail" in failed.message
    assert {each.attempt for each in heard.mail if each.utterance == 1} == {3}
    assert len(heard.of(JobStarted, 1)) == 1
    assert not heard.of(JobDone, 1)
    assert await bus.last(subjects.DEAD, subjects.dead("default", "s")) is None  # burying is the actor's business


async def test_a_crash_costs_each_job_in_the_engines_one_attempt(server: NatsServer, bus: Bus) -> None:
    async with node(server, slots=2) as running, hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"), slot=0)
        await heard.until(lambda: heard.of(JobStarted))
        await post_on_lane(bus, job("s", 2, SOUND, source="fr", prompt="crash"), slot=1)
        await heard.until(lambda: len(heard.of(StageFailed)) == 2)
        await until_at_rest(bus)
        await running.until_ready(births=2)
        await post_on_lane(bus, job("s", 1, SOUND, source="fr", attempt=2))
        await heard.until_done(1)
    assert {(each.utterance, each.code, each.retryable) for each in heard.of(StageFailed)} == {
        (1, "engine_crashed", True),
        (2, "engine_crashed", True),
    }
    assert "SIGSEGV" in heard.of(StageFailed)[0].message
    assert not heard.of(JobDone, 2)


async def test_engines_that_are_killed_are_reported_at_once(server: NatsServer, bus: Bus) -> None:
    """As for want of memory."""
    async with node(server), hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, SOUND, source="fr", prompt="hang"))
        await heard.until(lambda: heard.of(JobStarted))
        for child in psutil.Process().children():
            if "node_runtime.child" in child.cmdline():
                child.kill()
        async with asyncio.timeout(2):
            await heard.until(lambda: heard.of(StageFailed))
    assert heard.of(StageFailed)[0].code == "engine_crashed"


async def test_a_job_that_comes_while_the_engines_are_down_waits_for_them(server: NatsServer, bus: Bus) -> None:
    async with node(server) as running, hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, SOUND, source="fr", prompt="crash"))
        await heard.until(lambda: heard.of(StageFailed))
        assert running.births == 1
        await until_at_rest(bus)
        await post_on_lane(bus, job("s", 2, SOUND, source="fr"))
        await heard.until_done(2)
        await until_at_rest(bus)
        assert running.births == 2


async def test_what_was_done_is_stored_before_the_failure_is(server: NatsServer, bus: Bus) -> None:
    """No voice, a language that is lacking, and the rest: all of the rest is there when the actor tries again."""
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", targets=["xx", "en", "de"], speak=["en"]))
        await heard.until(lambda: heard.of(StageFailed))
        await until_at_rest(bus)
    kinds = [type(each) for each in heard.mail if not isinstance(each, JobProgressed | JobStarted)]
    assert kinds[:3] == [Transcribed, Translated, Translated]
    assert kinds[-2:] == [SpeechEnded, StageFailed]
    (failed,) = heard.of(StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == (
        "translate", "language_unsupported", True, "xx",
    )  # fmt: skip
    assert {each.target for each in heard.of(Translated)} == {"en", "de"}


async def test_a_source_that_is_lacking_here_may_be_anothers_work(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="xx"))
        await heard.until(lambda: heard.of(StageFailed))
        await until_at_rest(bus)
    (failed,) = heard.of(StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == ("asr", "language_unsupported", True, None)


async def test_a_job_that_was_delivered_too_often_is_reported_and_not_run(server: NatsServer, bus: Bus) -> None:
    durable = subjects.pool_consumer("default")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("default"), 10)
    await bind(bus, work := job("s", 1, SOUND, source="fr"))
    await post(bus, work)
    for _ in range(topology.MAX_DELIVER):
        taken = await bus.take(subjects.JOBS, durable)
        assert taken is not None
        await taken.give_back()
    async with node(server), hearing(bus, "s") as heard:
        await heard.until(lambda: heard.of(StageFailed))
        await until_at_rest(bus)
    assert heard.of(StageFailed)[0].retryable
    assert not heard.of(Transcribed)


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
