"""An event for one waiter. asyncio.Event costs 800 bytes, for its queue of waiters; a connection has four of these."""

from __future__ import annotations

import asyncio


class Signal:
    """`wait` returns once `set` has been called, and takes the signal back."""

    __slots__ = ("_set", "_waiter")

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        while not self._set:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._set = False

    async def wait_for(self, seconds: float) -> bool:
        """As `wait`, but at most so long. Returns whether the signal came."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            return False
        return True
