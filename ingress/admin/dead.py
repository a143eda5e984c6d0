"""Jobs that were given up, as they stand on DEAD: the newest of them in memory, while somebody looks.

A refresh reads what came since the last one; now and then all is read again, for what another ingress, an operator with
the `nats` program or old age took away.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ingress.admin.told import DeadPage, DeadShown
from wire import subjects
from wire.bus import Bus, Delivered
from wire.errors import ProtocolViolation
from wire.jobs import Job
from wire.log import get
from wire.messages import decode
from wire.records import DeadJob

log = get(__name__)

MOST = 2000
ANEW_S = 20.0


@dataclass(frozen=True, slots=True)
class Buried:
    """`id` is its place in the stream, `at` when it came there: seconds since the epoch."""

    id: int
    at: float
    dead: DeadJob


class Dead:
    """Everything raises NatsUnavailable."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._found: dict[int, Buried] = {}
        self._read_to = 0
        self._anew_at = -ANEW_S

    async def refresh(self) -> None:
        newest = await self._bus.newest(subjects.DEAD)
        if time.monotonic() - self._anew_at > ANEW_S or newest < self._read_to:
            self._found, self._read_to, self._anew_at = {}, 0, time.monotonic()
        if newest > self._read_to:
            for found in await self._bus.read(subjects.DEAD, subjects.DEAD_NOTICES, self._read_to + 1, newest):
                self._take(found)
            self._read_to = newest
        while len(self._found) > MOST:
            del self._found[min(self._found)]

    def _take(self, found: Delivered) -> None:
        try:
            self._found[found.sequence] = Buried(found.sequence, found.time, decode(DeadJob, found.data))
        except ProtocolViolation as error:
            log.warning("a death notice that nobody can read", sequence=found.sequence, error=str(error))

    @property
    def total(self) -> int:
        return len(self._found)

    def page(self, offset: int, limit: int, states: dict[int, tuple[str, str]]) -> DeadPage:
        """The newest first. `states` says of some what became of them, and a note."""
        found = [self._found[id] for id in sorted(self._found, reverse=True)]
        shown = [_shown(each, *states.get(each.id, ("dead", ""))) for each in found[offset : offset + limit]]
        return DeadPage(total=len(found), offset=offset, jobs=shown)

    async def find(self, id: int) -> Buried | None:
        """As it stands on DEAD now."""
        found = await self._bus.first(subjects.DEAD, subjects.DEAD_NOTICES, id)
        if found is None or found.sequence != id:
            self._found.pop(id, None)
            return None
        known = self._found.get(id)
        return Buried(id, known.at if known is not None else 0.0, decode(DeadJob, found.data))

    async def job(self, dead: DeadJob) -> Job | None:
        """The job itself; None: it was not kept, or is gone."""
        if not dead.kept:
            return None
        where = subjects.dead_job(dead.pool, dead.session, dead.utterance)
        found = await self._bus.last(subjects.DEAD, where)
        return decode(Job, found.data) if found is not None else None

    async def discard(self, buried: Buried) -> None:
        """The notice, and the job with its audio."""
        dead = buried.dead
        if dead.kept:
            where = subjects.dead_job(dead.pool, dead.session, dead.utterance)
            await self._bus.purge(subjects.DEAD, where, await self._bus.newest(subjects.DEAD))
        await self._bus.discard(subjects.DEAD, buried.id)
        self._found.pop(buried.id, None)


def _shown(buried: Buried, state: str, note: str) -> DeadShown:
    dead = buried.dead
    return DeadShown(
        id=buried.id, at=round(buried.at, 3), job=dead.job, session=dead.session, tenant=dead.tenant, pool=dead.pool,
        utterance=dead.utterance, attempts=dead.attempts, node=dead.node, reason=dead.reason, seconds=dead.seconds,
        history=dead.history, kept=dead.kept, state=state, note=note,
    )  # fmt: skip
