"""Which jobs a node runs, and in which slot. A real server and real engines' processes (scripted)."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from node_runtime.intake import ELSEWHERE_S, UNREADABLE
from tests.nats_server import NatsServer
from tests.node_runtime import sounds
from tests.node_runtime.conftest import (
    bind,
    bindings,
    daemon,
    hearing,
    job,
    node,
    post,
    post_on_lane,
    reserve,
    slots,
    until_at_rest,
)
from tests.waiting import until
from tests.wire.test_matching import NODE
from wire import subjects
from wire.bus import Bus, Delivered
from wire.kv import Bucket
from wire.messages import (
    ClientSeen,
    JobDone,
    JobReturned,
    JobStarted,
    SpeechEnded,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
    decode,
)
from wire.records import DeadJob, NodeRecord

SOUND = sounds.pcm(sounds.white(1.0))
LONG = sounds.pcm(sounds.white(4.0))
"""With "slow", two seconds of work."""


async def test_a_job_on_the_own_lane_begins_at_once_in_the_slot_reserved_for_it(server: NatsServer, bus: Bus) -> None:
    other = job("t", 9, b"")
    delays: list[float] = []
    async with node(server, slots=2), hearing(bus, "s") as heard:
        await reserve(bus, other, "n1", 0)
        for utterance in range(1, 11):
            await post_on_lane(bus, job("s", utterance, SOUND, source="fr"), slot=1)
            posted = time.monotonic()
            await heard.until_one(JobStarted, utterance)
            delays.append(time.monotonic() - posted)
            bound = await bindings(bus).get(f"s.{utterance}")
            assert bound is not None
            assert (bound.state, bound.node, bound.slot) == ("started", "n1", 1)
            await heard.until_done(utterance)
            await until(lambda: _marked(bus, {"n1.0": "t.9"}))
        await slots(bus).delete("n1.0")
    print(f"lane -> JobStarted heard: p50 {sorted(delays)[5] * 1e3:.1f} ms, max {max(delays) * 1e3:.1f} ms")
    assert sorted(delays)[5] < 0.05
    await until_at_rest(bus)


async def _marked(bus: Bus, expected: dict[str, str]) -> bool:
    return {key: record.job for key, record in (await slots(bus).items()).items()} == expected


async def test_a_job_from_the_pool_marks_a_slot_itself(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await bind(bus, work := job("s", 1, LONG, source="fr", prompt="slow"))
        await post(bus, work)
        await heard.until(lambda: heard.of(JobStarted))
        assert await _marked(bus, {"n1.0": "s.1"})
        bound = await bindings(bus).get("s.1")
        assert bound is not None
        assert (bound.state, bound.node, bound.slot) == ("started", "n1", 0)
        await heard.until_done(1)
        await until_at_rest(bus)


async def test_a_mark_outlives_its_time_while_the_job_runs(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node_runtime.slots.RENEW_S", 0.4)
    monkeypatch.setattr("node_runtime.slots.MARK_S", 1)
    async with node(server), hearing(bus, "s") as heard:
        await bind(bus, work := job("s", 1, LONG, source="fr", prompt="slow"), "n1", 0)
        await reserve(bus, work, "n1", 0, seconds=1)
        await bus.store(subjects.job_node("n1"), work)
        await heard.until(lambda: heard.of(Transcribed))
        record = await slots(bus).get("n1.0")
        await heard.until_done(1)
        assert record is None or record.by == "n1"
        assert len(heard.of(JobStarted)) == 1
        await until_at_rest(bus)


async def test_never_more_jobs_than_slots_and_none_is_lost(server: NatsServer, bus: Bus) -> None:
    """Many at once on both lanes, and most of the lane's without a slot of their own."""
    utterances = range(1, 25)
    async with node(server, slots=2), hearing(bus, "s") as heard:
        for utterance in utterances:
            work = job("s", utterance, SOUND, source="fr")
            await bind(bus, work)
            if utterance % 2:
                await bus.store(subjects.job_node("n1"), work, id=f"own.{utterance}")
            else:
                await post(bus, work)
        for utterance in utterances:
            await heard.until_done(utterance)
        await until_at_rest(bus)
    assert sorted(each.utterance for each in heard.of(JobStarted)) == list(utterances)
    running = most = 0
    for each in heard.mail:
        running += isinstance(each, JobStarted) - isinstance(each, JobDone)
        most = max(most, running)
    assert most == 2


