"""What this node takes from its pools' lanes: while others use its host, nothing; and of a job no more than it can do.

Anybody's jobs lie on a pool's lane, and a scheduler has not looked whether this node can do them. The questions are the
scheduler's own (`wire.matching`), asked of this node's last heartbeat and those of the others. What nobody can
translate or speak is no reason to leave a job: whoever runs it says so.
"""

from __future__ import annotations

from node_runtime.presence import Presence
from wire import matching
from wire.bus import Bus
from wire.env import NodeSettings
from wire.fleet import FleetView
from wire.jobs import Job
from wire.matching import Rules


class Fitness:
    """Of one node. `follow` must run, or it believes that it is alone."""

    def __init__(self, bus: Bus, settings: NodeSettings, presence: Presence) -> None:
        self._bus = bus
        self._presence = presence
        self._rules = Rules(cpu_allowed=settings.cpu_nodes, foreign_load=settings.foreign_load_percent)
        self.fleet = FleetView()

    async def follow(self) -> None:
        """For ever: learn of the others."""
        await self.fleet.follow(self._bus)

    @property
    def fit(self) -> bool:
        """Whether it may take anything from a pool."""
        told = self._presence.told
        return told is not None and matching.unfit(told, self._rules) is None

    def share(self, job: Job) -> tuple[Job | None, bool]:
        """What of this job this node can do (None: nothing), and whether it should go to one that can do all of it and
        has room."""
        mine = self._presence.told
        if mine is None:
            return None, False
        others = [node for node in self.fleet.ready(job.pool) if node.node != mine.node]
        need = matching.served(matching.need_of(job), [mine, *others])
        lacking = matching.lacks(need, mine)
        if lacking == "source" and not any(matching.hears(need, node) for node in others):
            lacking = None
        if lacking is None:
            return job, False
        elsewhere = any(node.busy < node.slots and not matching.refusal(need, node, self._rules) for node in others)
        return (matching.part(job, mine) if matching.helps(need, mine) else None), elsewhere
