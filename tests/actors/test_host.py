"""The host on a real server: what is stored, and what a successor makes of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from actors.dispatcher import Dispatcher
from actors.history import History
from actors.host import TICK_S, Actor, Host
from actors.session import Session
from actors.state import SessionRecord
from tests.actors.life import Story, Teller, transcribed
from tests.nats_server import NatsServer
from tests.waiting import beats, until
from wire import subjects
from wire.bus import Bus, Delivered
from wire.env import SchedulerSettings
from wire.jobs import Job
from wire.kv import Bucket
from wire.matching import Rules
from wire.messages import ClientMail, CloseRequested, Mail, SessionTerminated, decode, encode
from wire.protocol import AnyClientEvent, AudioAck, ClientEvent, SessionClosed
from wire.records import BindingRecord


@contextlib.asynccontextmanager
async def hosting(bus: Bus, settings: SchedulerSettings | None = None) -> AsyncIterator[Host]:
    """A host of s1's partition that dies without a word when the block ends, as by `kill -9`."""
    dispatcher = Dispatcher(bus, "test", Rules())
    settings = settings or SchedulerSettings()
    history = History(bus, settings)
    host = Host(bus, settings, dispatcher, subjects.partition("s1"), lambda: True, Counter(), history)

    async def tick() -> None:
        async for _ in beats(TICK_S):
            host.tick()

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each) for each in (host.run(), tick(), history.run())]
        yield host
        for task in running:
            task.cancel()


async def post(bus: Bus, mail: Mail, number: int, session: str = "s1") -> None:
    side = "client" if isinstance(mail, ClientMail) else "control" if isinstance(mail, SessionTerminated) else "node"
    await bus.store(subjects.mailbox(session, side), mail, id=f"test.{session}.{number}")  # type: ignore[arg-type]


async def post_all(bus: Bus, story: Story, first: int = 0) -> None:
    for number, (_, mail) in enumerate(story):
        await post(bus, mail, first + number)


async def events(bus: Bus, session: str = "s1") -> list[ClientEvent]:
    newest = await bus.newest(subjects.EVENTS)
    found = await bus.read(subjects.EVENTS, subjects.event(session), 1, newest)
    return [decode(AnyClientEvent, each.data) for each in found]


async def jobs(bus: Bus) -> list[Job]:
    found = await bus.read(subjects.JOBS, subjects.job_pool("default"), 1, await bus.newest(subjects.JOBS))
    return [decode(Job, each.data) for each in found]


def count(bus: Bus, events_wanted: int, session: str = "s1") -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(await events(bus, session)) >= events_wanted

    return enough


async def test_mail_becomes_jobs_bindings_and_numbered_events(bus: Bus) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    acks: list[bytes] = []
    await bus.subscribe(subjects.live("s1"), lambda found: acks.append(found.data))
    async with hosting(bus):
        await post_all(bus, teller.story)
        await post(bus, transcribed(1), 900)
        await post(bus, CloseRequested(after=teller.chunk - 1), 901)
        await until(count(bus, 3))
    told = await events(bus)
    assert [(event.n, event.__struct_config__.tag) for event in told] == [
        (1, "session.started"),
        (2, "transcript.final"),
        (3, "session.closed"),
    ]
    (job,) = await jobs(bus)
    binding = await Bucket(bus, subjects.BINDINGS_KV, BindingRecord).get("s1.1")
    assert binding is not None
    assert (job.job, binding.job) == ("s1.1", "s1.1")
    record = await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).get(subjects.session_key("s1"))
    assert record is not None
    assert b'"phase":"closed"' in bytes(record.state)
    assert decode(AnyClientEvent, acks[-1]) == AudioAck(chunk=teller.chunk - 1)


@pytest.mark.parametrize("killed_after", [1, 8, 14, 20, 23])
async def test_a_scheduler_killed_anywhere_is_taken_over_and_nothing_is_lost_or_repeated(
    bus: Bus, killed_after: int
) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    story = [*teller.story, (teller.now, transcribed(1)), (teller.now, CloseRequested(after=teller.chunk - 1))]
    async with hosting(bus) as first:
        await post_all(bus, story[:killed_after])
        await until(lambda: _seen(first, killed_after))
    async with hosting(bus):
        await post_all(bus, story[killed_after:], killed_after)
        await until(count(bus, 3))
    assert [event.n for event in await events(bus)] == [1, 2, 3]
    (job,) = await jobs(bus)
    assert len(job.pcm) == pytest.approx((1 + 0.384) * 32000, abs=2048)


