"""Waiting for what must happen: look, again and again, until a deadline. The one place in tests that sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

LOOK_S = 0.02


async def until(condition: Callable[[], Awaitable[bool]], patience: float = 20) -> None:
    """Raises TimeoutError if `condition` does not come true."""
    async with asyncio.timeout(patience):
        while not await condition():  # noqa: ASYNC110 - what is looked at may be on a server or in a process
            await asyncio.sleep(LOOK_S)


def until_now(condition: Callable[[], bool], patience: float = 20) -> None:
    """The same, blocking."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(5 * LOOK_S)


async def beats(seconds: float) -> AsyncIterator[None]:
    """A beat every so many seconds, for ever."""
    while True:
        await asyncio.sleep(seconds)
        yield
