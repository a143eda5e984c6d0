"""A client that waits in line: it is told its place, and may leave; there is nothing else to say yet.

One task reads its socket, and what it is told goes straight into the socket: a waiting client costs no task and no
buffer of its own. Nothing is put into the socket of a client that does not read; its pings stay unanswered then, and
the socket is closed by those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from ingress import browser, endings
from ingress.endings import Ending
from wire.errors import ProtocolViolation
from wire.protocol import CloseRequest, ErrorTold, QueueStatus

MAX_UNREAD = 16 * 1024
"""Bytes in the socket's buffer: far less than what makes a send wait."""
MAX_WRONG = 20


class Waiting:
    """`ended` says whether the connection is over; `end` is called with a reason to end it."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        ended: Callable[[], bool],
        end: Callable[[Ending], None],
    ) -> None:
        self.end = end
        self._socket = socket
        self._transport = transport
        self._ended = ended
        self._let_in = False
        self._patience: asyncio.Timeout | None = None
        self._wrong = 0

    async def wait(self) -> None:
        """Until it is let in, or the connection is over."""
        while not self._let_in and not self._ended():
            if (message := await self._next()) is None:
                continue
            match message.type:
                case WSMsgType.TEXT:
                    await self._take(message.data)
                case WSMsgType.BINARY:
                    self.end(endings.EARLY_AUDIO)
                case _:
                    self.end(endings.LEFT)

    async def _next(self) -> WSMessage | None:
        """None: somebody woke it."""
        try:
            async with asyncio.timeout(None) as self._patience:
                return await self._socket.receive()
        except TimeoutError:
            return None
        except ConnectionError:  # pings are answered while it is read, and the client was gone before the answer
            self.end(endings.LEFT)
            return None
        finally:
            self._patience = None

    def wake(self) -> None:
        """The connection may be over."""
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(0)

    async def _take(self, text: str) -> None:
        try:
            if isinstance(browser.read_request(text), CloseRequest):
                self.end(endings.CLOSED)
                return
            raise ProtocolViolation("the session is not open yet: wait for session.started", code="unknown_type")
        except ProtocolViolation as error:
            self._wrong += 1
            if self._wrong >= MAX_WRONG:
                enough = ProtocolViolation(f"{MAX_WRONG} wrong messages are enough")
                self.end(Ending.because(endings.UNTRUSTED, enough))
                return
            told = ErrorTold(code=error.code, message=str(error), retryable=error.retryable)
            await self._put(browser.write_event(told))

    # --- as the desk has it ---

    async def tell(self, status: QueueStatus) -> None:
        await self._put(browser.write_event(status))

    def come_in(self) -> None:
        self._let_in = True
        self.wake()

    async def _put(self, text: str) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > MAX_UNREAD:
            return
        try:
            await self._socket.send_str(text)
        except ConnectionError:
            self.end(endings.LEFT)
