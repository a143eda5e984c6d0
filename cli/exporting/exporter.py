"""From TRANSCRIPTS into PostgreSQL: take a batch, commit it, acknowledge it. Any number of exporters share the work.

An entry is acknowledged when its transaction is committed, so one that dies in between is followed by another who
writes the same rows again, which changes nothing (cli/exporting/rows.py). While PostgreSQL is away the batch in hand is
kept, the exporter says so in its log, and tries again after 1, 2, 4, … up to 30 s. What PostgreSQL refuses although it
is there is looked for one by one, left out, counted and logged. A commit is on PostgreSQL's disk before it counts,
whatever else that server is set to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

from cli.exporting.database import Away, Database, Refused
from cli.exporting.rows import Exported
from wire import subjects, topology, transcripts
from wire.bus import Bus, Taken
from wire.errors import DragomanError
from wire.log import get

log = get(__name__)

MORE_S = 0.05
"""For so long a batch that is not full waits for more."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0


class Stopped(DragomanError):
    """Somebody wants it to end before PostgreSQL is there again."""


class Exporter:
    """`counters`: entries that were `written`, `refused` by PostgreSQL, or `unreadable` (of a later version)."""

    def __init__(self, bus: Bus, database: Database, batch: int, stop: asyncio.Event) -> None:
        self._bus = bus
        self._database = database
        self._batch = batch
        self._stop = stop
        self.counters: Counter[str] = Counter()
        self.taken = 0
        """Entries in hand."""

    async def run(self) -> None:
        """Until `stop` is set: the batch in hand is written before that, if PostgreSQL is there. Raises SettingsError,
        NatsUnavailable."""
        await self._bus.declare_queue(
            subjects.TRANSCRIPTS,
            subjects.EXPORTER,
            subjects.TRANSCRIPT_ALL,
            topology.EXPORT_IN_FLIGHT,
            deliveries=topology.EXPORT_DELIVERIES,
            ack_wait_s=topology.EXPORT_ACK_WAIT_S,
        )
        while not self._stop.is_set():
            taken = await self._collect()
            self.taken = len(taken)
            try:
                await self._write(taken, [self._read(each) for each in taken])
            except Stopped:
                await asyncio.gather(*(each.give_back() for each in taken))
            else:
                await asyncio.gather(*(each.ack() for each in taken))

    async def _collect(self) -> list[Taken]:
        taken: list[Taken] = []
        patience = 1.5
        while len(taken) < self._batch and not (self._stop.is_set() and taken):
            one = await self._bus.take(subjects.TRANSCRIPTS, subjects.EXPORTER, patience)
            if one is None:
                break
            taken.append(one)
            patience = MORE_S
        return taken

    def _read(self, taken: Taken) -> Exported | None:
        entry = transcripts.read(taken.data)
        if entry is None:
            self.counters["unreadable"] += 1
            return None
        tenant, session = subjects.of_transcript(taken.subject)
        return Exported(tenant, session, taken.stored, entry)

    async def _write(self, taken: Sequence[Taken], read: Sequence[Exported | None]) -> None:
        """Raises Stopped, SettingsError."""
        exported = [each for each in read if each is not None]
        try:
            await self._commit(taken, exported)
        except Refused as error:
            if len(exported) > 1:
                for each in exported:
                    await self._write(taken, [each])
                return
            self.counters["refused"] += 1
            (each,) = exported
            log.error("PostgreSQL refuses an entry", session=each.session, n=each.entry.n, reason=str(error))

    async def _commit(self, taken: Sequence[Taken], exported: Sequence[Exported]) -> None:
        """However long PostgreSQL is away. Raises Refused, Stopped, SettingsError."""
        wait = FIRST_WAIT_S
        while exported:
            try:
                await self._database.write(exported)
            except Away as error:
                log.warning("nothing is exported now", reason=str(error), again_in_s=wait, entries=len(exported))
                await self._pause(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
                await asyncio.gather(*(each.progress() for each in taken))
            else:
                self.counters["written"] += len(exported)
                if wait > FIRST_WAIT_S:
                    log.info("exporting again")
                return

    async def _pause(self, seconds: float) -> None:
        """Raises Stopped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        if self._stop.is_set():
            raise Stopped("asked to end")
