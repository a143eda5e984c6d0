"""Where doors ask for room: whoever wants a session is let in at once, or waits in line until it is its turn.

    with desk.queue(tenant, size, waiter) as turn:      in, or in line: then `waiter` is told its place each second
        await …                                         until `turn.is_in`
        turn.change(size)                               the session asks for more or less
    async with desk.soon(tenant, size) as turn: …       for those who cannot be told to wait
    with desk.returning(tenant, size) as turn: …        a session that was let in before: it is in, room or none

The block is the session: with its end its place is free. One task, `run`, moves the line: it works out the order once
for all who wait, however many have come and gone, lets in whose turn it is and tells the others their places; another
tells the other processes what is in the book. Both are held to a pace, so that a crowd costs what a few cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from ingress import endings
from ingress.access.refusals import NoRoom
from ingress.admission.book import Book
from ingress.endings import Ending
from ingress.signal import Signal
from wire import subjects
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import NoScheduler, ProtocolViolation, Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.protocol import QueueStatus
from wire.records import AdmissionRecord, Held, LineRecord, SchedulerRecord, Ticket
from wire.topology import LEASE_TTL_S, LINE_RENEW_S

log = get(__name__)

STATUS_S = 1.0
"""Between two words to those who wait."""
PAUSE_S = 0.1
"""Between two looks at the line, and between two words to the other processes, however much happens."""
PATIENCE_S = 5.0
"""So long somebody waits for the first word of a scheduler."""
SOON_S = 2.0
"""So long waits who cannot be told of it: free room may be promised to another ingress, and a node that has just come
is not counted yet."""
UNRULED_S = 2.0
"""Schedulers that have said nothing of room for so long will not."""
SILENT_S = 2.0 * LEASE_TTL_S
"""Schedulers that have said nothing for so long are gone, all of them."""
SLEPT_S = 5.0 * STATUS_S
"""What is done each STATUS_S and comes so late says that this process was stopped: its host slept, or swaps."""
TICKET_BYTES = 5
"""Of ids, which tell tickets of all ingresses apart."""
AT_ONCE = 100
"""After so many have been told their places, others have their turn."""


class Waiter(Protocol):
    async def tell(self, status: QueueStatus) -> None:
        """Its place. Waits for nobody."""

    def come_in(self) -> None:
        """It is its turn."""

    @property
    def end(self) -> Callable[[Ending], None]:
        """There is nothing to wait for."""


class Silent:
    """Somebody who waits and is told nothing."""

    def __init__(self) -> None:
        self.is_in = asyncio.Event()

    async def tell(self, status: QueueStatus) -> None:
        pass

    def come_in(self) -> None:
        self.is_in.set()

    def end(self, ending: Ending) -> None:
        """It does not wait for long."""


class Turn:
    """One session's place: in line, or among those who are in."""

    __slots__ = ("_book", "_changed", "id", "is_in", "since", "size", "tenant", "told")

    def __init__(self, desk: Desk, id: str, tenant: str, size: Held) -> None:
        self.id = id
        self.tenant = tenant
        self.size = size
        self.since = time.monotonic()
        self.is_in = False
        self.told = False
        self._book, self._changed = desk.book, desk.changed

    def change(self, size: Held) -> None:
        """Of one who is in."""
        if size != self.size:
            self._book.release(self.tenant, self.size)
            self._book.hold(self.tenant, size)
            self.size = size
            self._changed()


