"""Which node runs a job. PURE: one decision on one view of the fleet, taken once for each attempt.

Each node is asked the same questions in the same order; the first that it cannot answer is why it is refused, and the
reasons are kept: when nobody can serve, the client and the operator are told which of them it was.

    offline, draining     nothing can be sent there
    no_gpu                the pool wants a GPU, and it has none
    source, target, voice the model or voice for this language is missing; tag: a capability that the job asks for
    foreign_load          others use that host (a shared desktop) more than is polite; dedicated hosts do not care
    excluded              an earlier attempt of this job failed there
    no_slot               it is full

Of those that are left, the one with the least reserved share of its slots; of equals, the one that served this session
last (its caches are warm), then by name. `capable` says who could do it at all, full or not: they can pull it from the
pool's lane. Where no node can do all of it, the best is the one that transcribes and covers most of the rest; what it
leaves is another attempt's work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from wire.languages import translates
from wire.messages import AUTO
from wire.records import NodeRecord

Refusal = Literal[
    "offline", "draining", "no_gpu", "source", "target", "voice", "tag", "foreign_load", "excluded", "no_slot"
]

FOREIGN_LOAD_PERCENT = 25.0


class Need(msgspec.Struct, frozen=True):
    """What a job asks for. `heard`: its transcript is known, so nobody must transcribe. `last` served it before."""

    pool: str
    source: str
    targets: list[str]
    speak: list[str]
    heard: bool = False
    excluded: list[str] = []
    tags: list[str] = []
    last: str = ""


class Rules(msgspec.Struct, frozen=True):
    """What a pool asks of its nodes."""

    cpu_allowed: bool = True
    foreign_load: float = FOREIGN_LOAD_PERCENT


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
    need = _served(need, nodes)
    refused: Counter[Refusal] = Counter()
    capable: list[NodeView] = []
    partly: list[NodeView] = []
    for node in nodes:
        if need.pool not in node.record.pools:
            continue
        reason = _refusal(need, node, rules)
        if reason is None:
            capable.append(node)
        else:
            refused[reason] += 1
            if reason in ("target", "voice") and _hears(need, node):
                partly.append(node)
    found, whole = (capable, True) if capable else (partly, False)
    free = [node for node in found if node.free]
    if len(free) < len(found):
        refused["no_slot"] += len(found) - len(free)
    free.sort(key=lambda node: (node.share, node.record.node != need.last, node.record.node))
    if not whole:
        free.sort(key=lambda node: -_covered(need, node))
    return Decision(candidates=free, capable=found, refused=dict(refused), whole=whole)


def _refusal(need: Need, node: NodeView, rules: Rules) -> Refusal | None:
    return next((reason for passed, reason in _checks(need, node, rules) if not passed), None)


def _checks(need: Need, node: NodeView, rules: Rules) -> Iterator[tuple[bool, Refusal]]:
    record = node.record
    yield node.online and record.ready, "offline"
    yield not record.draining, "draining"
    yield rules.cpu_allowed or bool(record.gpus), "no_gpu"
    yield _hears(need, node), "source"
    yield all(translates(record, need.source, target) for target in need.targets), "target"
    yield record.voices.keys() >= set(need.speak), "voice"
    yield not need.tags or set(need.tags) <= set(record.tags), "tag"
    yield record.dedicated or record.foreign_load <= rules.foreign_load, "foreign_load"
    yield record.node not in need.excluded, "excluded"


def _hears(need: Need, node: NodeView) -> bool:
    return need.heard or need.source == AUTO or need.source in node.record.sources


def _translatable(need: Need, node: NodeView) -> set[str]:
    return {target for target in need.targets if translates(node.record, need.source, target)}


def _served(need: Need, nodes: list[NodeView]) -> Need:
    there = [node for node in nodes if node.online and need.pool in node.record.pools]
    targets = set().union(*(_translatable(need, node) for node in there))
    voices = set().union(*(node.record.voices for node in there))
    return msgspec.structs.replace(
        need,
        targets=[target for target in need.targets if target in targets],
        speak=[target for target in need.speak if target in voices],
    )


def _covered(need: Need, node: NodeView) -> int:
    return len(_translatable(need, node)) + len(set(need.speak) & set(node.record.voices))
