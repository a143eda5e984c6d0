"""Where pieces of recordings come from: the batch lanes of the node's pools, asked while live speech needs nothing.

A piece is a job like any other (`node_runtime.intake`), but for its place: it is lent a slot that no live job has or is
on its way to, and leaves no mark, so that schedulers place live speech as if it were not there. With N slots no more
than N pieces run at once, live jobs counted in. None is asked for while a live job waits here for a slot.

When a live job comes and every slot is in use, a piece makes way: the engines stop it between two of their calls
(`node_runtime.precedence`), what it has done by then is kept, and the session is told `JobReturned`, so that the rest
is another attempt's at once, here or elsewhere. The live job begins meanwhile, beside the one call that goes on.
Captions go before pieces too, and that is decided where both are in hand, in the engines' process: here a piece may be
taken while somebody speaks, and is worked at in the speaker's pauses.

When the node drains, its pieces go back at once: nobody listens to them, and another node may have them now.
"""

from __future__ import annotations

import asyncio

from node_runtime.fitness import Fitness
from node_runtime.intake import Intake, Terms
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from wire import subjects
from wire.bus import Bus
from wire.env import NodeSettings
from wire.log import get

log = get(__name__)

PATIENCE_S = 1.0


class Batch:
    """Takes pieces of recordings for one node's `intake`."""

    def __init__(
        self, bus: Bus, settings: NodeSettings, presence: Presence, slots: Slots, fitness: Fitness, intake: Intake
    ) -> None:
        self._bus = bus
        self._pools = settings.pools
        self._presence = presence
        self._slots = slots
        self._fitness = fitness
        self._intake = intake

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        terms = Terms(hold_s=0.0, stop=stop, over=stop)
        async with asyncio.TaskGroup() as group:
            for pool in self._pools:
                group.create_task(self._serve_pool(pool, terms, group), name=f"batch-{pool}")
        log.info("no more pieces are taken", **self._intake.counters)

    async def _serve_pool(self, pool: str, terms: Terms, group: asyncio.TaskGroup) -> None:
        while not terms.stop.is_set():
            if not self._has_room:
                await self._intake.until_changed()
                continue
            taken = await self._bus.take(subjects.BATCH, subjects.batch_consumer(pool), PATIENCE_S)
            if taken is not None:
                placed = asyncio.Event()
                group.create_task(self._intake.see_to(taken, terms, placed), name="piece")
                await placed.wait()

    @property
    def _has_room(self) -> bool:
        idle = self._slots.to_spare and not self._intake.waiting
        return idle and self._presence.ready and self._fitness.fit