class Desk:
    def __init__(self, settings: IngressSettings, bus: Bus, ingress: str) -> None:
        self.book = Book(ingress, settings.max_sessions)
        self._bus = bus
        self._pool = settings.pool
        self._max_waiting = settings.max_waiting
        self._key = subjects.line_key(settings.pool, ingress)
        self._admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)
        self._lines = Bucket(bus, subjects.LINES_KV, LineRecord)
        self._schedulers = Bucket(bus, subjects.SCHEDULERS_KV, SchedulerRecord)
        self._turns: dict[str, tuple[Turn, Waiter]] = {}
        self._came_at = 0.0
        self._stir, self._unsaid = Signal(), Signal()
        self._ruled = asyncio.Event()
        self._began_at = self._beat_at = self._sent_away_at = time.monotonic()

    # --- what doors ask ---

    def check(self, tenant: str) -> None:
        """Whether somebody new of this tenant could come in or wait. Raises NoRoom."""
        may_wait = self.book.may_wait(tenant, self._max_waiting)
        if not may_wait and not self.book.has_room(Held(sessions=1), time.monotonic()):
            raise self._full()

    @contextlib.contextmanager
    def queue(self, tenant: str, size: Held, waiter: Waiter) -> Iterator[Turn]:
        """Raises NoRoom where too many wait."""
        turn = self._turn(tenant, size)
        if self.book.has_room(size, time.monotonic()):
            self._enter(turn)
        elif not self.book.may_wait(tenant, self._max_waiting):
            raise self._full()
        else:
            self._turns[turn.id] = turn, waiter
            self._came_at = max(time.time(), self._came_at + 1e-6)  # who came first is first, within one moment, too
            ticket = Ticket(
                id=turn.id, tenant=tenant, since=round(self._came_at, 6), targets=size.targets, spoken=size.spoken
            )
            self.book.wait(ticket)
            self.changed()
        try:
            yield turn
        finally:
            self._leave(turn)

    @contextlib.asynccontextmanager
    async def soon(self, tenant: str, size: Held) -> AsyncIterator[Turn]:
        """Raises NoRoom where there is none within SOON_S, NoScheduler where nobody says how much there is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._ruled.wait()
        if not self._ruled.is_set():
            raise NoScheduler("no scheduler says how much room there is: try again")
        waiter = Silent()
        with self.queue(tenant, size, waiter) as turn:
            if not turn.is_in:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SOON_S):
                        await waiter.is_in.wait()
            if not turn.is_in:
                raise NoRoom(self.book.reason(), retry_after=self.book.retry_after())
            yield turn

    @contextlib.contextmanager
    def returning(self, tenant: str, size: Held) -> Iterator[Turn]:
        turn = self._turn(tenant, size)
        self._enter(turn)
        try:
            yield turn
        finally:
            self._leave(turn)

    def _turn(self, tenant: str, size: Held) -> Turn:
        return Turn(self, secrets.token_hex(TICKET_BYTES), tenant, size)

    def _enter(self, turn: Turn) -> None:
        self.book.hold(turn.tenant, turn.size)
        turn.is_in = True
        self.changed()

    def _leave(self, turn: Turn) -> None:
        if turn.is_in:
            self.book.release(turn.tenant, turn.size)
        else:
            self.book.leave(turn.id)
            self._turns.pop(turn.id, None)
        self.changed()

    def _full(self) -> NoRoom:
        return NoRoom(
            f"{self.book.crowd()} wait to be let in, and that is as many as may: try again later",
            retry_after=self.book.retry_after(),
        )

    def changed(self) -> None:
        """There is something to do, and to say."""
        self._stir.set()
        self._unsaid.set()

    # --- what happens ---

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._admission.follow(self._rule))
            group.create_task(self._lines.follow(self._hear))
            group.create_task(self._schedulers.follow(self._beat))
            group.create_task(self._say())
            await self._move()

    async def farewell(self) -> None:
        """Whom this ingress had is not here any more."""
        try:
            await self._lines.delete(self._key)
        except Unavailable:
            log.info("what was let in here goes from the record by itself")

    def _rule(self, pool: str, record: AdmissionRecord | None) -> None:
        if pool == self._pool and record is not None:
            self.book.obey(record)
            if self.book.ingress in record.limits or record.closed:
                self._ruled.set()
            self.changed()

    def _hear(self, key: str, record: LineRecord | None) -> None:
        pool, ingress = subjects.line_of_key(key)
        if pool == self._pool:
            self.book.hear(ingress, record, time.monotonic())

    def _beat(self, instance: str, record: SchedulerRecord | None) -> None:
        self._beat_at = time.monotonic()

    # --- the line ---

    async def _move(self) -> None:
        due = 0.0
        while True:
            await self._stir.wait_for(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self.book.forget(now)
            self._look(now)
            let_in, ahead = self.book.advance(now)
            for ticket in let_in:
                self._come_in(*self._turns.pop(ticket.id))
            is_due = now >= due
            if is_due:
                due = now + STATUS_S
                self._send_away(now)
            await self._tell([each for each in self._turns.values() if is_due or not each[0].told], ahead)
            await asyncio.sleep(PAUSE_S)

    def _look(self, now: float) -> None:
        """Whether anybody will say how much room there is."""
        if not self.book.unruled and self.book.admission is None and self._beat_at > self._began_at:
            self.book.unruled = now - self._began_at > UNRULED_S
            if self.book.unruled:
                log.warning("no scheduler says how much room there is: all are let in, up to max_sessions")
                self._ruled.set()

    def _come_in(self, turn: Turn, waiter: Waiter) -> None:
        turn.is_in = True
        waiter.come_in()
        self._unsaid.set()

    async def _tell(self, waiting: list[tuple[Turn, Waiter]], ahead: dict[str, int]) -> None:
        for number, (turn, waiter) in enumerate(waiting, 1):
            before = ahead.get(turn.id)
            if before is not None and turn.id in self._turns:
                turn.told = True
                await waiter.tell(QueueStatus(position=before + 1, ahead=before, eta_s=self.book.eta(before)))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _send_away(self, now: float) -> None:
        """Those who wait for a scheduler, where there is none."""
        if not self._bus.connected or now - self._sent_away_at > SLEPT_S:
            self._beat_at = now  # nobody can be heard, or nobody was while this process stood still
        self._sent_away_at = now
        if self.book.admission is not None and now - self._beat_at <= SILENT_S:
            return
        for turn, waiter in self._turns.values():
            if now - turn.since >= PATIENCE_S:
                waiter.end(endings.NO_SCHEDULER)

    # --- the record ---

    async def _say(self) -> None:
        while True:
            now = time.monotonic()
            try:
                await self._lines.put(self._key, self.book.record(), patience=LINE_RENEW_S)
                if self.book.lapsed(now):  # maybe others were given what was ours
                    await self._ask()
                    log.info("the line knows of this ingress", ingress=self.book.ingress)
                self.book.told(now)
                self._stir.set()
            except Unavailable as error:
                log.info("the line was not told of this ingress: again", reason=error.code)
                self._unsaid.set()
            await asyncio.sleep(PAUSE_S)
            await self._unsaid.wait_for(LINE_RENEW_S)

    async def _ask(self) -> None:
        """What is said of room, now that this ingress is known of. Raises NatsUnavailable."""
        try:
            record = await self._admission.get(self._pool)
        except ProtocolViolation as error:
            log.warning("what is said of room cannot be read", pool=self._pool, error=str(error))
        else:
            self._rule(self._pool, record)
