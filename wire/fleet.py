"""The fleet as one process sees it: which nodes live, and what they can do.

A `FleetView` folds the heartbeats of the `nodes` bucket into a dict. A watch is a hint: a node is gone when its
heartbeat is older than three beats by this process's clock, whatever the bucket says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from wire import subjects, topology
from wire.bus import Bus
from wire.kv import Bucket
from wire.languages import translates
from wire.messages import AUTO
from wire.records import NodeRecord


class FleetView:
    def __init__(self) -> None:
        self._nodes: dict[str, tuple[float, NodeRecord]] = {}

    async def follow(self, bus: Bus) -> None:
        """Keep this view up to date, for ever."""
        await Bucket(bus, subjects.NODES_KV, NodeRecord).follow(self.apply)

    def apply(self, node: str, record: NodeRecord | None) -> None:
        if record is None:
            self._nodes.pop(node, None)
        else:
            self._nodes[node] = (time.monotonic(), record)

    def everywhere(self) -> list[NodeRecord]:
        """Nodes of all pools whose heart beats."""
        since = time.monotonic() - 3 * topology.HEARTBEAT_S
        beating = [record for heard, record in self._nodes.values() if heard >= since]
        if len(beating) < len(self._nodes):
            self._nodes = {name: seen for name, seen in self._nodes.items() if seen[0] >= since}
        return beating

    def __len__(self) -> int:
        """How many there are, or were until lately."""
        return len(self._nodes)

    def node(self, name: str) -> NodeRecord | None:
        """This one, if its heart was heard."""
        seen = self._nodes.get(name)
        return seen[1] if seen is not None else None

    def beating(self, pool: str) -> list[NodeRecord]:
        """Those of this pool, ready or not, draining or not."""
        return [record for record in self.everywhere() if pool in record.pools]

    def alive(self, pool: str) -> list[NodeRecord]:
        """Those of them that do not drain."""
        return [record for record in self.beating(pool) if not record.draining]

    def ready(self, pool: str) -> list[NodeRecord]:
        return [record for record in self.alive(pool) if record.ready]

    def refusal(self, pool: str, source: str, targets: Iterable[str], between: Sequence[str] = ()) -> str | None:
        """Why no ready node of the pool serves this, for a person; None if one does. Of two languages `between` which
        people speak, each is heard and put into the other. A target that is the source, as of written texts that are to
        be spoken, needs no translation."""
        if between:
            ways = [(one, other) for one in between for other in between if one != other]
            return next((why for one, other in ways if (why := self.refusal(pool, one, [other]))), None)
        nodes = self.ready(pool)
        if source != AUTO and not any(source in node.sources for node in nodes):
            return f"nobody can transcribe {source!r}; there are: {_listed(s for n in nodes for s in n.sources)}"
        for target in targets:
            if target != source and not any(translates(node, source, target) for node in nodes):
                served = _listed(t for n in nodes for t in n.targets)
                return f"nobody can translate {source!r} into {target!r}; targets served: {served}"
        return None


def _listed(languages: Iterable[str]) -> str:
    return ", ".join(sorted(set(languages))) or "none"
