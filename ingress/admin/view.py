"""The fleet as an operator sees it, folded from the buckets in which processes say what they do.

`follow` is run only while somebody looks. What stops saying that it is there is forgotten by the clock, as its key is
by the bucket's age.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from ingress.admin.showing import SessionBrief, SessionSeen
from wire import subjects, topology
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import Message
from wire.records import AdmissionRecord, DrainRecord, LineRecord, NodeRecord, SchedulerRecord

R = TypeVar("R", bound=Message)
FOR_EVER = float("inf")
SESSION_S = 3600.0
"""A session that has said nothing for so long has left its bucket, too."""


class Fold(Generic[R]):
    """A bucket as a dict; what is older than `age_s` counts for nothing."""

    def __init__(self, bus: Bus, name: str, kind: type[R], age_s: float, clock: Callable[[], float]) -> None:
        self.bucket = Bucket(bus, name, kind)
        self._age_s = age_s
        self._clock = clock
        self._found: dict[str, tuple[float, R]] = {}

    async def follow(self) -> None:
        self._found.clear()
        await self.bucket.follow(self.apply)

    def apply(self, key: str, record: R | None) -> None:
        if record is None:
            self._found.pop(key, None)
        else:
            self._found[key] = (self._clock(), record)

    def items(self) -> dict[str, R]:
        since = self._clock() - self._age_s
        self._found = {key: found for key, found in self._found.items() if found[0] >= since}
        return {key: record for key, (_, record) in self._found.items()}


class View:
    """Of one ingress. `clock`: monotonic seconds."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        beats = 3 * topology.HEARTBEAT_S
        self.nodes = Fold(bus, subjects.NODES_KV, NodeRecord, beats, clock)
        self.schedulers = Fold(bus, subjects.SCHEDULERS_KV, SchedulerRecord, topology.LEASE_TTL_S, clock)
        self.lines = Fold(bus, subjects.LINES_KV, LineRecord, topology.LINE_TTL_S, clock)
        self.admission = Fold(bus, subjects.ADMISSION_KV, AdmissionRecord, FOR_EVER, clock)
        self.drains = Fold(bus, subjects.DRAINS_KV, DrainRecord, FOR_EVER, clock)
        self.sessions = Fold(bus, subjects.SESSIONS_KV, SessionSeen, SESSION_S, clock)

    async def follow(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for fold in (self.nodes, self.schedulers, self.lines, self.admission, self.drains, self.sessions):
                group.create_task(fold.follow())

    def live(self) -> list[SessionBrief]:
        """Sessions that are not over, the newest first."""
        found = [
            msgspec.structs.replace(seen.state, session=subjects.session_of_key(key))
            for key, seen in self.sessions.items().items()
            if seen.state.phase in ("open", "closing")
        ]
        return sorted(found, key=lambda each: -each.opened_at)
