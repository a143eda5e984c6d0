"""From a real NATS into a real PostgreSQL: all rows once, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from cli.exporting import exporter as module
from cli.exporting.database import Database
from cli.exporting.exporter import Exporter
from tests import postgres
from tests.cli.command import clean
from tests.cli.exporting.conftest import Tables, keep
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.history import Erased, Said
from wire.transcripts import Book


@contextlib.asynccontextmanager
async def exporting(bus: Bus, dsn: str, batch: int = 50) -> AsyncIterator[Exporter]:
    """Until the block ends, in good order."""
    stop = asyncio.Event()
    database = Database(dsn)
    it = Exporter(bus, database, batch, stop)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(it.run())
        try:
            yield it
        finally:
            stop.set()
    await database.close()


def has(tables: Tables, sessions: int, lines: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return await tables.count() == {"sessions": sessions, "utterances": lines, "translations": lines}

    return enough


def acknowledged(bus: Bus) -> Callable[[], Awaitable[bool]]:
    async def all_of_it() -> bool:
        try:
            return await bus.waiting(subjects.TRANSCRIPTS, subjects.EXPORTER) == 0
        except NatsUnavailable:
            return False  # nobody has begun yet

    return all_of_it


async def test_everything_is_exported_and_deletes_follow(bus: Bus, tables: Tables) -> None:
    await keep(bus, "s1", 3)
    async with exporting(bus, tables.dsn) as it:
        await until(has(tables, 1, 3))
        await keep(bus, "s2", 2)
        await until(has(tables, 2, 5))
        await bus.store(subjects.transcript("t", "s1"), Erased())
        await until(has(tables, 1, 2))
        await until(acknowledged(bus))
        assert it.counters["written"] == 8 + 6 + 1
    assert await tables.fetch("select erased_at is not null, session from dragoman.erased") == [(True, "s1")]


async def test_several_share_the_work(bus: Bus, server: NatsServer, tables: Tables) -> None:
    async with (
        Bus.connect(server.url, "other") as other,
        exporting(bus, tables.dsn, 5) as one,
        exporting(other, tables.dsn, 5) as two,
    ):
        await asyncio.gather(*(keep(bus, f"s{number}", 10) for number in range(12)))
        await until(has(tables, 12, 120))
        await until(acknowledged(bus))
    assert one.counters["written"] + two.counters["written"] == 12 * 22
    assert min(one.counters["written"], two.counters["written"]) > 0


async def test_an_exporter_that_is_killed_loses_and_repeats_nothing(
    bus: Bus, server: NatsServer, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wire.topology.EXPORT_ACK_WAIT_S", 2.0)
    await asyncio.gather(*(keep(bus, f"s{number}", 40) for number in range(10)))
    command = ("-m", "cli", "export", "--nats-url", server.url, "--postgres", tables.dsn, "--batch", "20")
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, env=clean(), stdout=log, stderr=log)

    async def some() -> bool:
        assert process.returncode is None, (tmp_path / "log").read_text()
        return (await tables.count()).get("utterances", 0) > 20

    try:
        await until(some)
    finally:
        process.kill()
        await process.wait()
    assert (await tables.count())["utterances"] < 400, "it was killed in the middle"
    async with exporting(bus, tables.dsn):
        await until(has(tables, 10, 400))
        await until(acknowledged(bus))


async def test_postgres_may_be_killed_and_come_back(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.1)
    with postgres.running() as cluster:
        tables = Tables(cluster, "postgres")
        async with exporting(bus, tables.dsn, 20) as it:
            feeding = asyncio.gather(*(keep(bus, f"s{number}", 40) for number in range(10)))

            async def some() -> bool:
                return it.counters["written"] > 100

            await until(some)
            await asyncio.to_thread(cluster.kill)
            await feeding
            assert it.counters["written"] < 820
            await asyncio.to_thread(cluster.start)
            await until(has(tables, 10, 400), 40)
            await until(acknowledged(bus))


async def test_an_entry_that_postgres_refuses_does_not_hold_up_the_others(bus: Bus, tables: Tables) -> None:
    book = Book(bus, "t", "s1", 0)
    for n, utterance in ((1, 1), (2, 2**40), (3, 3)):
        await book.add(Said(n=n, utterance=utterance, text="x", language="en", start=0, end=1), 7)
    await bus.store(subjects.transcript("t", "s2"), b'{"type":"sung","n":1}')
    async with exporting(bus, tables.dsn) as it:
        await until(acknowledged(bus))
        assert it.counters == {"written": 2, "refused": 1, "unreadable": 1}
    assert await tables.fetch("select utterance from dragoman.utterances order by 1") == [(1,), (3,)]


async def test_who_is_asked_to_end_does_not_wait_for_postgres(bus: Bus) -> None:
    await keep(bus, "s1", 1)
    async with asyncio.timeout(5):
        async with exporting(bus, "postgresql://dragoman@127.0.0.1:1/postgres") as it:

            async def in_hand() -> bool:
                return it.taken == 4

            await until(in_hand)
    assert await bus.waiting(subjects.TRANSCRIPTS, subjects.EXPORTER) == 4