async def test_a_successor_replays_a_closed_session_without_a_trace(bus: Bus) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    teller.say(transcribed(1)).say(CloseRequested(after=teller.chunk - 1))
    async with hosting(bus):
        await post_all(bus, teller.story)
        await until(count(bus, 3))
    sessions = Bucket(bus, subjects.SESSIONS_KV, SessionRecord)
    for forgotten in (False, True):
        if forgotten:
            await sessions.delete(subjects.session_key("s1"))
        async with hosting(bus) as second:
            await until(lambda host=second: _restored(host))  # type: ignore[misc]
            await post(bus, SessionTerminated(), 950 + forgotten)
            await until(lambda host=second: _seen(host, len(teller.story) + 1))  # type: ignore[misc]
    assert len(await events(bus)) == 3
    assert len(await jobs(bus)) == 1


async def test_a_session_whose_scheduler_died_before_its_first_snapshot_is_not_lost(bus: Bus) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    async with hosting(bus):
        await post_all(bus, teller.story[:5])
        await until(count(bus, 1))
    await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).delete(subjects.session_key("s1"))
    async with hosting(bus):
        await post_all(bus, teller.story[5:], 5)
        await post(bus, transcribed(1), 900)
        await until(count(bus, 2))
    (job,) = await jobs(bus)
    assert len(job.pcm) == pytest.approx((1 + 0.384) * 32000, abs=2048)


async def test_two_schedulers_at_once_tell_everything_once(bus: Bus) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    teller.say(transcribed(1)).say(CloseRequested(after=teller.chunk - 1))
    async with hosting(bus), hosting(bus):
        await post_all(bus, teller.story)
        await until(count(bus, 3))
    assert [event.n for event in await events(bus)] == [1, 2, 3]
    assert len(await jobs(bus)) == 1


async def test_an_owner_whose_write_is_refused_begins_again_from_what_is_stored(bus: Bus) -> None:
    """A predecessor's last write came after its successor had read: nobody goes deaf, nothing is told twice."""
    async with hosting(bus) as host:
        teller = Teller(targets=()).voice(1).quiet(1)
        await post_all(bus, teller.story)
        await until(count(bus, 1))
        last = await bus.last(subjects.EVENTS, subjects.event("s1"))
        assert last is not None
        for n in (2, 3):
            late = await bus.store(subjects.event("s1"), AudioAck(n=n, chunk=1), id=f"{n}", expect_last=last.sequence)
            last = Delivered(last.subject, last.data, late.sequence)
        await post(bus, transcribed(1), 900)

        async def again() -> bool:
            return host.counters["partitions_begun_again"] == 1 and host.sessions == 1

        await until(again)
        await post_all(bus, teller.voice(1).quiet(1).story[len(teller.story) - 22 :], 500)
        await post(bus, CloseRequested(after=teller.chunk - 1), 901)
        await post(bus, transcribed(2), 902)
        await until(count(bus, 4))
    assert [event.n for event in await events(bus)] == [1, 2, 3, 4]
    assert len(await jobs(bus)) == 2


async def test_nothing_is_commanded_between_two_lives_of_a_partition(bus: Bus) -> None:
    """What is due then is due again when the sessions are restored."""
    async with hosting(bus) as host:
        await post_all(bus, Teller(targets=()).voice(1).story)
        await until(count(bus, 1))
        host._again.set()

        async def between() -> bool:
            return host.counters["partitions_begun_again"] == 1

        await until(between)
        host._clock.learn(time.time() + 3600)  # all deadlines are over
        host.tick()

        async def closed() -> bool:
            return any(isinstance(event, SessionClosed) for event in await events(bus))

        await post(bus, transcribed(1), 900)
        await until(closed)


async def test_deadlines_fire_without_mail(bus: Bus) -> None:
    """An utterance whose audio stops coming becomes a job."""
    async with hosting(bus):
        await post_all(bus, Teller(targets=()).voice(1).story)

        async def bound() -> bool:
            return len(await jobs(bus)) == 1

        await until(bound)


