"""Nodes that die, and jobs that kill, under a real scheduler: one utterance, tried again until it has its outcome.

The scheduler runs in this process, each node in its own; the client is a story told into the mailbox.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from node_runtime.engines import scripted
from tests.actors.life import VOICE, Teller
from tests.actors.test_host import events, post, post_all
from tests.actors.test_scheduler import scheduling
from tests.nats_server import NatsServer
from tests.node_runtime.conftest import daemon, hearing, slots, until_at_rest
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import AudioChunk, CloseRequested, JobReturned, JobStarted, Mail, StageFailed, decode
from wire.protocol import ClientEvent, ErrorTold, TranscriptFinal, TranslationFinal
from wire.records import DeadJob, NodeRecord

Nodes = dict[str, "subprocess.Popen[str]"]


@contextlib.contextmanager
def two_nodes(server: NatsServer, **settings: Any) -> Iterator[Nodes]:
    with daemon(server, "n1", **settings) as one, daemon(server, "n2", **settings) as two:
        yield {"n1": one, "n2": two}


@contextlib.asynccontextmanager
async def fleet_seen(bus: Bus) -> AsyncIterator[None]:
    """A scheduler that owns everything and sees both nodes ready."""
    async with scheduling(bus, "a") as scheduler:

        async def seen() -> bool:
            ready = [node for node in scheduler.dispatcher._nodes("default") if node.record.ready]
            return scheduler.leases.held == subjects.PARTITIONS and len(ready) == 2

        await until(seen)
        yield


async def told(bus: Bus, kind: Any, count: int = 1) -> list[Any]:
    """The events of this kind, once there are so many."""
    found: list[ClientEvent] = []

    async def enough() -> bool:
        found[:] = [event for event in await events(bus) if isinstance(event, kind)]
        return len(found) >= count

    await until(enough, 40)
    return found


def poisoned(teller: Teller, order: str) -> Teller:
    """The last chunk of speech in this story orders a fault."""
    place, chunk = [(n, mail) for n, (_, mail) in enumerate(teller.story) if _is_speech(mail)][-1]
    assert isinstance(chunk, AudioChunk)
    mark = scripted.marked(order)
    teller.story[place] = (
        teller.story[place][0], msgspec.structs.replace(chunk, pcm=mark + chunk.pcm[len(mark) :])
    )  # fmt: skip
    return teller


def _is_speech(mail: Mail) -> bool:
    return isinstance(mail, AudioChunk) and mail.speech[0] == VOICE


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_a_node_that_goes_in_the_middle_of_a_job_costs_seconds(
    server: NatsServer, bus: Bus, how: signal.Signals
) -> None:
    teller = Teller(targets=("en",)).voice(4).quiet(1)
    with two_nodes(server, scripted_rtf=0.4, drain_s=0.5) as nodes:
        async with fleet_seen(bus), hearing(bus, "s1") as heard:
            await post_all(bus, teller.story)
            await heard.until(lambda: heard.of(JobStarted))
            await until(lambda: _marks_are_held_by_nodes(bus))
            began = time.monotonic()
            nodes[heard.of(JobStarted)[0].node].send_signal(how)
            await told(bus, TranscriptFinal)
            took = time.monotonic() - began
            await told(bus, TranslationFinal)
            await post(bus, CloseRequested(after=teller.chunk - 1), 900)
            await until(lambda: _told_last(bus, "session.closed"))
            print(f"{how.name} in the middle of a job: final after {took:.1f} s, the job itself takes 2")
            assert took < 3.0 + 2.0 + 1.5  # silence, the work again, and a slow machine
            assert [each.attempt for each in heard.of(JobStarted)] == [1, 2]
            if how == signal.SIGTERM:
                assert len(heard.of(JobReturned)) == 1
                await until_at_rest(bus)
            else:  # what lies on its lane goes when its heartbeat has gone
                await until(lambda: _no_slot_is_marked(bus))
    tags = [event.__struct_config__.tag for event in await events(bus)]
    assert tags == ["session.started", "transcript.final", "translation.final", "session.closed"]
    assert [event.n for event in await events(bus)] == [1, 2, 3, 4]


async def _marks_are_held_by_nodes(bus: Bus) -> bool:
    return {mark.by for mark in (await slots(bus).items()).values()} <= {"n1", "n2"}


async def _no_slot_is_marked(bus: Bus) -> bool:
    return not await slots(bus).items()


async def _told_last(bus: Bus, tag: str) -> bool:
    return (await events(bus))[-1].__struct_config__.tag == tag


async def test_a_poison_job_is_given_up_and_takes_no_node_with_it(server: NatsServer, bus: Bus) -> None:
    poison = poisoned(Teller(targets=()).voice(2).quiet(1), "crash")
    with two_nodes(server) as nodes:
        async with fleet_seen(bus), hearing(bus, "s1") as heard:
            await post_all(bus, poison.story)
            (error,) = await told(bus, ErrorTold)
            sane = poison.voice(1).quiet(1).story
            await post_all(bus, sane)  # what was sent before is a duplicate
            (final,) = await told(bus, TranscriptFinal)
            await until_at_rest(bus)
            assert all(process.poll() is None for process in nodes.values())
            await until(lambda: _both_ready(bus))
    assert (error.utterance, error.code) == (1, "engine_failed")
    assert final.utterance == 2
    assert [each.attempt for each in heard.of(StageFailed)] == [1, 2, 3, 4]
    assert {each.code for each in heard.of(StageFailed)} == {"engine_crashed"}
    assert {each.node for each in heard.of(StageFailed)} == {"n1", "n2"}
    found = await bus.last(subjects.DEAD, subjects.dead("default", "s1"))
    assert found is not None
    dead: DeadJob = decode(DeadJob, found.data)
    assert len(dead.history) == 4
    assert all("SIGSEGV" in line for line in dead.history)


async def _both_ready(bus: Bus) -> bool:
    records = await Bucket(bus, subjects.NODES_KV, NodeRecord).items()
    return [record.ready for record in records.values()] == [True, True]


async def test_an_engine_that_always_fails_is_tried_four_times(server: NatsServer, bus: Bus) -> None:
    failing = poisoned(Teller(targets=()).voice(1).quiet(1), "fail")
    with two_nodes(server):
        async with fleet_seen(bus), hearing(bus, "s1") as heard:
            await post_all(bus, failing.story)
            (error,) = await told(bus, ErrorTold)
            await until_at_rest(bus)
    assert [(each.attempt, each.code) for each in heard.of(StageFailed)] == [(n, "engine_failed") for n in (1, 2, 3, 4)]
    assert "4 attempts" in error.message
