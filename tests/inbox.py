"""A receiver that tests can wait on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from wire.bus import Bus, Delivered


class Inbox(list[Delivered]):
    """Keeps what it receives; `await inbox.until(5)` waits for five messages."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def __call__(self, message: Delivered) -> None:
        self.append(message)
        self._more.set()

    async def until(self, count: int, timeout: float = 20) -> None:
        async with asyncio.timeout(timeout):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def beside(work: Awaitable[None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` while the block runs. An error of it is raised in the block."""
    async with asyncio.TaskGroup() as group:

        async def run() -> None:
            await work

        task = group.create_task(run())
        yield task
        task.cancel()


def reconnected(bus: Bus) -> asyncio.Event:
    """Set when the connection is back."""
    event = asyncio.Event()
    bus.on_reconnect.append(event.set)
    return event


def disconnected(bus: Bus) -> asyncio.Event:
    """Set when the connection is seen to be lost."""
    event, told = asyncio.Event(), bus._nc._disconnected_cb

    async def tell() -> None:
        if told is not None:
            await told()
        event.set()

    bus._nc._disconnected_cb = tell
    return event


async def soon(event: asyncio.Event, timeout: float = 15) -> None:
    async with asyncio.timeout(timeout):
        await event.wait()
