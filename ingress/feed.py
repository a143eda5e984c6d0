"""What the streams tell, brought to each client's connection and to rooms. Two subscriptions serve a whole process.

A plain subscription costs next to nothing and may lose a message: while the connection to NATS is down, say. So each
`SessionFeed` reads from the stream EVENTS what is missing: when `ingress.delivery` sees a gap, when the connection is
back, and now and then, more and more rarely, while nothing comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ingress import events
from ingress.delivery import Delivery, Missing, Outgoing
from wire import newer, subjects
from wire.bus import Bus, Delivered
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.jobs import SpeechChunk
from wire.log import get
from wire.messages import decode

log = get(__name__)

POLL_S = 2.0
MAX_POLL_S = 30.0
GIVE_UP_S = 5.0
END_OF_STREAM = 2**60


class SessionFeed:
    """One session's way down. `send` is called with each piece that goes to the client, in order, and `displaced` when
    another connection of this process takes over.

    For a client that came back, `delivery` says what it has, and `checkpoint` the sequence in EVENTS up to which every
    event is among that.
    """

    def __init__(
        self,
        bus: Bus,
        session: str,
        send: Callable[[Outgoing], None],
        stir: Callable[[], None],
        displaced: Callable[[], None],
        delivery: Delivery | None = None,
        checkpoint: int = 0,
    ) -> None:
        self._bus = bus
        self._session = session
        self._send = send
        self._stir = stir
        self.displaced = displaced
        self._delivery = delivery or Delivery()
        self._checkpoint = checkpoint
        self._rejoins = delivery is not None  # speech was stored while nobody listened: read it
        self._poll_s = POLL_S
        self._poll_at = 0.0
        self._stuck: tuple[float, int, Missing] | None = None
        self.expect()

    def receive(self, utterance: int, target: str, data: bytes) -> None:
        """A message of this session as it was published: speech of this utterance and target or, with 0, an event."""
        self._take(utterance, target, data)
        if self._stuck is None and self._delivery.missing():
            self.hurry()

    def _take(self, utterance: int, target: str, data: bytes) -> None:
        try:
            if utterance:
                pieces = self._delivery.speech(utterance, target, decode(SpeechChunk, data))
            else:
                event = events.read(data)
                pieces = self._delivery.event(event)
                if event.n:
                    self.expect()
        except ProtocolViolation as error:
            if not newer.met("speech", error):
                told = {"session": self._session, "bytes": len(data), "error": str(error)}
                log.warning("a message for a client cannot be read", **told)
            return
        self._pass(pieces)

    def hold(self, count: int) -> None:
        """Keep up to so many bytes of speech whose turn has not come. What is beyond that is read from the stream when
        it comes, and the stream forgets."""
        self._delivery.max_held_bytes = count

    def expect(self) -> None:
        """Something is going on: look soon whether a message was lost."""
        self._poll_s = POLL_S
        self._poll_at = time.monotonic() + POLL_S

    def hurry(self) -> None:
        """Look now."""
        self._poll_at = 0.0
        self._stir()

    def _pass(self, pieces: list[Outgoing]) -> None:
        for piece in pieces:
            if not isinstance(piece, events.Unknown):
                self._send(piece)

    @property
    def due(self) -> float:
        """When `keep` wants to be called."""
        return self._poll_at

    async def keep(self, now: float) -> None:
        """Read what is missing, if it is time. What is still missing `GIVE_UP_S` later is gone: go on without it."""
        if now < self._poll_at:
            return
        if not self._bus.connected:
            self._poll_at = now + POLL_S  # `hurry` comes when it is back
            return
        self._poll_at = now + self._poll_s
        self._poll_s = min(MAX_POLL_S, 2 * self._poll_s)
        try:
            await self._catch_up()
        except NatsUnavailable as error:
            log.info("events could not be read: trying again", session=self._session, error=str(error))
            self.expect()
            return
        self._consider(self._delivery.missing(), now)

    def _consider(self, missing: Missing, now: float) -> None:
        if not missing:
            self._stuck = None
            return
        if self._stuck is None or self._stuck[1:] != (self._delivery.delivered, missing):
            self._stuck = (now, self._delivery.delivered, missing)
            self._poll_at = now  # it gets on: there may be more
            return
        self._poll_at = now + 0.5
        if now - self._stuck[0] >= GIVE_UP_S:
            log.error(
                "events or speech are gone from the stream", session=self._session, after=self._delivery.delivered
            )
            self._stuck = None
            self._pass(self._delivery.skip())

    async def _catch_up(self) -> None:
        """Read events after the last delivered one, then speech that has gaps or was not listened to."""
        subject = subjects.event(self._session)
        newest = await self._bus.last(subjects.EVENTS, subject)
        if newest is not None:
            event = events.read(newest.data)
            if event.n > self._delivery.delivered:
                for found in await self._bus.read(subjects.EVENTS, subject, self._checkpoint + 1, newest.sequence):
                    self._take(0, "", found.data)
            if event.n <= self._delivery.delivered:
                self._checkpoint = newest.sequence
        unheard = self._delivery.speaking if self._rejoins else ()
        for utterance, target in sorted({*self._delivery.missing().speech, *unheard}):
            subject = subjects.speech(self._session, utterance, target)
            for found in await self._bus.read(subjects.EVENTS, subject, 1, END_OF_STREAM):
                self._take(utterance, target, found.data)
        self._rejoins = False


class Feed:
    """All sessions of this process. `start` it once; a session is fed between `enter` and `leave`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.sessions: dict[str, SessionFeed] = {}
        self.readings: dict[str, SessionFeed] = {}
        """Sessions that a room here reads, for all of its members at once."""

    async def start(self) -> None:
        await self._bus.subscribe(subjects.STORED_ALL, self._route)
        await self._bus.subscribe(subjects.LIVE_ALL, self._route)
        self._bus.on_reconnect.append(self._reconnected)

    def enter(self, session: str, feed: SessionFeed) -> None:
        """The newest connection of a session is the one that is fed."""
        if (older := self.sessions.get(session)) is not None:
            older.displaced()
        self.sessions[session] = feed

    def leave(self, session: str, feed: SessionFeed) -> None:
        if self.sessions.get(session) is feed:
            del self.sessions[session]

    def _route(self, message: Delivered) -> None:
        session, utterance, target = subjects.addressee(subjects.unstored(message.subject))
        if (feed := self.sessions.get(session)) is not None:
            feed.receive(utterance, target, message.data)
        if (feed := self.readings.get(session)) is not None:
            feed.receive(utterance, target, message.data)

    def _reconnected(self) -> None:
        for session in (*self.sessions.values(), *self.readings.values()):
            session.hurry()
