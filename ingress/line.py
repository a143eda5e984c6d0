"""One session between this process and its actor: a way up, a way down, and what looks after both. No client is in it.

Whoever has a session - a browser's WebSocket, a door for other protocols, a recording - is a `Line` that says what is
done with what comes (`hear`) and what else is to be looked after now and then (`tend`). The rest is the same for all:

    with line.connected():      from here on the line is fed
        await line.enter()      the actor is told, and has answered
        await line.audio(…)     audio up, in order and without loss (`ingress.uplink`)
        await line.send(…)      control mail, behind the audio before it
        hear(piece)             what comes down, in order and without repeats (`ingress.feed`)
        await line.keep()       for ever, beside these: sends again what was lost, reads what was missed
    await line.leave()          tells the actor that the client has gone

A session may have had other connections before this one, and the newest is the one that counts. Another that comes back
after this one makes the actor tell `session.resumed` once more: then this one is replaced, and ends.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import msgspec

from ingress import endings
from ingress.admission.book import size_of
from ingress.admission.desk import Turn
from ingress.delivery import Delivery, Outgoing
from ingress.endings import Ending
from ingress.entry import Entry
from ingress.feed import END_OF_STREAM, SessionFeed
from ingress.shared import Ingress
from ingress.signal import Signal
from ingress.tracing import Told
from ingress.uplink import CONTROL_PATIENCE_S, Uplink
from ingress.wishes import Wishes
from wire import spans, subjects
from wire.errors import NatsUnavailable, NoScheduler
from wire.log import bound, get
from wire.messages import (
    ClientLeft,
    ClientMail,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    LanguagesChanged,
    SessionTerminated,
    decode,
)
from wire.protocol import AudioAck, SessionReady, SessionResumed

log = get(__name__)

SCHEDULER_S = 5.0
CLOSING_S = 90.0
STALLED_S = 60.0
BUSY_TICK_S, QUIET_TICK_S = 1.0, 5.0
LEAVING_S = 2.0


class Line:
    """`end` is called with a reason to end, maybe more than once: the first counts."""

    closing_s = CLOSING_S
    """How long what is left may take after the close."""

    def __init__(self, ingress: Ingress, entry: Entry, end: Callable[[Ending], None], turn: Turn | None = None) -> None:
        """`turn`: its place among those who were let in, where it needs one; it is as large as what is wished."""
        self.id = entry.session
        self.entry = entry
        self.wishes = entry.wishes
        self.uplink = Uplink(ingress.bus, self.id, entry.connection, entry.sample_rate, ingress.model)
        self._trace = Told(self.id) if spans.on() else None
        if self._trace is not None:
            self.uplink.arrivals = self._trace.arrivals
        self.end = end
        self._ingress = ingress
        self._turn = turn
        self._resize()
        self._stir = Signal()
        self._feed = SessionFeed(
            ingress.bus, self.id, self._come, self._stir.set, self._replaced,
            Delivery(entry.after, entry.heard) if entry.returns else None, entry.checkpoint,
        )  # fmt: skip
        self._entered_at = 0  # the place in the mailbox of what told the actor of this connection
        self._resumed: SessionResumed | None = None
        self._contested = False
        self._acknowledged = -1
        self._ready = Signal()
        self._relaxed = False
        self._closing_at: float | None = None

    # --- what each kind of line says for itself ---

    def hear(self, piece: Outgoing) -> None:
        """One thing that the client is to be told, in order."""
        raise NotImplementedError

    async def tend(self, now: float) -> None:
        """Called with each tick of `keep`, and soon after `stir`."""

    @property
    def busy(self) -> bool:
        """Whether `keep` has something to look after soon."""
        return self.uplink.busy

    # --- from beginning to end ---

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """What comes down is heard inside."""
        self._ingress.feed.enter(self.id, self._feed)
        if self.entry.returns:
            self._feed.hurry()
        try:
            with bound(session=self.id):
                yield
        finally:
            self._ingress.feed.leave(self.id, self._feed)

    async def enter(self) -> None:
        """Tell the actor, and wait until it says that audio may come. Raises NoScheduler, NatsUnavailable."""
        entry = self.entry
        if entry.mail is None:  # nothing but the rest of the events is left
            self._closing_at = time.monotonic()
            return
        self._entered_at = await self.uplink.send(entry.mail, SCHEDULER_S)
        if not await self._ready.wait_for(SCHEDULER_S):
            raise NoScheduler("no scheduler answers for the session")
        log.info(
            "session resumed" if entry.returns else "session opened",
            session=self.id, connection=entry.connection, source=entry.wishes.source, targets=entry.wishes.targets,
            speech=entry.wishes.speech, sample_rate=entry.sample_rate, after=entry.after,
        )  # fmt: skip

    async def leave(self) -> None:
        """Tell the actor that the client has gone, unless it said so itself or the actor was first."""
        if not self.closing:
            try:
                await self.uplink.send(ClientLeft(connection=self.entry.connection), LEAVING_S)
            except NatsUnavailable:
                log.info("the actor was not told that its client left", session=self.id)

    async def abandon(self) -> None:
        """Nobody waits for what is left: the session ends at once."""
        try:
            subject, mail = subjects.mailbox(self.id, "control"), SessionTerminated(reason="abandoned")
            await self._ingress.bus.store(subject, mail, id=f"{self.id}.abandoned", patience=LEAVING_S)
        except NatsUnavailable:
            log.info("the actor was not told that nobody waits any more", session=self.id)

    @property
    def closing(self) -> bool:
        """Nothing more may be sent."""
        return self._closing_at is not None

    # --- up ---

    async def audio(self, number: int, pcm: bytes) -> None:
        """Chunk `number`, PCM16 mono at the entry's sample rate; see `Uplink.audio`."""
        await self.uplink.audio(number, pcm)
        if self._relaxed:
            self._stir.set()

    async def send(self, mail: ClientMail, patience: float = CONTROL_PATIENCE_S) -> None:
        """Raises NatsUnavailable after `patience` seconds."""
        await self.uplink.send(mail, patience)
        self._feed.expect()

    async def finalize(self) -> None:
        """End the utterance that is running. Raises NatsUnavailable."""
        await self.send(FinalizeRequested(after=self.uplink.last_chunk))

    async def ask_for(self, wishes: Wishes, patience: float = CONTROL_PATIENCE_S) -> None:
        """From the next utterance on. Raises NatsUnavailable."""
        changes = LanguagesChanged(
            source=wishes.source, targets=wishes.targets, speech=wishes.speech, options=wishes.options
        )
        await self.send(changes, patience)
        self.wishes = wishes
        self._resize()

    def _resize(self) -> None:
        if self._turn is not None:
            self._turn.change(size_of(self.wishes))

    async def close(self) -> None:
        """No more audio comes: what is there is finished, then the session ends. Raises NatsUnavailable."""
        self._closing_at = time.monotonic()
        await self.send(CloseRequested(after=await self.uplink.finish()))

    def stir(self) -> None:
        """There is something to tend."""
        self._stir.set()

    # --- down ---

    def _come(self, piece: Outgoing) -> None:
        match piece:
            case AudioAck(chunk=chunk):
                of_client = self.uplink.acknowledge(chunk)
                if of_client < 0:
                    return
                self._acknowledged = of_client
                piece = AudioAck(chunk=of_client)
            case SessionReady():
                piece = msgspec.structs.replace(piece, token=self.entry.token)
                self._ready.set()
            case SessionResumed():  # stored ones may be overtaken by what was acknowledged after them
                told = msgspec.structs.replace(piece, next_chunk=max(piece.next_chunk, self._acknowledged + 1))
                self.hear(told)
                self._somebody_returned(piece)
                return
        self.hear(piece)
        if self._trace is not None:
            self._trace.handed(piece)

    def _somebody_returned(self, resumed: SessionResumed) -> None:
        """This client, or another that shows the same token, or this one when it tried before."""
        if resumed.n <= self.entry.newest:
            return
        mine = self._resumed
        if isinstance(self.entry.mail, ClientReturned) and mine is None:
            self._resumed = resumed
            self.uplink.begin(resumed.next_chunk, resumed.samples)
            self._ready.set()
        elif mine is not None and (mine.next_chunk, mine.samples) == (resumed.next_chunk, resumed.samples):
            self._contested = True
            self._stir.set()
        else:
            self._replaced()

    def _replaced(self) -> None:
        self.end(endings.REPLACED)

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

    async def keep(self) -> None:
        """For ever."""
        idle_s = self._ingress.settings.idle_timeout_s
        while True:
            now = time.monotonic()
            self._relaxed = not self.busy
            tick = QUIET_TICK_S if self._relaxed else BUSY_TICK_S
            await self._stir.wait_for(max(0.0, min(tick, idle_s / 4, self._feed.due - now)))
            now = time.monotonic()
            self._look(now)
            await self.uplink.keep(now)
            await self._feed.keep(now)
            await self.tend(now)
            if self._contested:
                await self._settle()

    def _look(self, now: float) -> None:
        """End what has been waiting for too long."""
        if self._ingress.nats_is_gone(now):
            self.end(endings.NO_NATS)
            return
        stalled = self.uplink.stalled(now) > STALLED_S and self._ingress.bus.connected
        overdue = self._closing_at is not None and now - self._closing_at > self.closing_s
        if stalled or overdue:
            self.end(endings.NO_SCHEDULER)
