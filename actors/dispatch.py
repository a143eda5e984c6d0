"""Which node runs a job. PURE: one decision on one view of the fleet, taken once for each attempt.

Each node is asked what `wire.matching` asks; the reasons for refusals are kept: when nobody can serve, the client and
the operator are told which of them it was. One more is `no_slot`: the node is full.

Of those that are left, the one with the least reserved share of its slots; of equals, the one that served this session
last (its caches are warm), then by name. `capable` says who could do it at all, full or not: they can pull it from the
pool's lane. Where no node can do all of it, the best is the one that transcribes and covers most of the rest; what it
leaves is another attempt's work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from wire import matching
from wire.matching import Need, Refusal, Rules
from wire.records import NodeRecord


class NodeView(msgspec.Struct, frozen=True):
    """A node as it was last seen, and the slots that are taken there."""

    record: NodeRecord
    taken: frozenset[int] = frozenset()
    online: bool = True

    @property
    def free(self) -> list[int]:
        return [slot for slot in range(self.record.slots) if slot not in self.taken]

    @property
    def share(self) -> float:
        return len(self.taken) / self.record.slots


class Decision(msgspec.Struct, frozen=True):
    """`candidates` in order of preference, with a slot free; `capable` includes the full ones. `refused` counts nodes
    by reason. `whole`: the candidates can do all of it, not only a part."""

    candidates: list[NodeView]
    capable: list[NodeView]
    refused: dict[Refusal, int]
    whole: bool


def decide(need: Need, nodes: Iterable[NodeView], rules: Rules) -> Decision:
    """What nobody at all can translate or speak is left out of the question: whoever runs the job says so."""
    nodes = list(nodes)
    need = matching.served(need, [node.record for node in nodes if node.online])
    refused: Counter[Refusal] = Counter()
    capable: list[NodeView] = []
    partly: list[NodeView] = []
    for node in nodes:
        if need.pool not in node.record.pools:
            continue
        reason = matching.refusal(need, node.record, rules) if node.online else "offline"
        if reason is None:
            capable.append(node)
        else:
            refused[reason] += 1
            if reason in ("target", "voice"):
                partly.append(node)
    found, whole = (capable, True) if capable else (partly, False)
    free = [node for node in found if node.free]
    if len(free) < len(found):
        refused["no_slot"] += len(found) - len(free)
    free.sort(key=lambda node: (node.share, node.record.node != need.last, node.record.node))
    if not whole:
        free.sort(key=lambda node: -matching.covered(need, node.record))
    return Decision(candidates=free, capable=found, refused=dict(refused), whole=whole)
