"""One client's way down: what waits for it, the task that sends that, and the sign of life where there is nothing.

A connection that is open reads, looks after what is late, and writes, all at once, until there is a reason to end:
`run` is that.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from ingress import browser, endings
from ingress.endings import Ending
from ingress.outbox import Frame, Outbox
from wire.protocol import SessionAlive

ALIVE_S = 2.5
LAST_FRAME_S = 1.0

ALIVE = browser.write_event(SessionAlive())


class Downlink:
    """`end` is called with a reason to end, maybe more than once. `alive` is the sign of life, where the client's
    protocol has one."""

    def __init__(
        self, socket: web.WebSocketResponse, end: Callable[[Ending], None], alive: Frame | None = ALIVE
    ) -> None:
        self.outbox = Outbox()
        self._socket = socket
        self._end = end
        self._alive = alive
        self._told_at = math.inf

    def tell(self, frame: Frame) -> None:
        self.outbox.put(frame)
        if self.outbox.unread(time.monotonic()):
            self._end(endings.UNREAD)

    def beat(self, now: float) -> None:
        """A client cannot tell a server that has nothing to say from one that is gone: tell it. It may not ask, for a
        ping waits behind audio that is not read while the client is held back."""
        if self._alive is not None and now - self._told_at >= ALIVE_S and not self.outbox.busy:
            self.outbox.put_live(self._alive)

    async def run(
        self, ending: asyncio.Future[Ending], read: Coroutine[Any, Any, None], keep: Coroutine[Any, Any, None]
    ) -> tuple[Ending, bool]:
        """Until `ending` is there. Returns it, and whether the client could be told anything to the end."""
        async with asyncio.TaskGroup() as group:
            reading, keeping, writing = map(group.create_task, (read, keep, self._write()))
            reason = await ending
            reading.cancel()
            keeping.cancel()
            self.outbox.abandon()
            # Not cancelled at once: after a send that was cancelled, aiohttp cannot send any more.
            await asyncio.wait([writing], timeout=LAST_FRAME_S)
            heard = writing.done()
            writing.cancel()
        return reason, heard

    async def _write(self) -> None:
        outbox = self.outbox
        try:
            while (frame := await outbox.take()) is not None:
                outbox.sending_since = time.monotonic()
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)
                outbox.sending_since = None
                self._told_at = time.monotonic()
            self._end(endings.CLOSED)
        except ConnectionError:
            self._end(endings.LEFT)
