"""Slots, bindings and lanes on a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.commands import RunJob
from actors.dispatcher import Dispatcher
from tests.actors.test_dispatch import NODE
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import QueueFull, Stale
from wire.jobs import Job
from wire.kv import Bucket
from wire.matching import Rules
from wire.messages import JobUnplaced, decode
from wire.records import BindingRecord, DeadJob, NodeRecord, SlotRecord


def command(utterance: int = 1, *, attempt: int = 1, session: str = "s1", speak: tuple[str, ...] = ()) -> RunJob:
    job = Job(
        job=subjects.job_id(session, utterance),
        session=session,
        utterance=utterance,
        attempt=attempt,
        pool="default",
        source="fr",
        pcm=bytes(32_000),
        start=0,
        targets=["en"],
        speak=list(speak),
    )
    binding = BindingRecord(
        job=job.job, session=session, utterance=utterance, attempt=attempt, pool="default", start=0, end=1, state="sent"
    )
    return RunJob(job, binding)


@contextlib.asynccontextmanager
async def dispatching(bus: Bus, *nodes: NodeRecord) -> AsyncIterator[Dispatcher]:
    """A dispatcher that sees these nodes."""
    dispatcher = Dispatcher(bus, "test", Rules())
    bucket = Bucket(bus, subjects.NODES_KV, NodeRecord)
    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(watch()) for watch in (dispatcher.watch_nodes, dispatcher.watch_slots)]
        for node in nodes:
            await bucket.put(node.node, node)

        async def seen() -> bool:
            return len(dispatcher._nodes("default")) == len(nodes)

        await until(seen)
        yield dispatcher
        for watch in watching:
            watch.cancel()


def named(name: str, **changes: object) -> NodeRecord:
    return msgspec.structs.replace(NODE, node=name, **changes)


async def lane(bus: Bus, subject: str) -> list[Job]:
    found = await bus.read(subjects.JOBS, subject, 1, await bus.newest(subjects.JOBS))
    return [decode(Job, each.data) for each in found]


async def slots(bus: Bus) -> dict[str, SlotRecord]:
    return await Bucket(bus, subjects.SLOTS_KV, SlotRecord).items()


async def binding(bus: Bus, key: str = "s1.1") -> BindingRecord:
    found = await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).get(key)
    assert found is not None
    return found


async def test_a_job_goes_to_a_reserved_slot_of_the_best_node(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=1), named("b", slots=2)) as dispatcher:
        for utterance in (1, 2, 3):
            await dispatcher.run(command(utterance))
        assert {key: record.job for key, record in (await slots(bus)).items()} == {
            "a.0": "s1.1",
            "b.0": "s1.2",
            "b.1": "s1.3",
        }
        assert [job.job for job in await lane(bus, subjects.job_node("a"))] == ["s1.1"]
        bound = await binding(bus)
        assert (bound.node, bound.slot, bound.attempt) == ("a", 0, 1)


async def test_with_no_slot_free_it_goes_to_the_pool(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=1)) as dispatcher:
        await dispatcher.run(command(1))
        await dispatcher.run(command(2))
        assert [job.job for job in await lane(bus, subjects.job_pool("default"))] == ["s1.2"]
        assert (await binding(bus, "s1.2")).node == ""
        assert dispatcher.refusals["no_slot"] == 1


async def test_a_piece_of_a_recording_waits_in_its_pools_batch_without_a_slot(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=1)) as dispatcher:
        for attempt in (1, 1, 2):
            live = command(attempt=attempt)
            piece = RunJob(msgspec.structs.replace(live.job, recorded=True), live.binding)
            await dispatcher.run(piece)
        with pytest.raises(Stale):
            await dispatcher.run(RunJob(msgspec.structs.replace(command().job, recorded=True), command().binding))
        found = await bus.read(subjects.BATCH, subjects.batch("default"), 1, await bus.newest(subjects.BATCH))
        queued: list[Job] = [decode(Job, each.data) for each in found]
        assert [(job.job, job.attempt, job.recorded) for job in queued] == [("s1.1", 1, True), ("s1.1", 2, True)]
        assert await slots(bus) == {}
        assert ((await binding(bus)).attempt, (await binding(bus)).node) == (2, "")
        assert dispatcher.counters["jobs_to_batch"] == 3
    assert await lane(bus, subjects.job_pool("default")) == await lane(bus, subjects.job_node("a")) == []


async def test_what_is_withdrawn_is_dropped_by_whoever_comes_to_it(bus: Bus) -> None:
    bound = command(1)
    async with dispatching(bus, NODE) as dispatcher:
        await dispatcher.run(bound)
        gone = msgspec.structs.replace(bound.binding, attempt=2, state="withdrawn")
        for _ in range(2):  # whoever takes the session over commands it again
            await dispatcher.withdraw(gone)
        assert await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).get(subjects.binding_key("s1", 1)) == gone
        with pytest.raises(Stale):
            await dispatcher.run(bound)


async def test_with_no_node_at_all_it_waits_in_the_pool(bus: Bus) -> None:
    async with dispatching(bus) as dispatcher:
        await dispatcher.run(command())
    assert len(await lane(bus, subjects.job_pool("default"))) == 1


async def test_a_slot_that_another_took_first_costs_one_try(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=2)) as dispatcher:
        dispatcher._slot_changed = lambda key, record: None  # type: ignore[method-assign]  # the watch lags behind
        taken = SlotRecord(job="other", session="other", attempt=1, by="another", seconds=30)
        await Bucket(bus, subjects.SLOTS_KV, SlotRecord).create("a.0", taken, ttl=30)
        await dispatcher.run(command())
        assert (await binding(bus)).slot == 1
        assert dispatcher.counters["slot_conflicts"] <= 1


async def test_two_dispatchers_never_share_a_slot(bus: Bus) -> None:
    nodes = [named("a", slots=4), named("b", slots=4)]
    async with dispatching(bus, *nodes) as one, dispatching(bus, *nodes) as two:
        commands = [command(session=f"s{number}") for number in range(12)]
        await asyncio.gather(*((one, two)[at % 2].run(each) for at, each in enumerate(commands)))
    reserved = await slots(bus)
    assert len(reserved) == len({record.job for record in reserved.values()}) == 8
    assert len(await lane(bus, subjects.job_pool("default"))) == 4


async def test_the_same_attempt_again_is_adopted_and_published_once(bus: Bus) -> None:
    async with dispatching(bus) as dispatcher:
        await dispatcher.run(command())
        await dispatcher.run(command())
        assert dispatcher.counters["jobs_adopted"] == 1
    assert len(await lane(bus, subjects.job_pool("default"))) == 1


async def test_sessions_of_one_process_do_not_race_for_a_slot(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=6)) as dispatcher:
        await asyncio.gather(*(dispatcher.run(command(session=f"s{number}")) for number in range(6)))
        assert dispatcher.counters["slot_conflicts"] == 0
        assert dispatcher.counters["jobs_to_lane"] == 6
    for number in range(6):
        bound = await binding(bus, f"s{number}.1")
        assert (await slots(bus))[f"a.{bound.slot}"].job == bound.job


async def test_the_binding_names_the_pool_where_every_slot_was_anothers(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=2)) as dispatcher:
        dispatcher._slot_changed = lambda key, record: None  # type: ignore[method-assign]  # the watch lags behind
        taken = SlotRecord(job="other", session="other", attempt=1, by="another", seconds=30)
        for key in ("a.0", "a.1"):
            await Bucket(bus, subjects.SLOTS_KV, SlotRecord).create(key, taken, ttl=30)
        await dispatcher.run(command())
        await dispatcher.run(command(attempt=2))
    bound = await binding(bus)
    assert (bound.node, bound.slot, bound.attempt) == ("", -1, 2)
    assert [job.attempt for job in await lane(bus, subjects.job_pool("default"))] == [1, 2]
    assert {record.job for record in (await slots(bus)).values()} == {"other"}


async def test_who_dies_between_binding_and_publishing_is_followed_to_the_place_that_was_bound(bus: Bus) -> None:
    """The slot was made, or it was not: the job comes to the node that the binding names, and no other slot stays."""
    bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
    async with dispatching(bus, named("a"), named("b")) as dispatcher:
        for session in ("s1", "s2"):
            dead = msgspec.structs.replace(command(session=session).binding, node="b", slot=1)
            await bindings.create(f"{session}.1", dead)
        mark = SlotRecord(job="s2.1", session="s2", attempt=1, by="dead", seconds=30)
        await Bucket(bus, subjects.SLOTS_KV, SlotRecord).create("b.1", mark, ttl=30)
        for session in ("s1", "s2"):
            await dispatcher.run(command(session=session))
            await dispatcher.run(command(session=session))
        assert dispatcher.counters["jobs_adopted"] == 4
    assert sorted(job.job for job in await lane(bus, subjects.job_node("b"))) == ["s1.1", "s2.1"]
    assert await lane(bus, subjects.job_node("a")) == []
    assert list(await slots(bus)) == ["b.1"]


async def test_a_binding_to_a_node_that_is_gone_sends_the_job_to_the_pool(bus: Bus) -> None:
    async with dispatching(bus, named("a")) as dispatcher:
        dead = msgspec.structs.replace(command().binding, node="gone", slot=0)
        await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).create("s1.1", dead)
        await dispatcher.run(command())
    assert [job.job for job in await lane(bus, subjects.job_pool("default"))] == ["s1.1"]
    assert await slots(bus) == {}


async def test_a_slot_that_was_taken_for_nothing_is_given_up(bus: Bus) -> None:
    async with dispatching(bus, named("a")) as dispatcher:
        newer = command(attempt=2).binding
        await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).create("s1.1", newer)
        with pytest.raises(Stale, match="attempt 2"):
            await dispatcher.run(command())
        assert await slots(bus) == {}

        async def full(*_: object, **__: object) -> None:
            raise QueueFull("job.node.a is at its limit")

        store = bus.store
        bus.store = lambda subject, *rest, **more: (  # type: ignore[method-assign, assignment]
            full() if subject.startswith("job.") else store(subject, *rest, **more)
        )
        with pytest.raises(QueueFull):
            await dispatcher.run(command(2))
        assert await slots(bus) == {}


async def test_who_sees_anothers_marks_tries_slots_in_random_order(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=64)) as dispatcher:
        own = SlotRecord(job="j", session="s", attempt=1, by="test", seconds=30)
        dispatcher._slot_changed("a.0", own)
        await dispatcher.run(command(1))
        assert (await binding(bus, "s1.1")).slot == 1
        dispatcher._slot_changed("a.2", msgspec.structs.replace(own, by="another"))
        dispatcher._random.seed(1)
        await dispatcher.run(command(2))
        assert (await binding(bus, "s1.2")).slot > 3


async def test_a_newer_attempt_moves_the_binding_and_an_older_one_is_refused(bus: Bus) -> None:
    async with dispatching(bus) as dispatcher:
        await dispatcher.run(command())
        await dispatcher.run(command(attempt=2))
        assert (await binding(bus)).attempt == 2
        with pytest.raises(Stale, match="attempt 2"):
            await dispatcher.run(command(attempt=1))


async def test_the_slot_of_an_attempt_that_its_node_lost_is_free_at_once(bus: Bus) -> None:
    """The node froze: it has not taken its mark away, and gets nothing more until its heart is heard again."""
    async with dispatching(bus, named("a", slots=1), named("b", slots=1)) as dispatcher:
        await dispatcher.run(command())
        assert list(await slots(bus)) == ["a.0"]
        await dispatcher.run(msgspec.structs.replace(command(attempt=2), excluded=["a"]))
        assert {key: record.attempt for key, record in (await slots(bus)).items()} == {"b.0": 2}
        await dispatcher.run(command(2))
        assert len(await lane(bus, subjects.job_node("a"))) == 1
        await Bucket(bus, subjects.NODES_KV, NodeRecord).put("a", named("a", slots=1))

        async def heard() -> bool:
            return all(view.online for view in dispatcher._nodes("default"))

        await until(heard)
        await dispatcher.run(command(3))
        assert (await slots(bus))["a.0"].job == "s1.3"


async def test_a_mark_that_is_another_attempts_stays(bus: Bus) -> None:
    """The slot is another job's already, or the node put its work away itself, or the same node goes on with it."""
    marks = Bucket(bus, subjects.SLOTS_KV, SlotRecord)
    async with dispatching(bus, named("a"), named("b")) as dispatcher:
        for utterance in (1, 2, 3):
            bound = msgspec.structs.replace(command(utterance).binding, node="a", slot=utterance - 1)
            await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).create(f"s1.{utterance}", bound)
        others = SlotRecord(job="other", session="other", attempt=1, by="a", seconds=30)
        await marks.put("a.0", others)
        await marks.put("a.2", msgspec.structs.replace(others, job="s1.3"))
        for utterance, excluded in ((1, ["a"]), (2, ["a"]), (3, [])):
            await dispatcher.run(msgspec.structs.replace(command(utterance, attempt=2), excluded=excluded))
        kept = {key: record.job for key, record in (await slots(bus)).items() if record.by == "a"}
        assert kept == {"a.0": "other", "a.2": "s1.3"}
        assert dispatcher.counters["slots_taken_back"] == 0
        assert all(view.online for view in dispatcher._nodes("default"))


