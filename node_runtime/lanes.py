"""One slot's view of the queues: first the node's own lane, with jobs for which a scheduler reserved a slot here, then
the lanes of its pools in turn.

A slot with nothing to do asks all lanes at once and waits; then two may answer, and a slot runs one job: what else came
goes back at once, to whoever is free. Before it waits it looks at each lane for a moment, one after the other, so that
under load, where every lane has something, nothing is taken to be given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from wire import subjects
from wire.bus import Bus, Taken
from wire.log import get

log = get(__name__)

LOOK_S = 0.03
WAIT_S = 1.5


class Lanes:
    """`node` names the own lane. Every take runs to its end in `group`, also when nobody wants what it finds: a job
    that came to a cut-off take would be lost until the queue's patience ends."""

    def __init__(self, bus: Bus, node: str, pools: list[str], group: asyncio.TaskGroup) -> None:
        self._bus = bus
        self._own = subjects.node_consumer(node)
        self._pools = [subjects.pool_consumer(pool) for pool in pools]
        self._group = group

    async def next(self) -> Taken | None:
        """A job, or None when there was none for `WAIT_S`."""
        self._pools.append(self._pools.pop(0))
        lanes = [self._own, *self._pools]
        for lane in lanes:
            if (taken := await self._bus.take(subjects.JOBS, lane, LOOK_S)) is not None:
                return taken
        waiting = {self._group.create_task(self._bus.take(subjects.JOBS, lane, WAIT_S)) for lane in lanes}
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            found = [taken for taken in (task.result() for task in done) if taken is not None]
            if found:
                self._group.create_task(_return(found[1:], waiting))
                return found[0]
        return None


async def _return(found: Iterable[Taken], waiting: Iterable[asyncio.Task[Taken | None]]) -> None:
    for taken in found:
        await taken.give_back()
    for task in waiting:
        late = await task
        if late is not None:
            log.info("a job came while the slot was taken: given back", deliveries=late.deliveries)
            await late.give_back()
