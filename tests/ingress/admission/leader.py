"""Stands in for the scheduler that says how much room there is: each ingress has as much as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from ingress.admission.desk import Desk
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.line import held
from wire.records import AdmissionRecord, Held, LineRecord, Prices

POOL = "default"


class Leader:
    """`room`: sessions for each ingress, whatever they ask for. `lines` is what they say, `stamps` when."""

    def __init__(self, bus: Bus) -> None:
        self.lines: dict[str, LineRecord] = {}
        self.writes = 0
        self.room = 1000.0
        self.a_minute = 0.0
        self.closed = ""
        self._admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)
        self._lines = Bucket(bus, subjects.LINES_KV, LineRecord)
        self._round = 0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lines.follow(self._hear))
            known: set[str] = set()
            while True:
                await self._changed.wait()
                self._changed.clear()
                if known != set(self.lines):
                    known = set(self.lines)
                    await self.rule()

    async def rule(self) -> int:
        """Say it. Returns the round."""
        self._round += 1
        record = AdmissionRecord(
            round=self._round, by="leader", capacity=1000.0, used=0.0, streams=1000.0,
            prices=Prices(session=1.0), limits=dict.fromkeys(self.lines, self.room), a_minute=self.a_minute,
            closed=self.closed,
        )  # fmt: skip
        await self._admission.put(POOL, record)
        return self._round

    async def give(self, room: float) -> None:
        """So many sessions for each ingress; returns when all obey."""
        self.room = room
        round = await self.rule()
        await self.until(lambda: all(line.seen >= round for line in self.lines.values()))

    def held(self) -> Held:
        """All that were let in, wherever."""
        parts = [held(line) for line in self.lines.values()]
        return Held(
            sessions=sum(each.sessions for each in parts),
            targets=sum(each.targets for each in parts),
            spoken=sum(each.spoken for each in parts),
        )

    def waiting(self) -> int:
        return sum(len(line.waiting) for line in self.lines.values())

    async def until(self, condition: Callable[[], bool], patience: float = 15) -> None:
        async def holds() -> bool:
            return condition()

        await until(holds, patience)

    def _hear(self, key: str, record: LineRecord | None) -> None:
        _, ingress = subjects.line_of_key(key)
        self.writes += 1
        if record is None:
            self.lines.pop(ingress, None)
        else:
            self.lines[ingress] = record
        self._changed.set()


def open_to_all(desk: Desk) -> None:
    """A desk that does not run lets everybody in."""
    record = AdmissionRecord(
        round=1, by="leader", capacity=1000.0, used=0.0, streams=1000.0, prices=Prices(session=1.0),
        limits={desk.book.ingress: 1000.0},
    )  # fmt: skip
    desk._rule(POOL, record)
    desk.book.told(time.monotonic() + 1000)


@contextlib.asynccontextmanager
async def leading(bus: Bus) -> AsyncIterator[Leader]:
    made = Leader(bus)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        yield made
        running.cancel()