async def test_where_no_node_can_do_it_all_the_job_is_cut_to_what_its_node_can(bus: Bus) -> None:
    hears, speaks = named("hears", voices={}), named("speaks", sources=[], targets={})
    async with dispatching(bus, hears, speaks) as dispatcher:
        await dispatcher.run(command(speak=("en",)))
    (job,) = await lane(bus, subjects.job_node("hears"))
    assert (job.targets, job.speak) == (["en"], [])


async def test_a_widened_job_is_on_the_pools_lane_once(bus: Bus) -> None:
    async with dispatching(bus, named("a")) as dispatcher:
        await dispatcher.run(command())
        await dispatcher.widen(command().job)
        await dispatcher.widen(command().job)
    assert len(await lane(bus, subjects.job_pool("default"))) == 1
    assert len(await lane(bus, subjects.job_node("a"))) == 1


async def test_a_job_that_is_with_the_pool_already_is_not_put_there_again(bus: Bus) -> None:
    async with dispatching(bus) as dispatcher:
        await dispatcher.run(command())
        await dispatcher.widen(command().job)
    assert len(await lane(bus, subjects.job_pool("default"))) == 1


async def test_the_session_is_told_once_why_no_node_can_take_its_job(bus: Bus) -> None:
    async with dispatching(bus, named("a", draining=True), named("b", ready=False)) as dispatcher:
        for _ in range(2):
            await dispatcher.run(command())
    async with dispatching(bus, named("a", slots=1), named("b", slots=1)) as dispatcher:
        for utterance in (2, 3, 4):  # with all slots taken somebody can, and will
            await dispatcher.run(command(utterance))
    mail = await bus.read(subjects.MAILBOX, subjects.mailbox_of("s1"), 1, 10)
    told: list[JobUnplaced] = [decode(JobUnplaced, each.data) for each in mail]
    expected = ("s1.1", 1, "no node could take it: 1 offline, 1 about to stop")
    assert [(each.job, each.attempt, each.reason) for each in told] == [expected]


