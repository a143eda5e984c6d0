"""Who runs an attempt: claimed in its binding, once, whichever lane it came by.

The same attempt may stand on two lanes (its node did not begin in time, so the pool has it too), and an attempt may
have been followed by another while its message lay in a queue. `bindings/<session>.<utterance>` knows:

    a newer attempt is bound           superseded: nobody wants this one's results
    this one runs here already         elsewhere
    another began it, and this message was never given to anybody before: elsewhere, the other lane's copy runs
    else                               run: `started` and this node's name are written where "sent" stood, by
                                       compare-and-set, so that of two that try one looks again

A message that is delivered once more had a node that died or fell silent, so what that node began is taken over. An
utterance without a binding (it is kept for ten minutes) is run: the results do no harm.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire import subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation, Stale
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.records import BindingRecord

log = get(__name__)

Verdict = Literal["run", "superseded", "elsewhere"]
STARTED = "started"


class Claims:
    """Those of one node. Its methods raise NatsUnavailable."""

    def __init__(self, bus: Bus, node: str) -> None:
        self._bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
        self._node = node
        self._running: set[tuple[str, int]] = set()

    async def look(self, job: Job) -> tuple[BindingRecord, int] | None:
        """The binding and its revision."""
        try:
            return await self._bindings.entry(subjects.binding_key(job.session, job.utterance))
        except ProtocolViolation as error:
            log.warning("a binding that nobody can read", job=job.job, error=str(error))
            return None

    def reserved(self, found: tuple[BindingRecord, int] | None, job: Job) -> int | None:
        """The slot of this node that was reserved for this attempt."""
        if found is None or (found[0].attempt, found[0].node) != (job.attempt, self._node):
            return None
        return found[0].slot

    def judge(self, found: tuple[BindingRecord, int] | None, job: Job, deliveries: int) -> Verdict:
        if (job.job, job.attempt) in self._running:
            return "elsewhere"
        if found is None:
            return "run"
        bound = found[0]
        if bound.attempt > job.attempt:
            return "superseded"
        begun = bound.attempt == job.attempt and bound.state == STARTED and bound.node != self._node
        return "elsewhere" if begun and deliveries == 1 else "run"

    async def claim(self, found: tuple[BindingRecord, int] | None, job: Job, deliveries: int, slot: int) -> Verdict:
        """Take it, if it is still to be had; after "run", `finished` must follow."""
        while (verdict := self.judge(found, job, deliveries)) == "run":
            self._running.add((job.job, job.attempt))
            if found is None:
                return "run"
            bound, revision = found
            mine = msgspec.structs.replace(bound, attempt=job.attempt, state=STARTED, node=self._node, slot=slot)
            try:
                await self._bindings.renew(subjects.binding_key(job.session, job.utterance), mine, revision)
                return "run"
            except Stale:
                self.finished(job)
                found = await self.look(job)
            except BaseException:
                self.finished(job)
                raise
        return verdict

    def finished(self, job: Job) -> None:
        self._running.discard((job.job, job.attempt))