async def test_a_deadline_waits_for_mail_that_was_stored_before_it(bus: Bus) -> None:
    """A replay would fold it in first, and both must decide alike."""
    async with hosting(bus) as host:
        story = Teller(targets=()).voice(1).story
        await post_all(bus, story)
        await until(count(bus, 1))
        await until(lambda: bus_has_all(bus, host))
        seen, host._seen = host._seen, 0  # as if the last of it were still on its way
        await host._fire(time.time() + 5)
        assert await jobs(bus) == []
        host._seen = seen
        await host._fire(time.time() + 5)

        async def bound() -> bool:
            return len(await jobs(bus)) == 1

        await until(bound)


async def test_a_successor_that_has_nothing_to_replay_fires_deadlines(bus: Bus) -> None:
    async with hosting(bus) as host:
        await post_all(bus, Teller(targets=()).voice(1).quiet(1).story)
        await until(count(bus, 1))
        await until(lambda: bus_has_all(bus, host))
        await host.stop()
    async with hosting(bus) as successor:

        async def restored() -> bool:
            return successor.sessions == 1

        await until(restored)
        successor._clock.learn(time.time() + 3600)

        async def closed() -> bool:
            return any(isinstance(event, SessionClosed) for event in await events(bus))

        await until(closed)


async def test_a_session_whose_deadline_breaks_is_closed_and_costs_nobody_else_anything(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Session, now: float) -> None:
        raise ZeroDivisionError

    async with hosting(bus) as host:
        await post_all(bus, Teller(targets=()).story)
        await until(count(bus, 1))
        monkeypatch.setattr(Session, "on_deadline", breaks)
        host._clock.learn(time.time() + 3600)

        async def closed() -> bool:
            told = [event for event in await events(bus) if isinstance(event, SessionClosed)]
            return [event.reason for event in told] == ["internal_error"]

        await until(closed)


async def test_wakes_do_not_pile_up(bus: Bus) -> None:
    settings = SchedulerSettings()
    host = Host(bus, settings, Dispatcher(bus, "test", Rules()), 0, lambda: True, Counter(), History(bus, settings))
    actor = host._actors["s1"] = Actor(Session("s1", SchedulerSettings()), 0, 0)
    state = actor.session.state
    state.phase = "open"
    for now in range(0, 1000, 2):
        state.heard_from_client = float(now)
        host._schedule(actor)
        host._next_due(float(now))
    assert len(host._wakes) < 5


async def bus_has_all(bus: Bus, host: Host) -> bool:
    return host._seen == await bus.newest(subjects.MAILBOX)


async def test_mail_that_nobody_can_read_costs_nobody_else_anything(bus: Bus) -> None:
    async with hosting(bus) as host:
        await post_all(bus, Teller(targets=()).story)
        await bus.store(subjects.mailbox("s1", "client"), transcribed(1), id="forged: a node's word as a client's")
        await post_all(bus, Teller(targets=()).voice(1).quiet(1).story[1:], 100)

        async def bound() -> bool:
            return len(await jobs(bus)) == 1

        await until(bound)
        assert host.counters["mail_dropped"] == 1


async def test_a_full_queue_is_told_to_the_client(bus: Bus) -> None:
    full = await bus._js.stream_info(subjects.JOBS)
    await bus._js.update_stream(full.config.evolve(max_bytes=2000))
    async with hosting(bus):
        await post_all(bus, Teller(targets=()).voice(1).quiet(1).story)
        await until(count(bus, 2))
    assert b'"queue_full"' in encode((await events(bus))[1])


async def test_sessions_do_not_wait_for_each_other_and_survive_a_restart_of_the_server(
    server: NatsServer, bus: Bus
) -> None:
    other = next(f"t{n}" for n in range(10_000) if subjects.partition(f"t{n}") == subjects.partition("s1"))
    async with hosting(bus):
        for session in ("s1", other):
            opened = msgspec.structs.replace(Teller(targets=()).story[0][1], session=session)
            await post(bus, opened, 0, session)
        await until(count(bus, 1, other))
        server.kill()
        server.start()
        for number, (_, mail) in enumerate(Teller(targets=()).voice(1).quiet(1).story[1:], 1):
            await post(bus, mail, number, other)
        await post(bus, msgspec.structs.replace(transcribed(1), job=f"{other}.1"), 900, other)
        await until(count(bus, 2, other))
    assert len(await events(bus, "s1")) == 1


async def _restored(host: Host) -> bool:
    return host._replay_until >= 0


async def _seen(host: Host, sequence: int) -> bool:
    return host._seen >= sequence and all(actor.work is None for actor in host._actors.values())
