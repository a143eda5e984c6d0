"""The process: what it says of itself, and how it ends."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from cli.exporting.main import serve
from tests.cli.command import dragoman
from tests.cli.exporting.conftest import Tables, keep
from tests.nats_server import NatsServer, free_port
from tests.waiting import until
from wire.bus import Bus
from wire.env import ExporterSettings
from wire.errors import SettingsError


async def test_it_says_what_it_has_done_and_ends_when_it_is_asked(server: NatsServer, bus: Bus, tables: Tables) -> None:
    await keep(bus, "s1", 2)
    stop = asyncio.Event()
    port = free_port()
    settings = ExporterSettings(nats_url=server.url, postgres=tables.dsn, monitor_port=port)

    async def told(path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, await answer.text()

    async def exported() -> bool:
        try:
            return 'dragoman_export_entries_total{outcome="written"} 6.0' in (await told("/metrics"))[1]
        except aiohttp.ClientError:
            return False

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(settings, stop))
        await until(exported)
        assert "dragoman_export_database_connected 1.0" in (await told("/metrics"))[1]
        assert (await told("/readyz"))[0] == 200
        stop.set()
        await serving
    assert await tables.count() == {"sessions": 1, "utterances": 2, "translations": 2}


async def test_a_wrong_address_ends_it(server: NatsServer, bus: Bus, tables: Tables) -> None:
    await keep(bus, "s1", 1)
    settings = ExporterSettings(nats_url=server.url, postgres=tables.dsn + "-not")
    with pytest.raises(SettingsError, match="does not exist"):
        await serve(settings, asyncio.Event())


async def test_without_an_address_it_is_said_what_is_missing(server: NatsServer) -> None:
    ended = await dragoman("export", "--nats-url", server.url)
    assert ended.code == 2
    assert "--postgres" in ended.complaint
