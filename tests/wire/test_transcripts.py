"""Entries on a real server: once each, whoever writes them, and for as long as they are kept."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.waiting import until
from wire import subjects, topology, transcripts
from wire.bus import Bus
from wire.errors import NatsUnavailable, Stale
from wire.history import Erased, HistoryRecord, Rendered, Said, SessionBegan, SessionEnded, ended_at
from wire.transcripts import Book

RECORD = HistoryRecord(session="s1", began=5.0, days=7.0, source="en")


def said(n: int, text: str = "") -> Said:
    return Said(n=n, utterance=n, text=text or f"line {n}", language="en", start=n, end=n + 1)


async def lines(bus: Bus) -> list[str | None]:
    found = await transcripts.of_session(bus, "t", "s1")
    return [line.text for line in found.lines] if found is not None else []


async def test_entries_are_kept_once_whoever_writes_them(bus: Bus) -> None:
    first, second = Book(bus, "t", "s1"), Book(bus, "t", "s1")
    assert await first.add(said(1), 7)
    assert await first.add(said(3), 7)
    assert not await second.add(said(3), 7)
    assert await second.add(said(4), 7)
    assert not await first.add(said(4), 7)
    assert await first.add(said(6), 7)
    assert await lines(bus) == ["line 1", "line 3", "line 4", "line 6"]


async def test_two_that_write_the_same_at_once_write_it_once(bus: Bus) -> None:
    books = [Book(bus, "t", "s1") for _ in range(4)]
    for n in range(1, 6):
        await asyncio.gather(*(book.add(said(n), 7) for book in books))
    assert await lines(bus) == [f"line {n}" for n in range(1, 6)]


async def test_what_comes_late_stands_behind_the_last(bus: Bus) -> None:
    book = Book(bus, "t", "s1")
    assert not await book.add_late([said(1)], 7)
    await book.add(SessionEnded(n=9, reason="client", utterances=1), 7)
    assert await Book(bus, "t", "s1").add_late([said(1), said(2)], 7)
    found = await transcripts.of_session(bus, "t", "s1")
    assert found is not None
    assert ([line.text for line in found.lines], found.last) == (["line 1", "line 2"], 9)
    await bus.store(subjects.transcript("t", "s1"), Erased())
    assert not await book.add_late([said(3)], 7)
    assert not await book.add(said(12), 7)
    assert await transcripts.of_session(bus, "t", "s1") is None


async def test_whoever_is_always_too_late_is_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise Stale("somebody was first")

    book = Book(bus, "t", "s1")
    await book.add(said(1), 7)
    monkeypatch.setattr(bus, "store", refused)
    with pytest.raises(Stale):
        await book.add(said(2), 7)
    with pytest.raises(Stale):
        await book.add_late([said(2)], 7)


async def test_what_comes_late_takes_no_number_of_a_session_that_goes_on(bus: Bus) -> None:
    session = Book(bus, "t", "s1")
    await session.add(said(1), 7)
    assert await Book(bus, "t", "s1").add_late([said(5, "late"), said(6, "later")], 7)
    assert await session.add(said(2), 7)
    assert not await Book(bus, "t", "s1").add(said(2), 7)
    assert await lines(bus) == ["line 1", "line 2", "late", "later"]


async def test_what_comes_after_a_session_is_over_says_when_that_was(bus: Bus) -> None:
    session, late = Book(bus, "t", "s1"), Book(bus, "t", "s1")

    async def ended() -> float:
        last = await bus.last(subjects.TRANSCRIPTS, subjects.transcript("t", "s1"))
        assert last is not None
        return ended_at(transcripts.read(last.data), last.time)

    await session.add(said(1), 7)
    await late.add_late([said(1, "better")], 7)
    assert await ended() == 0
    await session.add(SessionEnded(n=9, reason="client", utterances=1), 7)
    at = await ended()
    assert at > 1e9
    for _ in range(2):
        await late.add_late([said(1, "best"), Rendered(n=0, utterance=1, target="fr", text="mieux")], 7)
        assert await ended() == at
    found = await transcripts.of_session(bus, "t", "s1")
    assert found is not None
    assert found.ended == pytest.approx(at, abs=0.001)


async def test_what_nobody_can_read_is_in_nobodys_way(bus: Bus) -> None:
    await bus.store(subjects.transcript("t", "s1"), b"\0")
    assert await Book(bus, "t", "s1").add(said(1), 7)
    assert await lines(bus) == ["line 1"]


async def test_entries_go_when_their_days_are_over(bus: Bus) -> None:
    day = 1 / topology.DAY_S
    await Book(bus, "t", "s1").add(said(1, "brief"), day)
    await Book(bus, "t", "s2").add(said(1), 7)

    async def gone() -> bool:
        return await bus.last(subjects.TRANSCRIPTS, subjects.transcript("t", "s1")) is None

    assert await lines(bus) == ["brief"]
    await until(gone)
    assert await bus.last(subjects.TRANSCRIPTS, subjects.transcript("t", "s2")) is not None


async def test_a_session_is_announced_once(bus: Bus) -> None:
    assert await transcripts.announced(bus, "t", "s1") is None
    await transcripts.announce(bus, "t", RECORD)
    await transcripts.announce(bus, "t", msgspec.structs.replace(RECORD, began=6.0))
    assert await transcripts.announced(bus, "t", "s1") == RECORD
    assert await transcripts.announced(bus, "other", "s1") is None


async def test_an_entry_of_a_later_version_is_passed_over(bus: Bus) -> None:
    book = Book(bus, "t", "s1")
    await book.add(SessionBegan(n=1, at=1.0, source="en"), 7)
    await bus.store(subjects.transcript("t", "s1"), b'{"type":"sung","n":2,"melody":"la"}')
    assert not await book.add(said(2), 7)
    assert await book.add(said(3), 7)
    assert await lines(bus) == ["line 3"]


async def test_reading_ends_though_nobody_answers(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    await Book(bus, "t", "s1").add(said(1), 7)

    async def silent(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(bus, "follow", silent)
    monkeypatch.setattr(transcripts, "READ_PATIENCE_S", 0.05)
    with pytest.raises(NatsUnavailable):
        await lines(bus)


async def test_what_a_stream_holds_is_read_up_to_now(bus: Bus) -> None:
    assert await transcripts.held(bus, subjects.TRANSCRIPTS, subjects.transcript("t", "s1")) == []
    for n in (1, 2, 3):
        await Book(bus, "t", "s1").add(said(n), 7)
        await Book(bus, "t", "s2").add(said(n), 7)
    assert await transcripts.sequences(bus, subjects.TRANSCRIPTS, subjects.transcript("t", "s2")) == [2, 4, 6]
