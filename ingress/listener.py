"""A member of a room without a microphone, as seen from its client's socket: it has no session, and costs no model
anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import WSMsgType, web

from ingress import browser, endings
from ingress.attendance import Attendance
from ingress.downlink import Downlink
from ingress.endings import Ending
from ingress.shared import Ingress
from wire.errors import ClientError, ProtocolViolation
from wire.log import get
from wire.protocol import CloseRequest, ErrorTold, PlayedRequest, PlayingRequest, SeatRequest

log = get(__name__)

MAX_WRONG = 20
TICK_S = 5.0


class Listener:
    """`end` is called with a reason to end, maybe more than once; the future that `run` is given then has the first."""

    def __init__(
        self, ingress: Ingress, socket: web.WebSocketResponse, attendance: Attendance, end: Callable[[Ending], None]
    ) -> None:
        self._ingress = ingress
        self._socket = socket
        self._attendance = attendance
        self._downlink = Downlink(socket, end)
        self._end = end
        self._wrong = 0
        self.heard = True
        """Whether the client could be told anything when it ended."""

    def beat(self, now: float) -> None:
        self._downlink.beat(now)

    async def run(self, ending: asyncio.Future[Ending]) -> None:
        """Until `ending` is there."""
        began = time.monotonic()
        self._attendance.enter(self._downlink.tell, lambda: self._end(endings.REPLACED))
        try:
            reason, self.heard = await self._downlink.run(ending, self._read(), self._keep())
        finally:
            self._attendance.part(self._socket.close_code)
        log.info(
            "a listener left", member=self._attendance.member.member, close=reason.close, reason=reason.reason,
            seconds=round(time.monotonic() - began, 1),
        )  # fmt: skip

    async def leave(self) -> None:
        """Nobody else has to be told."""

    async def _read(self) -> None:
        try:
            while True:
                message = await self._socket.receive()
                match message.type:
                    case WSMsgType.TEXT:
                        self._take(message.data)
                    case WSMsgType.BINARY:
                        raise ProtocolViolation("a listener has no microphone: open a session to speak")
                    case _:
                        self._end(endings.LEFT)
                        return
        except ProtocolViolation as error:
            self._end(Ending.because(endings.UNTRUSTED, error))
        except ConnectionError:  # aiohttp answers pings while it receives, and the client was gone before the answer
            self._end(endings.LEFT)

    def _take(self, text: str) -> None:
        """A wrong message is answered. Raises ProtocolViolation after too many of them."""
        try:
            match browser.read_request(text):
                case SeatRequest() as request:
                    self._attendance.update(request)
                case CloseRequest():
                    self._attendance.leave()
                    self._downlink.outbox.finish()
                case PlayingRequest() | PlayedRequest():
                    pass  # no microphone could hear it
                case _:
                    raise ProtocolViolation("this is for speakers: open a session", code="unknown_type")
        except ClientError as error:
            told = ErrorTold(code=error.code, message=str(error), retryable=error.retryable)
            self._downlink.tell(browser.write_event(told))
            self._wrong += 1
            if self._wrong >= MAX_WRONG:
                raise ProtocolViolation(f"{MAX_WRONG} wrong messages are enough") from error

    async def _keep(self) -> None:
        """End what has been waiting for too long. A listener is silent by nature: pings tell whether it is there."""
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            if self._ingress.nats_is_gone(now):
                self._end(endings.NO_NATS)
            elif self._downlink.outbox.unread(now):
                self._end(endings.UNREAD)
