from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from ingress.recordings.refusals import NotThere
from ingress.recordings.register import LEASE_S, Hold, Lost, Register, Seen, changed_to_cancelled, new_id
from ingress.signal import Signal
from tests.inbox import beside
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.records import RecordingRecord
from wire.topology import RECORDING_TTL_S

RECORD = RecordingRecord(id="rec-1", tenant="acme", state="waiting", created=1000.0)


@pytest.fixture
async def register(bus: Bus) -> AsyncIterator[Register]:
    made = Register(bus)
    async with beside(made.follow()):
        yield made


async def held(register: Register, record: RecordingRecord = RECORD) -> Hold:
    return await register.change(record.id, lambda _: record)


def test_ids_are_names_and_those_of_keys_are_their_tenants_own() -> None:
    assert subjects.token(new_id("acme")) != new_id("acme")
    assert new_id("acme", "k") == new_id("acme", "k")
    assert len({new_id("acme", "k"), new_id("other", "k"), new_id("acme", "l"), new_id("acme", "k", 1)}) == 4


async def test_of_many_who_change_a_record_each_sees_the_one_before(register: Register) -> None:
    await held(register)

    def one_more(found: RecordingRecord | None) -> RecordingRecord:
        assert found is not None
        return msgspec.structs.replace(found, attempt=found.attempt + 1)

    await asyncio.gather(*(register.change("rec-1", one_more) for _ in range(10)))
    assert (await register.get("rec-1", "acme")).attempt == 10


async def test_of_two_who_hold_a_recording_the_first_to_write_has_it(register: Register) -> None:
    one, other = await held(register), await register.change("rec-1", lambda found: found or RECORD)
    await one.save(state="running", owner="one")
    with pytest.raises(Lost):
        await other.save(state="running", owner="other")
    with pytest.raises(Lost):
        await other.delete()
    await one.save(heard=5.0)
    assert (await register.get("rec-1", "acme")).heard == 5.0
    await one.delete()
    with pytest.raises(NotThere):
        await register.get("rec-1", "acme")


async def test_a_write_that_was_cancelled_costs_nothing_whether_it_was_done_or_not(register: Register) -> None:
    hold = await held(register)
    for done in (False, True):
        writing = asyncio.ensure_future(hold.save(heard=1.0 + done))
        if done:

            async def seen() -> bool:
                return (await register.get("rec-1", "acme")).heard == 2.0

            await until(seen)
        writing.cancel()
        await asyncio.wait({writing})
        await hold.save(decoded=3.0)
    assert (await register.get("rec-1", "acme")).decoded == 3.0


async def test_a_write_that_was_cancelled_hides_nobody_elses(register: Register) -> None:
    hold = await held(register)
    writing = asyncio.ensure_future(hold.save(heard=1.0))
    await asyncio.wait({writing}, timeout=0)
    writing.cancel()
    await asyncio.wait({writing})
    await register.change("rec-1", lambda found: changed_to_cancelled(found or RECORD))
    with pytest.raises(Lost):
        await hold.save(heard=2.0)


async def test_what_is_somebody_elses_is_not_there(register: Register) -> None:
    await held(register)
    for id, tenant in [("rec-1", "other"), ("rec-2", "acme"), ("a.b", "acme"), ("", "acme")]:
        with pytest.raises(NotThere):
            await register.get(id, tenant)


async def test_changes_are_seen_and_told(register: Register) -> None:
    changed = Signal()
    with register.watching(changed):
        hold = await held(register)
        await until(lambda: _is("rec-1" in register.seen))
        assert await changed.wait_for(5)
        await held(register, msgspec.structs.replace(RECORD, id="rec-2", created=2000.0))
        await held(register, msgspec.structs.replace(RECORD, id="rec-3", tenant="other"))
        await until(lambda: _is(len(register.seen) == 3))
        assert [each.id for each in register.of_tenant("acme")] == ["rec-2", "rec-1"]
        await hold.delete()
        await until(lambda: _is("rec-1" not in register.seen))
    register.forget_expired(time.time() + RECORDING_TTL_S + 60)
    assert register.seen == {}


async def _is(condition: bool) -> bool:
    return condition


def test_an_owner_that_is_silent_for_long_has_died() -> None:
    running = Seen(msgspec.structs.replace(RECORD, state="running"), at=100.0, stamp=0.0)
    assert not running.abandoned(100 + LEASE_S)
    assert running.abandoned(101 + LEASE_S)
    assert not Seen(RECORD, at=0.0, stamp=0.0).abandoned(1000.0)


def test_what_was_cancelled_keeps_its_end_and_nothing_of_what_it_was() -> None:
    done = msgspec.structs.replace(RECORD, state="done", name="talk.wav", finished=1500.0, result="rec-1.1")
    cancelled = changed_to_cancelled(done)
    assert (cancelled.state, cancelled.name, cancelled.result, cancelled.finished) == ("cancelled", "", "", 1500.0)
    assert changed_to_cancelled(cancelled) is cancelled
    assert changed_to_cancelled(RECORD).finished > 1e9
