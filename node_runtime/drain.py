"""An operator's word that this node is to take no jobs: the key `drains/<node>`, for as long as it is there.

The node looks before it says for the first time that it is there, so that one that is started anew stays drained, and
follows the key from then on. What runs when the word comes runs to its end; what is on its way here goes back.
"""

from __future__ import annotations

from node_runtime.presence import Presence
from wire import subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation
from wire.kv import Bucket
from wire.log import get
from wire.records import DrainRecord

log = get(__name__)


class Drain:
    """Of one node. `load`, then `follow`."""

    def __init__(self, bus: Bus, node: str, presence: Presence) -> None:
        self._drains = Bucket(bus, subjects.DRAINS_KV, DrainRecord)
        self._node = node
        self._presence = presence

    async def load(self) -> None:
        """Raises NatsUnavailable."""
        try:
            self._told(self._node, await self._drains.get(self._node))
        except ProtocolViolation as error:
            log.warning("a drain that nobody can read", node=self._node, error=str(error))

    async def follow(self) -> None:
        """For ever."""
        await self._drains.follow(self._told)

    def _told(self, node: str, record: DrainRecord | None) -> None:
        if node != self._node or self._presence.drained == (record is not None):
            return
        self._presence.drain(record is not None)
        if record is not None:
            log.info("the node is drained: no new jobs", node=node, by=record.by)
        else:
            log.info("the node is not drained any more", node=node)
