"""Many clients at once, through the real client library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cli import client
from cli.events import Event
from wire.protocol import StartRequest

OPENING_AT_ONCE = 20

Play = Callable[[client.Session, int], Awaitable[None]]
Listen = Callable[[int, Event], None]


def deaf(place: int, event: Event) -> None:
    """Hears nothing of what the server says."""


@asynccontextmanager
async def crowd(address: str, sessions: int, play: Play | None = None, listen: Listen = deaf) -> AsyncIterator[None]:
    """So many sessions, captions in the original only, open when the block begins and gone when it has ended.

    Once all are open, `play(session, place)` runs for each; `listen(place, event)` is called with all that it is told.
    """
    door, opened, all_open = asyncio.Semaphore(OPENING_AT_ONCE), asyncio.Semaphore(0), asyncio.Event()

    async def one(place: int) -> None:
        async with door:
            connecting = client.connect(address, StartRequest(source="en", speech=False))
            session = await connecting.__aenter__()
        try:
            opened.release()
            await all_open.wait()
            async with asyncio.TaskGroup() as group:
                if play is not None:
                    group.create_task(_run(play, session, place))
                async for event in session.events():
                    listen(place, event)
        finally:
            await connecting.__aexit__(None, None, None)

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(one(place)) for place in range(sessions)]
        for _ in clients:
            await opened.acquire()
        all_open.set()
        yield
        for each in clients:
            each.cancel()


async def _run(play: Play, session: client.Session, place: int) -> None:
    await play(session, place)
