"""Who is let in and who waits, with real schedulers and ingresses: there is room for two sessions.

The node is none: its record says what it can do and how fast. Nothing is said in these sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from actors.scheduler import Scheduler
from tests.cli.command import clean
from tests.ingress.access.doors import given
from tests.ingress.client import Client, connected, get, ingress, ready
from tests.ingress.stand_in import NODE, node
from tests.nats_server import NatsServer, free_port
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.kv import Bucket
from wire.records import AdmissionRecord, LineRecord

ROOM = 2
SLOW = msgspec.structs.replace(NODE, rtf={"asr/scripted": 0.6})
"""A session costs 0.6 x 0.6 slots, and 0.8 of the only one may be in use: room for two."""


@pytest.fixture
async def fleet(bus: Bus, server: NatsServer, client_timeout_s: float) -> AsyncIterator[NatsServer]:
    scheduler = Scheduler(bus, SchedulerSettings(client_timeout_s=client_timeout_s), "a")
    async with node(server.url, SLOW), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scheduler.run())
        admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)

        async def has_room() -> bool:
            record = await admission.get("default")
            return record is not None and not record.closed

        await until(has_room)
        yield server
        running.cancel()


@pytest.fixture
def client_timeout_s() -> float:
    """A session whose client is gone without a word, and its ingress with it, ends after so long."""
    return 60.0


@contextlib.asynccontextmanager
async def asking(*doors: tuple[str, str]) -> AsyncIterator[list[Client]]:
    """A client for each (URL, key) that has asked for a session and been answered: the first are in."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for url, key in doors:
            client = await stack.enter_async_context(connected(url, key))
            clients.append(client)
            await client.say("session.start", source="fr")
            awaited = {"session.started"} if len(clients) <= ROOM else {"session.started", "queue.status"}
            while not awaited & {event["type"] for event in client.events}:
                await client.more()
        yield clients


def place(client: Client) -> int:
    """0: it is in."""
    if any(event["type"] == "session.started" for event in client.events):
        return 0
    return int([event for event in client.events if event["type"] == "queue.status"][-1]["position"])


async def places(clients: list[Client], *expected: int) -> None:
    async def are_so() -> bool:
        return tuple(map(place, clients)) == expected

    try:
        await until(are_so, 30)
    except TimeoutError as error:
        raise AssertionError(f"{[place(client) for client in clients]}, not {expected}") from error


async def test_two_are_in_three_wait_and_who_leaves_makes_room_for_the_next(fleet: NatsServer) -> None:
    async with ingress(fleet.url) as url:
        await ready(url)
        async with asking(*[(url, "")] * 5) as clients:
            await places(clients, 0, 0, 1, 2, 3)
            await clients[0].say("session.close")
            assert await clients[0].closed() == 1000
            await places(clients[1:], 0, 0, 1, 2)
            clients[3].cut()
            await places([clients[1], clients[2], clients[4]], 0, 0, 1)


async def test_tenants_take_turns_wherever_they_wait(bus: Bus, fleet: NatsServer) -> None:
    a, b = await given(bus, "acme"), await given(bus, "bolt")
    async with ingress(fleet.url) as one, ingress(fleet.url) as two:
        await ready(one)
        await ready(two)
        async with asking((one, a), (two, a), (one, a), (two, a), (two, b), (one, b)) as clients:
            await places(clients, 0, 0, 3, 4, 1, 2)
            await clients[0].say("session.close")
            await places(clients[1:], 0, 1, 3, 0, 2)  # each has one: who came first is next


@pytest.mark.parametrize("client_timeout_s", [8.0])
async def test_the_places_of_an_ingress_that_died_are_free_after_a_while(bus: Bus, fleet: NatsServer) -> None:
    lines = Bucket(bus, subjects.LINES_KV, LineRecord)
    async with ingress(fleet.url) as url, own_process(fleet.url) as (doomed, pid):
        await ready(url)
        await ready(doomed)
        async with asking(*[(doomed, "")] * 3, (url, "")) as clients:
            await places(clients, 0, 0, 1, 2)
            os.kill(pid, signal.SIGKILL)
            await places(clients[3:], 0)
        assert len(await lines.items()) == 1


@contextlib.asynccontextmanager
async def own_process(nats_url: str) -> AsyncIterator[tuple[str, int]]:
    """An ingress of its own: its URL, and the process."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingress", "--nats-url", nats_url, "--port", str(port), env=clean()
    )
    url = f"http://127.0.0.1:{port}"

    async def listens() -> bool:
        with contextlib.suppress(aiohttp.ClientConnectorError):
            await get(url + "/healthz")
            return True
        return False

    try:
        await until(listens, 60)
        yield url, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
