"""The stream TRANSCRIPTS: how entries (wire.history) get into it, once each, and out again.

An entry is appended with the expectation that the one before it is its subject's last: a second owner's append is
refused, and whoever is refused looks what is there. What has a number that is there already has been stored, by
whomever; what nobody can read has none. Each message goes by itself when the days are over for which its tenant keeps
it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence

import msgspec

from wire import schema, subjects, topology
from wire.bus import Bus, Delivered
from wire.errors import NatsUnavailable, ProtocolViolation, Stale
from wire.history import (
    ERASED,
    AnyEntry,
    Entry,
    Erased,
    HistoryRecord,
    Rendered,
    Said,
    Transcript,
    ended_at,
    gathered,
)
from wire.kv import Bucket
from wire.log import get
from wire.messages import decode

log = get(__name__)

UNKNOWN = -1
TRIES = 5
READ_PATIENCE_S = 20.0


class Book:
    """One session's entries. `n` is the number of the last, UNKNOWN until it was looked up."""

    def __init__(self, bus: Bus, tenant: str, session: str, n: int = UNKNOWN) -> None:
        self._bus = bus
        self._session = session
        self._subject = subjects.transcript(tenant, session)
        self._sequence = 0
        self.n = n

    async def add(self, entry: Entry, days: float, *, patience: float = 12.0) -> bool:
        """Whether this call stored it: otherwise it, or a later one, was there. Raises QueueFull, NatsUnavailable, and
        Stale where others write all the time."""
        for _ in range(TRIES):
            if self.n == UNKNOWN:
                await self._look()
            if entry.n <= self.n:
                return False
            try:
                stored = await self._bus.store(
                    self._subject,
                    entry,
                    id=subjects.transcript_message_id(self._session, entry.n),
                    expect_last=self._sequence,
                    ttl=seconds(days),
                    patience=patience,
                )
            except Stale:
                self.n = UNKNOWN
                continue
            self.n, self._sequence = entry.n, stored.sequence
            return not stored.duplicate
        raise Stale(self._subject)

    async def add_late(self, entries: Sequence[Said | Rendered], days: float) -> bool:
        """Add them behind the last, under its number: the next one is the session's, which may still go on. False:
        there is nothing of this session, or it was deleted. Raises as `add` does."""
        for entry in entries:
            for _ in range(TRIES):
                last = await self._look()
                if last is None or self.n in (0, ERASED):
                    return False
                late = msgspec.structs.replace(entry, n=self.n, ended=ended_at(read(last.data), last.time))
                with contextlib.suppress(Stale):
                    await self._bus.store(self._subject, late, expect_last=self._sequence, ttl=seconds(days))
                    break
            else:
                raise Stale(self._subject)
        return True

    async def _look(self) -> Delivered | None:
        last = await self._bus.last(subjects.TRANSCRIPTS, self._subject)
        self.n, self._sequence = (schema.opening(last.data).n, last.sequence) if last is not None else (0, 0)
        return last


def seconds(days: float) -> int:
    return max(1, math.ceil(days * topology.DAY_S))


def read(data: bytes) -> AnyEntry | None:
    """None: a later version wrote it, which knows more kinds."""
    try:
        entry: AnyEntry = decode(AnyEntry, data)
    except ProtocolViolation as error:
        log.warning("an entry that nobody can read", bytes=len(data), error=str(error))
        return None
    return entry


async def announce(bus: Bus, tenant: str, record: HistoryRecord) -> None:
    """Let the session be found: once, however often it is said. Raises QueueFull, NatsUnavailable."""
    histories = Bucket(bus, subjects.HISTORIES_KV, HistoryRecord)
    key = subjects.history_key(tenant, record.session)
    await histories.create(key, record, ttl=seconds(record.days + 1))


async def announced(bus: Bus, tenant: str, session: str) -> HistoryRecord | None:
    """None: nothing is kept of it (any more). Raises NatsUnavailable."""
    return await Bucket(bus, subjects.HISTORIES_KV, HistoryRecord).get(subjects.history_key(tenant, session))


async def of_session(bus: Bus, tenant: str, session: str) -> Transcript | None:
    """All that is kept of it. None: nothing is, or it was deleted. Raises NatsUnavailable."""
    found = await held(bus, subjects.TRANSCRIPTS, subjects.transcript(tenant, session))
    return await asyncio.to_thread(_told_by, session, found)  # of a day's talk it takes a second


def _told_by(session: str, found: Sequence[Delivered]) -> Transcript | None:
    entries = [(entry, each.time) for each in found if (entry := read(each.data)) is not None]
    if not entries or isinstance(entries[-1][0], Erased):
        return None
    return gathered(session, entries)


async def held(bus: Bus, stream: str, subject: str) -> list[Delivered]:
    """All that the stream holds of one subject now, in order, however much. Raises NatsUnavailable."""
    last = await bus.last(stream, subject)
    if last is None:
        return []
    found: list[Delivered] = []
    complete = asyncio.Event()

    def take(message: Delivered) -> None:
        found.append(message)
        if message.sequence >= last.sequence:
            complete.set()

    following = asyncio.create_task(bus.follow(stream, subject, 0, take), name="held")
    try:
        async with asyncio.timeout(READ_PATIENCE_S):
            await complete.wait()
    except TimeoutError as error:
        raise NatsUnavailable(f"{stream} has not been read in {READ_PATIENCE_S:.0f} s") from error
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    return found


async def sequences(bus: Bus, stream: str, subject: str) -> list[int]:
    """Where these messages are: one question for each, and nothing is kept of them. Raises NatsUnavailable."""
    found: list[int] = []
    while (message := await bus.first(stream, subject, found[-1] + 1 if found else 1)) is not None:
        found.append(message.sequence)
    return found