async def test_without_a_slot_a_job_of_the_pool_is_left_to_others(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await reserve(bus, job("t", 9, b""), "n1", 0)
        await bind(bus, work := job("s", 1, SOUND, source="fr"))
        await post(bus, work)
        taken = None
        while taken is None:  # the node has it in hand for a moment
            taken = await bus.take(subjects.JOBS, subjects.pool_consumer("default"), 0.2)
        assert not heard.of(JobStarted)
        await taken.give_back()
        await slots(bus).delete("n1.0")
        await heard.until_done(1)
        await until_at_rest(bus)
    assert len(heard.of(JobStarted)) == 1


async def test_a_job_that_failed_here_is_left_to_others_once(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        for attempt in (1, 2):
            await bind(bus, work := job("s", 1, SOUND, source="fr", prompt="fail", attempt=attempt))
            await post(bus, work)
            await heard.until(lambda n=attempt: len(heard.of(StageFailed)) == n)  # type: ignore[misc]
            await until_at_rest(bus)
        posted = time.monotonic()
        for utterance in (2, 1):
            await bind(bus, work := job("s", utterance, SOUND, source="fr", attempt=3))
            await post(bus, work)
        await heard.until_done(2)
        assert not heard.of(JobDone, 1)
        await heard.until_done(1)  # nobody else took it: here, then
        assert time.monotonic() - posted > ELSEWHERE_S
        await until_at_rest(bus)
    assert [each.attempt for each in heard.of(JobStarted, 1)] == [1, 2, 3]


async def test_while_others_use_the_host_nothing_is_pulled(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [90.0]
    monkeypatch.setattr("node_runtime.host.Load.foreign_percent", property(lambda load: used[0]))
    monkeypatch.setattr("wire.topology.HEARTBEAT_S", 0.2)
    async with node(server, dedicated=False), hearing(bus, "s") as heard:
        await post(bus, job("s", 1, SOUND, source="fr"))
        await post_on_lane(bus, job("s", 2, SOUND, source="fr"))  # a scheduler knows what it does
        await heard.until_done(2)
        assert not heard.of(JobStarted, 1)
        used[0] = 10.0
        await heard.until_done(1)
        await until_at_rest(bus)


async def test_what_a_node_lacks_is_for_another_that_has_it(server: NatsServer, bus: Bus) -> None:
    """Klingon is spoken elsewhere, by a node that is nothing but its heartbeat."""
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
    voices = {"en": "joe", "tlh": "worf"}
    rich = msgspec.structs.replace(NODE, node="n2", targets={"en": ["*"], "tlh": ["*"]}, voices=voices)
    await nodes.put("n2", rich)
    async with node(server), hearing(bus, "s") as heard:
        await nodes.put("n2", rich)
        work = job("s", 1, SOUND, source="fr", targets=["en", "tlh"], speak=["en", "tlh"])
        await post(bus, work)
        taken = None
        while taken is None:  # now the one has it, now the other
            taken = await bus.take(subjects.JOBS, subjects.pool_consumer("default"), 0.1)
        await taken.ack()
        assert not heard.of(JobStarted)
        await nodes.put("n2", msgspec.structs.replace(rich, busy=1))
        await post(bus, msgspec.structs.replace(work, job="s.2", utterance=2))
        await heard.until_done(2)
        assert [each.target for each in heard.of(Translated)] == ["en"]
        assert [each.target for each in heard.of(SpeechEnded)] == ["en"]
        assert not heard.of(StageFailed)
        assert not heard.of(SpeechUnavailable)
        await until_at_rest(bus)


async def test_a_reservation_that_nobody_uses_does_not_strand_a_job(server: NatsServer, bus: Bus) -> None:
    """The pool's only node: it gives the job back some times, then keeps it until the mark's time is over."""
    async with node(server), hearing(bus, "s") as heard:
        await reserve(bus, job("t", 9, b""), "n1", 0, seconds=4)
        await bind(bus, work := job("s", 1, SOUND, source="fr"))
        await post(bus, work)
        await heard.until_done(1)
        await until_at_rest(bus)
    assert len(heard.of(JobStarted)) == 1


async def test_the_same_attempt_on_both_lanes_runs_once(server: NatsServer, bus: Bus) -> None:
    async with node(server, slots=2), node(server, node="n2", slots=2), hearing(bus, "s") as heard:
        for utterance in range(1, 11):
            work = job("s", utterance, SOUND, source="fr")
            await post_on_lane(bus, work, "n1", utterance % 2)
            await bus.store(subjects.job_pool("default"), work, id=f"widened.{utterance}")
            await heard.until_done(utterance)
            await until_at_rest(bus)
    assert sorted(each.utterance for each in heard.of(JobStarted)) == list(range(1, 11))


async def test_what_was_superseded_is_dropped(server: NatsServer, bus: Bus) -> None:
    async with node(server), hearing(bus, "s") as heard:
        old = job("s", 1, SOUND, source="fr")
        await reserve(bus, old, "n1", 0)
        await bind(bus, job("s", 1, SOUND, attempt=2), "n2", 0)
        await bus.store(subjects.job_node("n1"), old, id="lane")
        await bus.store(subjects.job_pool("default"), old, id="pool")
        await until_at_rest(bus)
        await post(bus, job("s", 2, SOUND, source="fr"))
        await heard.until_done(2)
    assert not heard.of(JobStarted, 1)


async def test_what_a_killed_node_had_in_hand_is_taken_over(server: NatsServer, bus: Bus) -> None:
    """Without a scheduler that makes another attempt: the queue's patience is the net."""
    work = job("s", 1, LONG, source="fr", prompt="slow", targets=["en"])
    await bind(bus, work)
    async with hearing(bus, "s") as heard:
        with daemon(server, "n2") as process:
            await post(bus, work)
            await heard.until(lambda: heard.of(JobStarted))
            process.kill()
        killed = time.monotonic()
        async with node(server):
            await heard.until_done(1)
            assert time.monotonic() - killed < 12
            await until(lambda: _none_of_default(bus))
    assert [each.node for each in heard.of(JobStarted)] == ["n2", "n1"]
    assert {each.attempt for each in heard.of(Transcribed)} == {1}
    await until_at_rest(bus)  # the dead node's mark too


async def _none_of_default(bus: Bus) -> bool:
    return await bus.waiting(subjects.JOBS, subjects.pool_consumer("default")) == 0


async def test_a_node_of_the_same_name_goes_on_where_its_predecessor_died(server: NatsServer, bus: Bus) -> None:
    async with hearing(bus, "s") as heard:
        with daemon(server, "n1") as process:
            await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
            await heard.until(lambda: heard.of(JobStarted))
            await post_on_lane(bus, job("t", 1, SOUND, source="fr", attempt=1), slot=1)
            process.kill()
        await bind(bus, job("t", 1, b"", attempt=2), "n2", 0)  # the actor did not wait
        async with node(server):
            await heard.until_done(1)
            await until_at_rest(bus)
    assert len(heard.of(JobStarted)) == 2


# --- draining -------------------------------------------------------------------------------------------------------


async def test_what_does_not_end_in_time_is_returned(server: NatsServer, bus: Bus) -> None:
    async with node(server, slots=2, drain_s=1.5) as running, hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, SOUND, source="fr", prompt="hang"))
        await post_on_lane(bus, job("s", 2, sounds.pcm(sounds.white(2.0)), source="fr", prompt="slow"), slot=1)
        await heard.until(lambda: len(heard.of(JobStarted)) == 2)
        running.stop.set()
        began = time.monotonic()
        assert running.task is not None
        await asyncio.wait_for(running.task, 10)
        assert time.monotonic() - began < 4
        await heard.until(lambda: heard.of(JobReturned))
        await heard.until_done(2)  # this one was let to end
    (returned,) = heard.of(JobReturned)
    assert (returned.job, returned.utterance, returned.attempt, returned.node) == ("s.1", 1, 1, "n1")
    await until_at_rest(bus)


async def test_what_comes_while_it_drains_is_returned(server: NatsServer, bus: Bus) -> None:
    async with node(server) as running, hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        running.stop.set()
        await bind(bus, late := job("s", 2, SOUND, source="fr"), "n1", 0)
        await bus.store(subjects.job_node("n1"), late)
        assert running.task is not None
        await asyncio.wait_for(running.task, 10)
        await heard.until(lambda: heard.of(JobReturned, 2))
        await heard.until_done(1)
    assert not heard.of(JobStarted, 2)
    await until_at_rest(bus)
    names = [info.name for info in await bus._js.consumers_info(subjects.JOBS)]
    assert names == [subjects.pool_consumer("default")]


async def test_a_drained_node_leaves_jobs_of_the_pool_to_others(server: NatsServer, bus: Bus) -> None:
    async with node(server) as running, hearing(bus, "s") as heard:
        await post_on_lane(bus, job("s", 1, LONG, source="fr", prompt="slow"))
        await heard.until(lambda: heard.of(JobStarted))
        for utterance in (2, 3):
            await post(bus, job("s", utterance, SOUND, source="fr"))
        running.stop.set()
        assert running.task is not None
        await asyncio.wait_for(running.task, 10)
        async with node(server, node="n2"):
            for utterance in range(1, 4):
                await heard.until_one(JobDone | JobReturned, utterance)
            await until_at_rest(bus)
    assert [each.utterance for each in heard.of(JobStarted) if each.node == "n1"] == [1]
    assert {each.utterance for each in heard.of(JobDone) + heard.of(JobReturned)} == {1, 2, 3}


async def test_nothing_of_a_node_is_left_when_it_ends(server: NatsServer, bus: Bus) -> None:
    before = {task.get_name() for task in asyncio.all_tasks()}
    async with node(server, slots=3), hearing(bus, "s") as heard:
        for utterance in range(1, 7):
            await post(bus, job("s", utterance, SOUND, source="fr", prompt="fail" if utterance == 3 else ""))
        await heard.until(lambda: len(heard.of(JobDone)) == 5)
    await until_at_rest(bus)
    assert {task.get_name() for task in asyncio.all_tasks()} == before
    assert [info.name for info in await bus._js.consumers_info(subjects.JOBS)] == [subjects.pool_consumer("default")]


# --- what is no job -------------------------------------------------------------------------------------------------


async def the_dead(bus: Bus, session: str) -> DeadJob:
    """What operators find of this session's job; waits for it."""
    found: asyncio.Queue[Delivered] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(bus.follow(subjects.DEAD, subjects.dead("default", session), 0, found.put_nowait))
        message = await asyncio.wait_for(found.get(), 20)
        following.cancel()
    dead: DeadJob = decode(DeadJob, message.data)
    return dead


@pytest.mark.parametrize("lane", [subjects.job_pool("default"), subjects.job_node("n1")])
async def test_what_is_no_job_is_given_up_and_the_node_lives_on(server: NatsServer, bus: Bus, lane: str) -> None:
    async with node(server), hearing(bus, "s") as heard:
        await bus.store(lane, ClientSeen(), id="nonsense")
        dead = await the_dead(bus, UNREADABLE)
        await post(bus, job("s", 1, SOUND, source="fr"))
        await heard.until_done(1)
        await until_at_rest(bus)
    assert (dead.session, dead.attempts) == (UNREADABLE, 1)
