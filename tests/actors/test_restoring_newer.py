"""A partition comes back from a scheduler of a later version, and goes to one again."""

from __future__ import annotations

import msgspec

from actors.state import SessionRecord
from tests.actors.life import Teller
from tests.actors.test_host import hosting, post_all
from tests.actors.test_restoring import KEPT, folded
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket

KEY = subjects.session_key("s1")


async def test_a_session_whose_snapshot_is_of_a_later_version_is_left_to_those_who_know_it(bus: Bus) -> None:
    records = Bucket(bus, subjects.SESSIONS_KV, SessionRecord)
    async with hosting(bus, KEPT) as host:
        await post_all(bus, Teller().voice(1).story)
        await until(lambda: folded(bus, host))
        await host.stop()
    before = await records.get(KEY)
    assert before is not None
    later = bytes(before.state).replace(b'"session_record"', b'"session_record@2"')
    assert later != bytes(before.state)
    revision = await records.put(KEY, SessionRecord(state=msgspec.Raw(later)))
    async with hosting(bus, KEPT) as host:

        async def replayed() -> bool:
            return host._seen == await bus.newest(subjects.MAILBOX)

        await until(replayed)
        assert host.sessions == 0
        await host.stop()
    after = await records.entry(KEY)
    assert after is not None
    assert (bytes(after[0].state), after[1]) == (later, revision)


async def test_a_snapshot_that_is_none_costs_one_session_and_not_all(bus: Bus) -> None:
    async with hosting(bus, KEPT) as host:
        await post_all(bus, Teller().voice(1).story)
        await until(lambda: folded(bus, host))
        await host.stop()
    broken = subjects.session_key("s1").replace("s1", "s2")
    await Bucket(bus, subjects.SESSIONS_KV, SessionRecord).put(broken, SessionRecord(state=msgspec.Raw(b'{"n":"x"}')))
    async with hosting(bus, KEPT) as host:
        await until(lambda: folded(bus, host))


async def test_mail_of_a_later_version_is_passed_over(bus: Bus) -> None:
    async with hosting(bus, KEPT) as host:
        await post_all(bus, Teller().voice(1).story)
        await bus.store(subjects.mailbox("s1", "client"), b'{"type":"thought_read","text":"a"}')
        await until(lambda: folded(bus, host))
        assert host.counters["mail_dropped"] == 1
        await host.stop()
    async with hosting(bus, KEPT) as host:  # its audio is read again, past the same mail
        await until(lambda: folded(bus, host))
