"""Pieces of recordings beside live speech, on a real server, with scripted engines in their own process."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import (
    bindings,
    hearing,
    job,
    node,
    partial,
    post,
    post_on_lane,
    post_partial,
    post_piece,
    slots,
    until_at_rest,
)
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import (
    Hypothesis,
    JobDone,
    JobProgressed,
    JobReturned,
    JobStarted,
    Transcribed,
    Translated,
)
from wire.records import NodeRecord

SOUND = sounds.pcm(sounds.white(1.0))
LONG = sounds.pcm(sounds.white(4.0))
"""With "slow", two seconds of work."""


async def test_a_piece_runs_as_any_job_and_nobody_sees_a_slot_in_use(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wire.topology.HEARTBEAT_S", 0.1)
    async with node(server), hearing(bus, "s") as heard:
        await post_piece(bus, job("s", 1, LONG, source="fr", prompt="slow", targets=["de"]))
        await heard.until(lambda: heard.of(JobProgressed))
        assert await slots(bus).items() == {}
        record = await Bucket(bus, subjects.NODES_KV, NodeRecord).get("n1")
        assert record is not None
        assert record.busy == 0
        bound = await bindings(bus).get("s.1")
        assert bound is not None
        assert (bound.state, bound.node, bound.slot) == ("started", "n1", -1)
        await heard.until_done(1)
        await until_at_rest(bus)
    kinds = [type(each) for each in heard.mail if not isinstance(each, JobProgressed)]
    assert kinds == [JobStarted, Transcribed, Translated, JobDone]


async def test_none_begins_while_a_live_job_has_the_only_slot(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard, hearing(bus, "r") as recorded:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        await post_piece(bus, job("r", 1, SOUND, source="fr"))
        await heard.until_done(1)
        assert not recorded.mail
        await recorded.until_done(1)


async def test_a_piece_makes_way_for_a_live_job_and_keeps_what_was_done(server: NatsServer, bus: Bus) -> None:
    async with node(server, scripted_rtf=0.1), hearing(bus, "s") as heard, hearing(bus, "r") as recorded:
        await post_piece(bus, work := job("r", 1, LONG, source="fr", targets=["en", "de"], prompt="slow"))  # 4 s
        await recorded.until(lambda: recorded.of(JobStarted))
        posted = time.monotonic()
        await post_on_lane(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        beside = time.monotonic() - posted
        assert not recorded.of(Transcribed)  # the live job ran beside the piece's one call
        await until(lambda: _no_marks(bus))
        await post_on_lane(bus, job("s", 2, LONG, source="fr", prompt="slow"))
        await recorded.until(lambda: recorded.of(JobReturned))
        assert [each.text for each in recorded.of(Transcribed)] != []
        assert not recorded.of(Translated)
        assert not heard.of(JobDone, 2)
        await until(lambda: _none_wait(bus))  # it went to the session, and not back into the queue
        rest = job("r", 1, LONG, source="fr", targets=["de"], attempt=2, transcript="oui", transcript_language="fr")
        await post_piece(bus, rest)
        await recorded.until_done(1)
        assert heard.of(JobDone, 2)
        await until_at_rest(bus)
    print(f"a live job beside a piece: {beside * 1e3:.0f} ms for 100 ms of work")
    assert work.attempt == 1
    assert beside < 2


async def _no_marks(bus: Bus) -> bool:
    return not await slots(bus).items()


async def _none_wait(bus: Bus) -> bool:
    return not await bus.subjects(subjects.BATCH, subjects.BATCH_ALL)


async def test_live_jobs_and_pieces_together_are_never_more_than_slots(server: NatsServer, bus: Bus) -> None:
    async with node(server, slots=2), hearing(bus, "s") as heard, hearing(bus, "r") as recorded:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        for utterance in range(1, 7):
            await post_piece(bus, job("r", utterance, SOUND, source="fr"))
        await recorded.until(lambda: len(recorded.of(JobDone)) == 6)
        await heard.until_done(1)
        await until_at_rest(bus)
    assert not recorded.of(JobReturned)
    running = most = 0
    for each in recorded.mail:
        running += isinstance(each, JobStarted) - isinstance(each, JobDone)
        most = max(most, running)
    assert most == 1


async def test_captions_go_before_a_piece_and_beside_its_calls(server: NatsServer, bus: Bus) -> None:
    async with node(server, scripted_rtf=0.1), hearing(bus, "s") as heard, hearing(bus, "r") as recorded:
        await post_piece(bus, job("r", 1, LONG, source="fr", prompt="slow"))
        await recorded.until(lambda: recorded.of(JobStarted))
        await post_partial(bus, partial("s", 1, SOUND))
        await heard.until(lambda: heard.of(Hypothesis))
        assert not recorded.of(Transcribed)
        await recorded.until_done(1)


async def test_a_node_that_drains_returns_its_pieces_at_once(server: NatsServer, bus: Bus) -> None:
    async with node(server, scripted_rtf=0.5, drain_s=60) as running, hearing(bus, "r") as recorded:
        await post_piece(bus, job("r", 1, LONG, source="fr", prompt="slow"))  # 20 s
        await recorded.until(lambda: recorded.of(JobStarted))
        running.stop.set()
        assert running.task is not None
        async with asyncio.timeout(5):
            await recorded.until(lambda: recorded.of(JobReturned))
            await running.task
    assert await _none_wait(bus)


async def test_while_others_use_the_host_no_piece_is_pulled(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [90.0]
    monkeypatch.setattr("node_runtime.host.Load.foreign_percent", property(lambda load: used[0]))
    monkeypatch.setattr("wire.topology.HEARTBEAT_S", 0.1)
    async with node(server, dedicated=False), hearing(bus, "r") as recorded, hearing(bus, "s") as heard:
        await post_piece(bus, job("r", 1, SOUND, source="fr"))
        await post_on_lane(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        assert not recorded.mail
        used[0] = 10.0
        await recorded.until_done(1)


async def test_a_piece_that_was_superseded_is_dropped_and_the_next_attempt_runs(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "r") as recorded, hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        for attempt in (1, 2):
            await post_piece(bus, job("r", 1, SOUND, source="fr", attempt=attempt))
        await recorded.until_done(1)
        await until_at_rest(bus)
    assert [each.attempt for each in recorded.of(JobStarted)] == [2]
