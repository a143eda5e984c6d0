"""What lies on the lanes of nodes that are gone, taken away.

A job goes to a node's own lane because a slot was reserved there, and from there to nobody else. When the node dies,
freezes or is cut off, the session's actor does what is needed: what nobody began is put on the pool's lane too, what
nobody finishes gets another attempt. The copy on the lane is then worth nothing, and would lie there until its age ends
it.

The owner of one certain partition looks every SWEEP_S, so that one scheduler does and not all; that two do, around
a hand-over, is harmless. A lane is emptied when its node had no heartbeat in two looks running, and only of what lay
there at the first: a node that starts anew beats before it sends a warm-up to its lane, so that none of its own goes.
The lane's consumer stays, for a node that comes back: one that nobody asks goes by itself after LANE_IDLE_S, and a node
that was away for longer than that makes it anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from wire import subjects
from wire.bus import Bus
from wire.errors import Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.records import NodeRecord

log = get(__name__)

SWEEP_S = 5.0


class Lanes:
    """`mine` says whether it is this scheduler's turn to look. Of `counters`, `lanes_emptied` counts lanes."""

    def __init__(self, bus: Bus, mine: Callable[[], bool]) -> None:
        self._bus = bus
        self._mine = mine
        self._nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
        self._gone: dict[str, int] = {}  # lane without a node -> sequence of the newest job that was seen there
        self.counters: Counter[str] = Counter()

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                if self._mine():
                    await self.sweep()
                else:
                    self._gone.clear()
            except Unavailable as error:
                log.info("lanes were not looked at", reason=error.code)

    async def sweep(self) -> None:
        """One look. Raises NatsUnavailable."""
        gone: dict[str, int] = {}
        for lane in await self._bus.subjects(subjects.JOBS, subjects.JOB_NODES):
            node = subjects.node_of_lane(lane)
            if await self._nodes.get(node) is not None:
                continue
            if lane in self._gone:
                await self._bus.purge(subjects.JOBS, lane, self._gone[lane])
                self.counters["lanes_emptied"] += 1
                log.info("the lane of a node that is gone was emptied", node=node)
            newest = await self._bus.last(subjects.JOBS, lane)
            if newest is not None:
                gone[lane] = newest.sequence
        self._gone = gone
