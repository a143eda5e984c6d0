"""What sessions tell their clients, kept beside: the scheduler's hand at TRANSCRIPTS.

History never holds a session up. `keep` puts an entry into a queue and is done; `run` writes the queues down, each
session's in order. Until an entry is stored it is part of the session's snapshot (`unwritten`), so that whoever takes
over writes what its predecessor could not; and what that one did write is not written twice (`wire.transcripts.Book`).
An event that was told after the last snapshot is commanded again by the replay, and kept again with it.

    NATS is away            entries wait, MOST_OF_ONE of a session and MOST in all; what comes beyond that is lost
    the stream is full      the entry is lost
    its tenant keeps none   nothing is kept; who that is, is watched, and nothing is written before it is known

What is lost is counted and logged; the session goes on. Recordings are no part of it: they have results of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from actors.state import SessionState
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.errors import DragomanError, NatsUnavailable, Stale
from wire.history import AnyEntry, HistoryRecord, SessionBegan, SessionEnded, entry_of
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.protocol import ClientEvent
from wire.records import DeadJob, TenantRecord
from wire.transcripts import Book, announce

log = get(__name__)

MOST_OF_ONE, MOST = 500, 50_000
AT_ONCE = 16
"""Sessions that are written at the same time."""
RETRY_S = 1.0
PATIENCE_S = 5.0
REMEMBERED = 10_000
"""Sessions of which nothing waits are forgotten when there are more."""


class _Session:
    """`todo` has what is not stored yet."""

    __slots__ = ("book", "tenant", "todo")

    def __init__(self, tenant: str, book: Book) -> None:
        self.tenant = tenant
        self.book = book
        self.todo: list[AnyEntry] = []  # a deque takes 760 bytes to hold nothing


class History:
    """One for all sessions of a scheduler. `counters` has `history_kept` and `history_lost`."""

    def __init__(self, bus: Bus, settings: SchedulerSettings) -> None:
        self._bus = bus
        self._usual = settings.history_days
        self._tenants_kv = Bucket(bus, subjects.TENANTS_KV, TenantRecord)
        self._tenants: dict[str, TenantRecord] = {}
        self._known = asyncio.Event()
        self._sessions: dict[str, _Session] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting = 0
        self.counters: Counter[str] = Counter()

    # --- the session's side ---

    def keep(self, state: SessionState, event: ClientEvent) -> None:
        """`event` was told to the client of the session of this state."""
        entry = entry_of(event, state.opened_at)
        if entry is not None and not state.options.recorded:
            self.take_over(state, [entry])

    def take_over(self, state: SessionState, entries: Sequence[AnyEntry]) -> None:
        """These are to be stored, unless they are already: a predecessor may have come to it."""
        if not entries or (self._known.is_set() and self._days(state.tenant) <= 0):
            return
        name = state.session
        session = self._sessions.get(name)
        if session is None:
            self._forget_idle()
            session = self._sessions[name] = _Session(state.tenant, Book(self._bus, state.tenant, name))
        for entry in entries:
            if len(session.todo) >= MOST_OF_ONE or self._waiting >= MOST:
                self._lost(name, entry, "too much waits")
                continue
            session.todo.append(entry)
            self._waiting += 1
            if len(session.todo) == 1:
                self._ready.put_nowait(name)

    def buried(self, dead: DeadJob, job: Job | None) -> tuple[DeadJob, Job | None]:
        """What is kept of a job that was given up: no audio where its words would not be kept either."""
        if job is not None and self._known.is_set() and self._days(job.tenant) > 0:
            return dead, job
        return msgspec.structs.replace(dead, kept=False), None

    def unwritten(self, session: str) -> list[AnyEntry]:
        """What would be lost with this process."""
        found = self._sessions.get(session)
        return list(found.todo) if found is not None else []

    # --- writing ---

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                self._tenants |= await self._tenants_kv.items()
                break
            except NatsUnavailable as error:
                log.warning("history waits for NATS", error=str(error))
            await asyncio.sleep(RETRY_S)
        self._known.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tenants_kv.follow(self._limited), name="tenants")
            for number in range(AT_ONCE):
                group.create_task(self._work(), name=f"history-{number}")

    def _limited(self, tenant: str, record: TenantRecord | None) -> None:
        self._tenants.pop(tenant, None)
        if record is not None:
            self._tenants[tenant] = record

    def _days(self, tenant: str) -> float:
        own = self._tenants[tenant].history_days if tenant in self._tenants else None
        return self._usual if own is None else own

    async def _work(self) -> None:
        while True:
            name = await self._ready.get()
            session = self._sessions[name]
            entry, days = session.todo[0], self._days(session.tenant)
            try:
                if days > 0:
                    await self._write(name, session, entry, days)
            except (NatsUnavailable, Stale) as error:
                if error.retryable or isinstance(error, Stale):
                    log.info("history waits", session=name, reason=error.code)
                    await asyncio.sleep(RETRY_S)
                    self._ready.put_nowait(name)
                    continue
                self._lost(name, entry, str(error))
            except DragomanError as error:  # the stream is full
                self._lost(name, entry, str(error))
            del session.todo[0]
            self._waiting -= 1
            if session.todo:
                self._ready.put_nowait(name)
            elif isinstance(entry, SessionEnded):
                del self._sessions[name]

    async def _write(self, name: str, session: _Session, entry: AnyEntry, days: float) -> None:
        if isinstance(entry, SessionBegan):
            record = HistoryRecord(
                session=name, began=entry.at, days=days, source=entry.source, targets=entry.targets,
                between=entry.between,
            )  # fmt: skip
            await announce(self._bus, session.tenant, record)
        if await session.book.add(entry, days, patience=PATIENCE_S):
            self.counters["history_kept"] += 1

    def _lost(self, session: str, entry: AnyEntry, reason: str) -> None:
        self.counters["history_lost"] += 1
        log.warning("an entry of a transcript is lost", session=session, n=entry.n, reason=reason)

    def _forget_idle(self) -> None:
        """Sessions that another scheduler has by now end without a word."""
        if len(self._sessions) >= REMEMBERED:
            self._sessions = {name: each for name, each in self._sessions.items() if each.todo}
