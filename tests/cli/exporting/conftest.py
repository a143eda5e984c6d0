"""A database for each test, in one PostgreSQL for all of them; and what stands in it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests import postgres
from tests.postgres import Postgres
from wire.bus import Bus
from wire.history import AnyEntry, Rendered, Said, SessionBegan, SessionEnded
from wire.transcripts import Book

TABLES = ("sessions", "utterances", "translations")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    with postgres.running() as made:
        yield made


@dataclass
class Tables:
    """A database of its own."""

    cluster: Postgres
    name: str

    @property
    def dsn(self) -> str:
        return self.cluster.dsn.rpartition("/")[0] + "/" + self.name

    async def fetch(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Nothing, while there are no tables, or the server begins anew."""
        try:
            connection = await asyncpg.connect(self.dsn)
        except asyncpg.CannotConnectNowError:
            return []
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        except asyncpg.UndefinedTableError:
            return []
        finally:
            await connection.close()

    async def count(self) -> dict[str, int]:
        found = await self.fetch(
            " union all ".join(f"select '{table}', count(*) from dragoman.{table}" for table in TABLES)
        )
        return {str(name): int(number) for name, number in found}


@pytest.fixture
async def tables(cluster: Postgres) -> AsyncIterator[Tables]:
    name = "t" + uuid.uuid4().hex
    connection = await asyncpg.connect(cluster.dsn)
    await connection.execute(f"create database {name}")
    yield Tables(cluster, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


def story(session: str, lines: int) -> list[AnyEntry]:
    entries: list[AnyEntry] = [SessionBegan(n=1, at=5.0, source="en", targets=["fr"])]
    for number in range(1, lines + 1):
        entries.append(Said(n=2 * number, utterance=number, text=f"{number}", language="en", start=0, end=1))
        entries.append(Rendered(n=2 * number + 1, utterance=number, target="fr", text=f"fr {number}"))
    return [*entries, SessionEnded(n=2 * lines + 2, reason="client", utterances=lines)]


async def keep(bus: Bus, session: str, lines: int, tenant: str = "t") -> None:
    book = Book(bus, tenant, session, 0)
    for entry in story(session, lines):
        await book.add(entry, 7)
