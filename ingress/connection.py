"""One client's WebSocket, from its first message to its close frame.

A connection asks for `session.start` or `session.resume`, checks whether there can be such a session, waits in line
where there is no room for it yet, lets an `ingress.session` run, and tells the client why it ended. Anybody may call
`end`; the first reason counts.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSMsgType, web

from ingress import browser, endings, entry, traffic
from ingress.access import Caller, Forbidden, NoRoom, OverLimit
from ingress.admission.book import size_of
from ingress.admission.desk import Turn
from ingress.admission.waiting import Waiting
from ingress.attendance import Attendance, put_into
from ingress.endings import Ending
from ingress.entry import Entry
from ingress.listener import Listener
from ingress.rooms import RoomFull, RoomUnknown, TooManyRooms
from ingress.session import Session
from ingress.shared import Ingress
from ingress.websocket import cut_off, say_goodbye
from ingress.wishes import Wishes
from wire.errors import ClientError, LanguageUnsupported, NatsUnavailable
from wire.log import get
from wire.protocol import JoinRequest, ResumeRequest, StartRequest

log = get(__name__)

OPENING_S = 10.0


class Connection:
    def __init__(
        self,
        ingress: Ingress,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        caller: Caller,
    ) -> None:
        self._ingress = ingress
        self._caller = caller
        self._socket = socket
        self._transport = transport
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._patience: asyncio.Timeout | None = None
        self._waiting: Waiting | None = None
        self._session: Session | Listener | None = None
        self._place = contextlib.ExitStack()
        """What is counted for the caller while it runs."""

    def end(self, ending: Ending) -> None:
        """The first reason counts."""
        if not self._ending.done():
            self._ending.set_result(ending)
            if self._patience is not None:
                self._patience.reschedule(0)
            if self._waiting is not None:
                self._waiting.wake()

    def beat(self, now: float) -> None:
        """About twice a second."""
        if self._session is not None:
            self._session.beat(now)

    async def run(self) -> None:
        """Serve the client until one side ends."""
        opening = await self._first_message()
        with self._place:
            session = self._session = await self._admit(opening) if opening is not None else None
            if session is not None:
                await session.run(self._ending)
            ending = await self._ending
        async with asyncio.TaskGroup() as group:  # neither may hold the other up
            if session is None or session.heard:
                last = browser.write_event(ending.error) if ending.error is not None else None
                group.create_task(say_goodbye(self._socket, self._transport, ending, last))
            elif self._transport is not None:
                cut_off(self._transport)
            if session is not None and ending is not endings.CLOSED:
                group.create_task(session.leave())
        if session is None:
            traffic.turned_away(ending)
            log.info("a connection ended without a session", close=ending.close, reason=ending.reason)

    async def _first_message(self) -> str | None:
        """Its text; None when there is none, and the connection ends."""
        message = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENING_S) as self._patience:
                message = await self._socket.receive()
        self._patience = None
        if message is None:
            self.end(endings.NO_OPENING)
        elif message.type is WSMsgType.TEXT:
            return str(message.data)
        elif message.type is WSMsgType.BINARY:
            self.end(endings.EARLY_AUDIO)
        else:
            self.end(endings.LEFT)
        return None

    async def _admit(self, opening: str) -> Session | Listener | None:
        """What the client asks for, or None when it cannot have it, and the connection ends."""
        admitted: Session | Listener | None = None
        try:
            request = browser.read_opening(opening)
            if self._caller.room and request.room is None:
                raise Forbidden("this token lets into one room: take a place in it (`room`)")
            match request:
                case StartRequest():
                    admitted = await self._start(request)
                case ResumeRequest():
                    admitted = await self._resume(request)
                case JoinRequest():
                    admitted = await self._join(request)
        except entry.SessionUnknown:
            self.end(endings.UNKNOWN)
        except RoomUnknown as error:
            self.end(Ending.because(endings.UNKNOWN_SESSION, error))
        except (RoomFull, TooManyRooms, OverLimit, NoRoom) as error:
            self.end(Ending.because(endings.TRY_LATER, error))
        except ClientError as error:
            close = endings.IMPOSSIBLE if browser.is_opening(opening) else endings.BAD_MESSAGE
            self.end(Ending.because(close, error))
        except NatsUnavailable:
            self.end(endings.NO_NATS)
        return None if self._ending.done() else admitted

    async def _start(self, request: StartRequest) -> Session | None:
        """Raises LanguageUnsupported, OverLimit, NoRoom, RoomUnknown, RoomFull, TooManyRooms, NatsUnavailable."""
        ingress = self._ingress
        if (unready := ingress.unready()) is not None:
            self.end(unready)
            return None
        refusal = ingress.fleet.refusal(ingress.settings.pool, request.source, request.targets, request.between)
        if refusal is not None:
            raise LanguageUnsupported(refusal)
        self._place.enter_context(ingress.meter.session(self._caller, self.end))
        way_in = entry.opened(request, ingress.id, ingress.settings.pool, self._caller.tenant)
        way_in, attendance = await self._seat(request, way_in)
        turn, has_waited = await self._queue(way_in.wishes)
        if has_waited and not self._ending.done():
            way_in, attendance = await self._seat(request, way_in)  # others may have come and gone
        return Session(ingress, self._socket, way_in, self.end, self._caller, attendance, turn)

    async def _seat(self, request: StartRequest, way_in: Entry) -> tuple[Entry, Attendance | None]:
        """Where it is asked for. Raises RoomUnknown, RoomFull, TooManyRooms, NatsUnavailable."""
        if request.room is None:
            return way_in, None
        attendance = await self._ingress.rooms.seat(
            request.room, self._caller, session=way_in.session, source=request.source
        )
        return entry.asking(way_in, put_into(way_in.wishes, attendance.demand())), attendance

    async def _queue(self, wishes: Wishes) -> tuple[Turn, bool]:
        """A place for such a session, and whether it had to be waited for; or the connection ends. Raises NoRoom."""
        waiting = Waiting(self._socket, self._transport, self._ending.done, self.end)
        turn = self._place.enter_context(self._ingress.desk.queue(self._caller.tenant, size_of(wishes), waiting))
        if turn.is_in:
            return turn, False
        self._waiting = waiting
        try:
            await waiting.wait()
        finally:
            self._waiting = None
        return turn, True

    async def _join(self, request: JoinRequest) -> Listener | None:
        """Raises OverLimit, RoomUnknown, RoomFull, TooManyRooms, NatsUnavailable."""
        ingress = self._ingress
        if (closed := ingress.closed_to_all()) is not None:
            self.end(closed)
            return None
        ingress.meter.request(self._caller)
        attendance = await ingress.rooms.seat(request.room, self._caller, token=request.token)
        self._place.enter_context(ingress.meter.watching(self._caller, self.end))
        return Listener(ingress, self._socket, attendance, self.end)

    async def _resume(self, request: ResumeRequest) -> Session | None:
        """Raises OverLimit, SessionUnknown, RoomUnknown, RoomFull, TooManyRooms, NatsUnavailable."""
        ingress = self._ingress
        if (unready := ingress.unready_for(request.session)) is not None:
            self.end(unready)
            return None
        ingress.meter.request(self._caller)
        way_in = await entry.returned(request, ingress.id, ingress.bus, self._caller.tenant)
        if self._transport is None or self._transport.is_closing():
            self.end(endings.LEFT)  # it has given up waiting, and may be back elsewhere: do not replace it there
            return None
        attendance = None
        if request.room is not None and way_in.mail is not None:
            seat, source = request.room, way_in.wishes.source
            attendance = await ingress.rooms.seat(seat, self._caller, session=request.session, source=source)
        self._place.enter_context(ingress.meter.returning(self._caller, self.end))
        turn = self._place.enter_context(ingress.desk.returning(self._caller.tenant, size_of(way_in.wishes)))
        return Session(ingress, self._socket, way_in, self.end, self._caller, attendance, turn)