async def test_what_was_reserved_on_a_node_that_did_not_begin_in_time_is_free_again(bus: Bus) -> None:
    bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
    async with dispatching(bus, named("a")) as dispatcher:
        for utterance in (1, 2):
            await dispatcher.run(command(utterance))
        begun = msgspec.structs.replace(await binding(bus, "s1.2"), state="started")
        await bindings.put("s1.2", begun)
        for utterance in (1, 2):
            await dispatcher.widen(command(utterance).job)
        assert [record.job for record in (await slots(bus)).values()] == ["s1.2"]
        assert not any(view.online for view in dispatcher._nodes("default"))


async def test_a_buried_job_can_be_read_by_operators(bus: Bus) -> None:
    dead = DeadJob(
        job="s1.1",
        session="s1",
        utterance=1,
        pool="default",
        attempts=4,
        node="n",
        reason="r",
        seconds=1,
        history=["x"],
    )
    async with dispatching(bus) as dispatcher:
        await dispatcher.bury(dead, command().job)
        await dispatcher.bury(dead, command().job)
    job, notice = await bus.read(subjects.DEAD, subjects.DEAD_ALL, 1, 10)
    assert decode(DeadJob, notice.data) == dead
    assert decode(Job, job.data) == command().job
    assert job.subject == subjects.dead_job(dead.pool, dead.session, dead.utterance)


async def test_slots_of_nodes_that_are_gone_are_forgotten(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.dispatcher.REMEMBERED_NODES", 3)
    async with dispatching(bus, named("a", slots=2)) as dispatcher:
        live = SlotRecord(job="j", session="s", attempt=1, by="test", seconds=30)
        for number in range(5):
            dispatcher._slot_changed(f"gone{number}.0", msgspec.structs.replace(live, seconds=-1))
        dispatcher._slot_changed("here.0", live)
        dispatcher._nodes("default")
        assert dispatcher._taken.keys() <= {"a", "here"}
        assert list(dispatcher._taken["here"]) == [0]


async def test_a_slot_that_the_node_has_no_more_does_not_count(bus: Bus) -> None:
    async with dispatching(bus, named("a", slots=1)) as dispatcher:
        mark = SlotRecord(job="j", session="s", attempt=1, by="test", seconds=30)
        dispatcher._slot_changed("a.5", mark)
        (view,) = dispatcher._nodes("default")
        assert view.share == 0
