"""One open session, as seen from its client's socket.

Three tasks share it: `_read` takes what the client sends, the downlink's writes what is in the outbox, `keep` looks
after what is late. Whoever finds a reason to end calls `end`; then `run` cancels the three. What a message means is
decided elsewhere: `browser` reads it, `line` carries it to the actor and brings what the actor and the nodes answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
from aiohttp import WSMsgType, web

from ingress import browser, endings
from ingress.access import Caller, OverLimit
from ingress.admission.desk import Turn
from ingress.attendance import Attendance, put_into
from ingress.delivery import Outgoing, SpeechFrame
from ingress.demand import Demand
from ingress.downlink import Downlink
from ingress.endings import Ending
from ingress.entry import Entry
from ingress.line import LEAVING_S, Line
from ingress.pace import Pace
from ingress.seats import check_in_room
from ingress.shared import Ingress
from ingress.telling import is_own
from ingress.wishes import changed
from wire import metrics
from wire.audio import BYTES_PER_SAMPLE
from wire.errors import ClientError, LanguageUnsupported, NatsUnavailable, NoScheduler, ProtocolViolation
from wire.log import get
from wire.messages import (
    PlaybackEnded,
    PlaybackStarted,
)
from wire.protocol import (
    AnyClientRequest,
    CloseRequest,
    ErrorTold,
    FinalizeRequest,
    PlayedRequest,
    PlayingRequest,
    SeatRequest,
    SessionClosed,
    UpdateRequest,
)

log = get(__name__)

MAX_WRONG = 20
MIN_CHUNK_COST_S, CONTROL_COST_S = 0.001, 0.05
"""What a chunk at least, and a control message, counts against the speed limit, in seconds of audio."""


class Session(Line):
    """`end` is called with a reason to end, maybe more than once; the future that `run` is given then has the first.
    `attendance`: the session's place in a room.
    """

    def __init__(
        self,
        ingress: Ingress,
        socket: web.WebSocketResponse,
        entry: Entry,
        end: Callable[[Ending], None],
        caller: Caller,
        attendance: Attendance | None = None,
        turn: Turn | None = None,
    ) -> None:
        super().__init__(ingress, entry, end, turn)
        self._caller = caller
        self._socket = socket
        self._downlink = Downlink(socket, end)
        self._outbox = self._downlink.outbox
        self._attendance = attendance
        self._demand: Demand | None = None  # what the room asks for, until the actor is told
        self._pace = Pace(ingress.settings.max_speed, time.monotonic())
        self._opened_at = self._received_at = time.monotonic()
        self._wrong = 0
        self.heard = True
        """Whether the client could be told anything when the session ended."""

    async def run(self, ending: asyncio.Future[Ending]) -> None:
        """Until `ending` is there."""
        try:
            with self.connected():
                reason, self.heard = await self._downlink.run(ending, self._read(), self.keep())
        finally:
            if self._attendance is not None:
                self._attendance.part(self._socket.close_code, closed=self._outbox.finished)
        metrics.LIVE_EVENTS_DROPPED.inc(self._outbox.dropped)
        log.info(
            "session ended", session=self.id, close=reason.close, reason=reason.reason, chunks=self.uplink.chunks,
            seconds=round(time.monotonic() - self._opened_at, 1), live_events_dropped=self._outbox.dropped,
        )  # fmt: skip

    # --- up ---

    async def _read(self) -> None:
        try:
            await self.enter()
            if self._attendance is not None and self.entry.mail is not None:
                self._attendance.enter(self._downlink.tell, self._replaced, self._ask)
            while True:
                message = await self._socket.receive()
                match message.type:
                    case WSMsgType.BINARY:
                        await self._take_audio(message.data)
                    case WSMsgType.TEXT:
                        await self._take_text(message.data)
                    case _:
                        self.end(endings.LEFT)
                        return
                self._received_at = time.monotonic()
        except ProtocolViolation as error:
            self.end(Ending.because(endings.UNTRUSTED, error))
        except OverLimit as error:
            self.end(Ending.because(endings.TRY_LATER, error))
        except NatsUnavailable:
            self.end(endings.NO_NATS)
        except NoScheduler:
            self.end(endings.NO_SCHEDULER)
        except ConnectionError:  # aiohttp answers pings while it receives, and the client was gone before the answer
            self.end(endings.LEFT)

    async def _take_audio(self, frame: bytes) -> None:
        if self.closing:
            return
        number, pcm = browser.read_audio(frame)
        seconds = len(pcm) / (self.entry.sample_rate * BYTES_PER_SAMPLE)
        self._ingress.meter.audio(self._caller, seconds)
        await self.audio(number, pcm)
        await self._slow_down(max(MIN_CHUNK_COST_S, seconds))

    async def _take_text(self, text: str) -> None:
        """A wrong message is answered. Raises ProtocolViolation after too many of them."""
        try:
            request = browser.read_request(text)
            if isinstance(request, browser.OPENING):
                raise ProtocolViolation("the session is open already: send session.update", code="unknown_type")
        except ProtocolViolation as error:
            self._refuse(error)
            self._wrong += 1
            if self._wrong >= MAX_WRONG:
                raise ProtocolViolation(f"{MAX_WRONG} wrong messages are enough") from error
        else:
            try:
                await self._obey(request)
            except ClientError as error:
                self._refuse(error)
        await self._slow_down(CONTROL_COST_S)

    def _refuse(self, error: ClientError) -> None:
        self._outbox.put(browser.write_event(ErrorTold(code=error.code, message=str(error), retryable=error.retryable)))

    async def _slow_down(self, cost_s: float) -> None:
        """Not reading is what holds a fast sender back. With nothing to wait for, others have their turn: what a client
        sent in a burst would be taken without a pause."""
        await asyncio.sleep(self._pace.take(cost_s, time.monotonic()))

    async def _obey(self, request: AnyClientRequest) -> None:
        """Raises ClientError for what cannot be obeyed. After session.close nothing counts."""
        if self.closing:
            return
        match request:
            case UpdateRequest():
                await self._update(request)
            case FinalizeRequest():
                await self.finalize()
            case SeatRequest():
                if self._attendance is None:
                    raise ProtocolViolation("this session has no place in a room", code="unknown_type")
                self._attendance.update(request)
            case PlayingRequest(utterance=number, target=target, seconds=seconds, speaker=speaker):
                text = self._attendance.text(speaker, number, target) if self._attendance is not None else ""
                await self.send(
                    PlaybackStarted(utterance=number, target=target, seconds=seconds, speaker=speaker, text=text)
                )
            case PlayedRequest(utterance=number, target=target, speaker=speaker):
                await self.send(PlaybackEnded(utterance=number, target=target, speaker=speaker))
            case CloseRequest():
                await self.close()

    async def _update(self, request: UpdateRequest) -> None:
        room = self._attendance
        if room is not None:
            check_in_room(request)
            request = msgspec.structs.replace(request, targets=[], live=[], speech=False)
        wishes = changed(self.wishes, request)
        if room is not None:
            room.speaks(wishes.source)
            wishes = put_into(wishes, room.demand())
        refusal = self._ingress.fleet.refusal(
            self._ingress.settings.pool, wishes.source, wishes.targets, wishes.options.between
        )
        if refusal is not None:
            raise LanguageUnsupported(refusal)
        await self.ask_for(wishes)

    def _ask(self, demand: Demand) -> None:
        """What the others in the room want."""
        self._demand = demand
        self._stir.set()

    async def _heed(self) -> None:
        """Tell the actor what the others want, if it is something else."""
        demand, self._demand = self._demand, None
        if demand is None or self.closing:
            return
        if (wishes := put_into(self.wishes, demand)) != self.wishes:
            try:
                await self.ask_for(wishes, LEAVING_S)
            except NatsUnavailable:
                self._demand = self._demand or demand  # at the next tick

    # --- down ---

    def hear(self, piece: Outgoing) -> None:
        outbox = self._outbox
        if self._attendance is not None and not is_own(piece):
            return  # it is for the others, and the room brings it to them
        match piece:
            case SpeechFrame(utterance=utterance, target=target, chunk=chunk):
                outbox.put(browser.write_speech(utterance, target, chunk))
            case _ if piece.n == 0:
                outbox.put_live(browser.write_event(piece))
            case _:
                outbox.put(browser.write_event(piece))
                if isinstance(piece, SessionClosed):
                    outbox.finish()
        if outbox.unread(time.monotonic()):
            self.end(endings.UNREAD)

    # --- now and then ---

    def beat(self, now: float) -> None:
        self._downlink.beat(now)

    @property
    def busy(self) -> bool:
        return self.uplink.busy or self._outbox.busy

    async def tend(self, now: float) -> None:
        if self._outbox.unread(now):
            self.end(endings.UNREAD)
        elif now - self._received_at > self._ingress.settings.idle_timeout_s and not (self.closing or self.uplink.busy):
            self.end(endings.QUIET)
        await self._heed()
