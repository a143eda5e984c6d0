from __future__ import annotations

import asyncio
import builtins
import time
from typing import Any

import pytest

from cli.exporting import schema
from cli.exporting.database import Away, Database, Refused
from cli.exporting.rows import Exported
from tests.cli.exporting.conftest import Tables
from wire.errors import SettingsError
from wire.history import Said


def said(text: str = "hello") -> Exported:
    return Exported("t", "s1", time.time(), Said(n=2, utterance=1, text=text, language="en", start=0, end=1))


async def test_tables_are_made_once_by_however_many(tables: Tables) -> None:
    several = [Database(tables.dsn) for _ in range(4)]
    await asyncio.gather(*(each.connect() for each in several))
    assert await tables.fetch("select version from dragoman.schema_version") == [(len(schema.VERSIONS),)]
    assert all(each.connected for each in several)
    await asyncio.gather(*(each.close() for each in several))


async def test_tables_are_brought_up_to_date(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tables.dsn)
    await database.write([said()])
    monkeypatch.setattr(schema, "VERSIONS", (*schema.VERSIONS, "alter table dragoman.utterances add column note text"))
    await database.close()
    await database.connect()
    assert await tables.fetch("select text, note from dragoman.utterances") == [("hello", None)]
    assert await tables.fetch("select max(version) from dragoman.schema_version") == [(len(schema.VERSIONS),)]
    await database.close()


async def test_tables_of_a_later_version_are_left_alone(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tables.dsn)
    await database.connect()
    monkeypatch.setattr(schema, "VERSIONS", ())
    with pytest.raises(SettingsError, match="later"):
        await database.connect()
    await database.close()


@pytest.mark.parametrize(
    "wrong", ["u:s3cret@h", "postgresql://u:s3cret@h:port/d", "postgresql://u:s3cret@127.0.0.1,/d"]
)
async def test_an_address_that_is_none_is_not_quoted_with_its_password(wrong: str) -> None:
    with pytest.raises(SettingsError, match="postgres: ") as told:
        await Database(wrong).connect()
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    "wrong",
    ["nothing at all", "postgresql://dragoman@127.0.0.1:{port}/never", "postgresql://nobody@127.0.0.1:{port}/postgres"],
)
async def test_what_would_not_come_right_by_itself_is_said_at_once(tables: Tables, wrong: str) -> None:
    with pytest.raises(SettingsError, match="postgres"):
        await Database(wrong.format(port=tables.cluster.port)).connect()


async def test_a_database_that_is_away_is_away(tables: Tables) -> None:
    database = Database("postgresql://dragoman@127.0.0.1:1/postgres")
    with pytest.raises(Away):
        await database.write([said()])
    assert not database.connected
    await database.close()


async def test_what_it_refuses_is_refused_without_a_word_of_it(tables: Tables) -> None:
    database = Database(tables.dsn)
    await database.write([said()])
    much = Exported("t", "s1", time.time(), Said(n=3, utterance=2**40, text="secret", language="en", start=0, end=1))
    with pytest.raises(Refused) as refused:
        await database.write([said("another"), much])
    assert "secret" not in str(refused.value)
    assert database.connected
    assert await tables.fetch("select text from dragoman.utterances") == [("hello",)], "all or nothing"
    await database.close()


def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "asyncpg":
            raise ImportError(name)
        return plain(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"dragoman\[postgres\]"):
        Database("postgresql://x")
