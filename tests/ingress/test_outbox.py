from __future__ import annotations

import asyncio

from ingress.outbox import LIVE_BYTES, MAX_BYTES, STUCK_S, Outbox


async def test_frames_come_out_as_they_went_in_and_none_at_the_end() -> None:
    outbox = Outbox()
    outbox.put("a")
    outbox.put(b"bc")
    outbox.put_live("d")
    outbox.finish()
    assert outbox.bytes == 4
    assert [await outbox.take() for _ in range(4)] == ["a", b"bc", "d", None]
    assert outbox.bytes == 0
    assert not outbox.busy


async def test_the_writer_waits_for_a_frame() -> None:
    outbox = Outbox()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        taking = group.create_task(outbox.take())
        group.create_task(_put(outbox))
    assert taking.result() == "late"


async def _put(outbox: Outbox) -> None:
    outbox.put("late")


def test_live_events_are_dropped_and_counted_where_much_waits() -> None:
    outbox = Outbox()
    outbox.put(bytes(LIVE_BYTES))
    outbox.put_live("x")
    outbox.put("y")
    assert (outbox.dropped, outbox.bytes) == (1, LIVE_BYTES + 1)


async def test_what_is_abandoned_is_not_sent() -> None:
    outbox = Outbox()
    outbox.put("a")
    outbox.abandon()
    assert (outbox.bytes, await outbox.take()) == (0, None)


def test_too_much_or_too_long_is_unread() -> None:
    outbox = Outbox()
    assert not outbox.unread(0)
    outbox.put(bytes(MAX_BYTES))
    assert not outbox.unread(0)
    outbox.put("x")
    assert outbox.unread(0)

    outbox = Outbox()
    outbox.sending_since = 100.0
    assert outbox.busy
    assert not outbox.unread(100 + STUCK_S)
    assert outbox.unread(100.1 + STUCK_S)
