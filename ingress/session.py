"""One open session, as seen from its client's socket.

Three tasks share it: `_read` takes what the client sends, `_write` sends what is in the outbox, `_keep` looks after
what is late. Whoever finds a reason to end calls `end`; then `run` cancels the three. What a message means is decided
elsewhere: `browser` reads it, `uplink` carries it to the actor, `feed` brings what the actor and the nodes answer.

A session may have had other connections before this one, and the newest is the one that counts. Another that comes back
after this one makes the actor tell `session.resumed` once more: then this one is replaced, and ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
from aiohttp import WSMsgType, web

from ingress import browser, endings
from ingress.attendance import Attendance, put_into
from ingress.delivery import Delivery, Outgoing, SpeechFrame
from ingress.demand import Demand
from ingress.downlink import Downlink
from ingress.endings import Ending
from ingress.entry import Entry
from ingress.feed import END_OF_STREAM, SessionFeed
from ingress.pace import Pace
from ingress.seats import check_in_room
from ingress.shared import Ingress
from ingress.signal import Signal
from ingress.telling import is_own
from ingress.uplink import CONTROL_PATIENCE_S, Uplink
from ingress.wishes import Wishes, changed
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE
from wire.errors import ClientError, LanguageUnsupported, NatsUnavailable, NoScheduler, ProtocolViolation
from wire.log import get
from wire.messages import (
    ClientLeft,
    ClientMail,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    LanguagesChanged,
    PlaybackEnded,
    PlaybackStarted,
    decode,
)
from wire.protocol import (
    AnyClientRequest,
    AudioAck,
    CloseRequest,
    ErrorTold,
    FinalizeRequest,
    PlayedRequest,
    PlayingRequest,
    SeatRequest,
    SessionClosed,
    SessionReady,
    SessionResumed,
    UpdateRequest,
)

log = get(__name__)

SCHEDULER_S = 5.0
CLOSING_S = 90.0
STALLED_S = 60.0
BUSY_TICK_S, QUIET_TICK_S = 1.0, 5.0
LEAVING_S = 2.0
MAX_WRONG = 20
MIN_CHUNK_COST_S, CONTROL_COST_S = 0.001, 0.05
"""What a chunk at least, and a control message, counts against the speed limit, in seconds of audio."""


class Session:
    """`end` is called with a reason to end, maybe more than once; the future that `run` is given then has the first.
    `attendance`: the session's place in a room.
    """

    def __init__(
        self,
        ingress: Ingress,
        socket: web.WebSocketResponse,
        entry: Entry,
        end: Callable[[Ending], None],
        attendance: Attendance | None = None,
    ) -> None:
        self.id = entry.session
        self._ingress = ingress
        self._socket = socket
        self._entry = entry
        self._wishes = entry.wishes
        self._sample_rate = entry.sample_rate
        self._uplink = Uplink(ingress.bus, self.id, entry.connection, entry.sample_rate, ingress.model)
        self._downlink = Downlink(socket, end)
        self._outbox = self._downlink.outbox
        self._attendance = attendance
        self._demand: Demand | None = None  # what the room asks for, until the actor is told
        self._stir = Signal()
        self._feed = SessionFeed(
            ingress.bus, self.id, self._tell, self._stir.set, self._replaced,
            Delivery(entry.after, entry.heard) if entry.returns else None, entry.checkpoint,
        )  # fmt: skip
        self._entered_at = 0  # the place in the mailbox of what told the actor of this connection
        self._resumed: SessionResumed | None = None
        self._contested = False
        self._acknowledged = -1
        self._pace = Pace(ingress.settings.max_speed, time.monotonic())
        self._ready = Signal()
        self._relaxed = False
        self._opened_at = self._received_at = time.monotonic()
        self._closing_at: float | None = None
        self._wrong = 0
        self._end = end
        self.heard = True
        """Whether the client could be told anything when the session ended."""

    async def run(self, ending: asyncio.Future[Ending]) -> None:
        """Until `ending` is there."""
        self._ingress.feed.enter(self.id, self._feed)
        if self._entry.returns:
            self._feed.hurry()
        try:
            reason, self.heard = await self._downlink.run(ending, self._read(), self._keep())
        finally:
            self._ingress.feed.leave(self.id, self._feed)
            if self._attendance is not None:
                self._attendance.part(self._socket.close_code, closed=self._outbox.finished)
        log.info(
            "session ended", session=self.id, close=reason.close, reason=reason.reason, chunks=self._uplink.chunks,
            seconds=round(time.monotonic() - self._opened_at, 1), live_events_dropped=self._outbox.dropped,
        )  # fmt: skip

    async def leave(self) -> None:
        """Tell the actor that the client has gone, unless it said so itself or the actor was first."""
        if self._closing_at is None:
            try:
                await self._uplink.send(ClientLeft(connection=self._entry.connection), LEAVING_S)
            except NatsUnavailable:
                log.info("the actor was not told that its client left", session=self.id)

    # --- up ---

    async def _read(self) -> None:
        try:
            await self._enter()
            while True:
                message = await self._socket.receive()
                match message.type:
                    case WSMsgType.BINARY:
                        await self._take_audio(message.data)
                    case WSMsgType.TEXT:
                        await self._take_text(message.data)
                    case _:
                        self._end(endings.LEFT)
                        return
                self._received_at = time.monotonic()
        except ProtocolViolation as error:
            self._end(Ending.because(endings.UNTRUSTED, error))
        except NatsUnavailable:
            self._end(endings.NO_NATS)
        except NoScheduler:
            self._end(endings.NO_SCHEDULER)
        except ConnectionError:  # aiohttp answers pings while it receives, and the client was gone before the answer
            self._end(endings.LEFT)

    async def _enter(self) -> None:
        """Tell the actor, and wait until it says that audio may come. Raises NoScheduler, NatsUnavailable."""
        entry = self._entry
        if entry.mail is None:  # nothing but the rest of the events is left
            self._closing_at = time.monotonic()
            return
        self._entered_at = await self._uplink.send(entry.mail, SCHEDULER_S)
        if not await self._ready.wait_for(SCHEDULER_S):
            raise NoScheduler("no scheduler answers for the session")
        log.info(
            "session resumed" if entry.returns else "session opened",
            session=self.id, connection=entry.connection, source=entry.wishes.source, targets=entry.wishes.targets,
            speech=entry.wishes.speech, sample_rate=self._sample_rate, after=entry.after,
        )  # fmt: skip
        if self._attendance is not None:
            self._attendance.enter(self._downlink.tell, self._replaced, self._ask)

    async def _take_audio(self, frame: bytes) -> None:
        if self._closing_at is not None:
            return
        number, pcm = browser.read_audio(frame)
        await self._uplink.audio(number, pcm)
        if self._relaxed:
            self._stir.set()
        await self._slow_down(max(MIN_CHUNK_COST_S, len(pcm) / (self._sample_rate * BYTES_PER_SAMPLE)))

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
        if self._closing_at is not None:
            return
        uplink = self._uplink
        match request:
            case UpdateRequest():
                await self._update(request)
            case FinalizeRequest():
                await uplink.send(FinalizeRequested(after=uplink.last_chunk))
            case SeatRequest():
                if self._attendance is None:
                    raise ProtocolViolation("this session has no place in a room", code="unknown_type")
                self._attendance.update(request)
            case PlayingRequest(utterance=number, target=target, seconds=seconds, speaker=speaker):
                text = self._attendance.text(speaker, number, target) if self._attendance is not None else ""
                await uplink.send(
                    PlaybackStarted(utterance=number, target=target, seconds=seconds, speaker=speaker, text=text)
                )
            case PlayedRequest(utterance=number, target=target, speaker=speaker):
                await uplink.send(PlaybackEnded(utterance=number, target=target, speaker=speaker))
            case CloseRequest():
                self._closing_at = time.monotonic()
                await uplink.send(CloseRequested(after=await uplink.finish()))
        self._feed.expect()

    async def _update(self, request: UpdateRequest) -> None:
        room = self._attendance
        if room is not None:
            check_in_room(request)
            request = msgspec.structs.replace(request, targets=[], live=[], speech=False)
        wishes = changed(self._wishes, request)
        if room is not None:
            room.speaks(wishes.source)
            wishes = put_into(wishes, room.demand())
        refusal = self._ingress.fleet.refusal(
            self._ingress.settings.pool, wishes.source, wishes.targets, wishes.options.between
        )
        if refusal is not None:
            raise LanguageUnsupported(refusal)
        await self._ask_for(wishes)

    async def _ask_for(self, wishes: Wishes, patience: float = CONTROL_PATIENCE_S) -> None:
        """Of the actor. Raises NatsUnavailable."""
        changes = LanguagesChanged(
            source=wishes.source, targets=wishes.targets, speech=wishes.speech, options=wishes.options
        )
        await self._uplink.send(changes, patience)
        self._wishes = wishes

    def _ask(self, demand: Demand) -> None:
        """What the others in the room want."""
        self._demand = demand
        self._stir.set()

    async def _heed(self) -> None:
        """Tell the actor what the others want, if it is something else."""
        demand, self._demand = self._demand, None
        if demand is None or self._closing_at is not None:
            return
        if (wishes := put_into(self._wishes, demand)) != self._wishes:
            try:
                await self._ask_for(wishes, LEAVING_S)
            except NatsUnavailable:
                self._demand = self._demand or demand  # at the next tick

    # --- down ---

    def _tell(self, piece: Outgoing) -> None:
        """One thing that the client is to be told, in order."""
        outbox = self._outbox
        if self._attendance is not None and not is_own(piece):
            return  # it is for the others, and the room brings it to them
        match piece:
            case SpeechFrame(utterance=utterance, target=target, chunk=chunk):
                outbox.put(browser.write_speech(utterance, target, chunk))
            case AudioAck(chunk=chunk):
                of_client = self._uplink.acknowledge(chunk)
                if of_client >= 0:
                    self._acknowledged = of_client
                    outbox.put_live(browser.write_event(AudioAck(chunk=of_client)))
            case _ if piece.n == 0:
                outbox.put_live(browser.write_event(piece))
            case SessionReady():
                outbox.put(browser.write_event(msgspec.structs.replace(piece, token=self._entry.token)))
                self._ready.set()
            case SessionResumed():  # stored ones may be overtaken by what was acknowledged after them
                next_chunk = max(piece.next_chunk, self._acknowledged + 1)
                outbox.put(browser.write_event(msgspec.structs.replace(piece, next_chunk=next_chunk)))
                self._somebody_returned(piece)
            case SessionClosed():
                outbox.put(browser.write_event(piece))
                outbox.finish()
            case _:
                outbox.put(browser.write_event(piece))
        if outbox.unread(time.monotonic()):
            self._end(endings.UNREAD)

    def _somebody_returned(self, resumed: SessionResumed) -> None:
        """This client, or another that shows the same token, or this one when it tried before."""
        if resumed.n <= self._entry.newest:
            return
        mine = self._resumed
        if isinstance(self._entry.mail, ClientReturned) and mine is None:
            self._resumed = resumed
            self._uplink.begin(resumed.next_chunk, resumed.samples)
            self._ready.set()
        elif mine is not None and (mine.next_chunk, mine.samples) == (resumed.next_chunk, resumed.samples):
            self._contested = True
            self._stir.set()
        else:
            self._replaced()

    def _replaced(self) -> None:
        self._end(endings.REPLACED)

    async def _settle(self) -> None:
        """Two returns were answered alike, with no audio between them: was the second one later than this one?

        (Where no scheduler was there for a while, all who tried meanwhile are answered at once.)
        """
        self._contested = False
        subject = subjects.mailbox(self.id, "client")
        try:
            later = await self._ingress.bus.read(subjects.MAILBOX, subject, self._entered_at + 1, END_OF_STREAM)
        except NatsUnavailable:
            self._contested = True  # look again at the next tick
            return
        if any(isinstance(decode(ClientMail, found.data), ClientReturned) for found in later):
            self._replaced()

    # --- now and then ---

    def beat(self, now: float) -> None:
        self._downlink.beat(now)

    async def _keep(self) -> None:
        idle_s = self._ingress.settings.idle_timeout_s
        while True:
            now = time.monotonic()
            self._relaxed = not (self._uplink.busy or self._outbox.busy)
            tick = QUIET_TICK_S if self._relaxed else BUSY_TICK_S
            await self._stir.wait_for(max(0.0, min(tick, idle_s / 4, self._feed.due - now)))
            now = time.monotonic()
            self._look(now)
            await self._uplink.keep(now)
            await self._feed.keep(now)
            await self._heed()
            if self._contested:
                await self._settle()

    def _look(self, now: float) -> None:
        """End what has been waiting for too long."""
        if self._ingress.nats_is_gone(now):
            self._end(endings.NO_NATS)
        elif self._outbox.unread(now):
            self._end(endings.UNREAD)
        elif self._uplink.stalled(now) > STALLED_S and self._ingress.bus.connected:
            self._end(endings.NO_SCHEDULER)
        elif self._closing_at is not None:
            if now - self._closing_at > CLOSING_S:
                self._end(endings.NO_SCHEDULER)
        elif now - self._received_at > self._ingress.settings.idle_timeout_s and not self._uplink.busy:
            self._end(endings.QUIET)
