"""History on a real server: complete and without repeats, whatever dies; and never in a session's way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.history import MOST_OF_ONE, History
from actors.state import SessionRecord, SessionState
from tests.actors.life import Teller, transcribed
from tests.actors.test_host import count, hosting, post, post_all
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import history, subjects, transcripts
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import NatsUnavailable
from wire.history import AnyEntry, Transcript
from wire.jobs import Job
from wire.kv import Bucket
from wire.messages import CloseRequested
from wire.options import Options
from wire.protocol import ClientEvent, SessionClosed, SessionReady, TranscriptFinal
from wire.records import DeadJob, TenantRecord

STATE = SessionState(session="s1", tenant="t", opened_at=5.0)


def final(n: int) -> ClientEvent:
    return TranscriptFinal(n=n, utterance=n, text=f"line {n}", language="en", start=n, end=n + 1)


OPENED = SessionReady(n=1, session="s1", source="en", targets=[], speech=False, next_chunk=0)


@contextlib.asynccontextmanager
async def writing(bus: Bus, settings: SchedulerSettings | None = None) -> AsyncIterator[History]:
    it = History(bus, settings or SchedulerSettings())
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(it.run())
        yield it
        running.cancel()


async def kept(bus: Bus, tenant: str = "t", session: str = "s1") -> Transcript:
    return await transcripts.of_session(bus, tenant, session) or Transcript(session=session)


async def numbers(bus: Bus) -> list[int]:
    found = await transcripts.held(bus, subjects.TRANSCRIPTS, subjects.TRANSCRIPT_ALL)
    entries = [transcripts.read(each.data) for each in found]
    return [entry.n for entry in entries if entry is not None]


async def written(it: History, session: str = "s1") -> None:
    async def all_of_it() -> bool:
        return not it.unwritten(session)

    await until(all_of_it)


@pytest.mark.parametrize("killed_after", [1, 12, 23, 24])
async def test_a_scheduler_killed_anywhere_leaves_a_whole_transcript(bus: Bus, killed_after: int) -> None:
    teller = Teller(targets=()).voice(1).quiet(1)
    story = [*teller.story, (teller.now, transcribed(1)), (teller.now, CloseRequested(after=teller.chunk - 1))]
    async with hosting(bus):
        await post_all(bus, story[:killed_after])
        await until(count(bus, 1 if killed_after < 24 else 2))
    async with hosting(bus) as second:
        await post_all(bus, story[killed_after:], killed_after)
        await until(count(bus, 3))
        await written(second._history)
    assert await numbers(bus) == [1, 2, 3]
    found = await kept(bus, "default")
    assert [line.text for line in found.lines] == [transcribed(1).text]
    assert found.ended > found.began > 0
    record = await transcripts.announced(bus, "default", "s1")
    assert record is not None
    assert (record.began, record.days) == (found.began, 7.0)


async def test_what_was_not_written_is_in_the_snapshot_and_written_by_who_takes_over(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> bool:
        raise NatsUnavailable("for a while")

    teller = Teller(targets=()).voice(1).quiet(1)
    with monkeypatch.context() as patched:
        patched.setattr(transcripts.Book, "add", away)
        async with hosting(bus):
            await post_all(bus, teller.story)
            await post(bus, transcribed(1), 900)
            await post(bus, CloseRequested(after=teller.chunk - 1), 901)
            await until(count(bus, 3))

            async def closed() -> bool:
                record = await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).get(subjects.session_key("s1"))
                return record is not None and [each.n for each in record.unwritten] == [1, 2, 3]

            await until(closed)
    assert await numbers(bus) == []
    for _ in range(2):
        async with hosting(bus) as later:

            async def whole() -> bool:
                return await numbers(bus) == [1, 2, 3]

            await until(whole)
            await written(later._history)


async def test_the_tenant_says_for_how_long_and_the_setting_for_the_others(bus: Bus) -> None:
    await Bucket(bus, subjects.TENANTS_KV, TenantRecord).put("none", TenantRecord(history_days=0))
    await Bucket(bus, subjects.TENANTS_KV, TenantRecord).put("long", TenantRecord(history_days=30))
    it = History(bus, SchedulerSettings(history_days=2))
    for tenant in ("none", "long", "other"):  # before anybody knows
        it.keep(SessionState(session=tenant, tenant=tenant), OPENED)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(it.run())
        for tenant in ("none", "long", "other"):
            await written(it, tenant)
        it.keep(SessionState(session="later", tenant="none"), OPENED)
        assert it.unwritten("later") == []
        running.cancel()
    found = [await transcripts.announced(bus, tenant, tenant) for tenant in ("none", "long", "other")]
    assert [each and each.days for each in found] == [None, 30, 2]
    assert (await kept(bus, "none", "none")).last == 0
    assert (await kept(bus, "long", "long")).last == 1
    job = Job(job="s1.1", session="s1", utterance=1, attempt=4, pool="p", source="en", pcm=b"", start=0, tenant="none")
    dead = DeadJob(
        job="s1.1", session="s1", utterance=1, pool="p", attempts=4, node="n", reason="", seconds=1.0, kept=True
    )  # fmt: skip
    long = msgspec.structs.replace(job, tenant="long")
    assert it.buried(dead, job) == (msgspec.structs.replace(dead, kept=False), None)
    assert it.buried(dead, long) == (dead, long)
    assert History(bus, SchedulerSettings()).buried(dead, long)[1] is None, "it is not known yet"
    message = await bus._js.get_last_msg(subjects.TRANSCRIPTS, subjects.transcript("long", "long"))
    assert message.headers is not None
    assert message.headers["Nats-TTL"] == str(30 * 24 * 3600)


async def test_a_tenants_change_counts_from_then_on(bus: Bus) -> None:
    tenants = Bucket(bus, subjects.TENANTS_KV, TenantRecord)
    async with writing(bus) as it:
        it.keep(STATE, OPENED)
        await written(it)
        await tenants.put("t", TenantRecord(history_days=0))
        await until(lambda: _days(it, 0))
        it.keep(STATE, final(2))
        await tenants.delete("t")
        await until(lambda: _days(it, 7))
        it.keep(STATE, final(3))
        await written(it)
    assert await numbers(bus) == [1, 3]


async def _days(it: History, days: float) -> bool:
    return it._days("t") == days


async def test_a_stream_that_is_full_costs_the_entry_and_nothing_else(bus: Bus) -> None:
    full = await bus._js.stream_info(subjects.TRANSCRIPTS)
    await bus._js.update_stream(full.config.evolve(max_bytes=400))
    teller = Teller(targets=()).voice(1).quiet(1)
    async with hosting(bus) as host:
        await post_all(bus, teller.story)
        await post(bus, transcribed(1), 900)
        await post(bus, CloseRequested(after=teller.chunk - 1), 901)
        await until(count(bus, 3))
        await written(host._history)
        assert host._history.counters["history_lost"] >= 1


async def test_more_than_may_wait_is_lost_and_counted(bus: Bus) -> None:
    it = History(bus, SchedulerSettings())
    for n in range(1, MOST_OF_ONE + 11):
        it.keep(STATE, final(n))
    assert len(it.unwritten("s1")) == MOST_OF_ONE
    assert it.counters["history_lost"] == 10


async def test_what_the_server_will_never_take_is_lost_and_the_rest_is_kept(bus: Bus) -> None:
    async with writing(bus) as it:
        it.keep(STATE, TranscriptFinal(n=1, utterance=1, text="x" * 5_000_000, language="en", start=0, end=1))
        it.keep(STATE, final(2))
        await written(it)
        assert it.counters == {"history_lost": 1, "history_kept": 1}
    assert await numbers(bus) == [2]


async def test_entries_wait_while_the_server_is_away(server: NatsServer, bus: Bus) -> None:
    async with writing(bus) as it:
        it.keep(STATE, OPENED)
        await written(it)
        server.kill()
        it.keep(STATE, final(2))
        it.keep(STATE, SessionClosed(n=3, reason="client", utterances=1))
        server.start()
        await written(it)
    assert await numbers(bus) == [1, 2, 3]


async def test_recordings_are_no_part_of_it(bus: Bus) -> None:
    it = History(bus, SchedulerSettings())
    it.keep(SessionState(session="s1", options=Options(recorded=True)), OPENED)
    assert it.unwritten("s1") == []


async def test_sessions_that_ended_elsewhere_are_forgotten(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.history.REMEMBERED", 3)
    async with writing(bus) as it:
        for number in range(8):
            it.keep(SessionState(session=f"s{number}", tenant="t"), OPENED)
            await written(it, f"s{number}")
        assert len(it._sessions) <= 3


def test_an_entry_is_what_the_snapshot_holds() -> None:
    entry = history.entry_of(OPENED, 5.0)
    entries: list[AnyEntry] = [entry] if entry is not None else []
    assert entries == [history.SessionBegan(n=1, at=5.0, source="en")]
