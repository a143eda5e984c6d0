"""Pools that are larger than the few nodes that are asked first."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from actors.dispatcher import FEW, Dispatcher
from tests.actors.test_dispatch import NODE
from tests.actors.test_dispatcher import command, dispatching
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.matching import Need, Rules
from wire.records import BindingRecord, NodeRecord, SlotRecord

NODES = [f"n{number:04}" for number in range(4 * FEW)]
NEED = Need(pool="default", source="fr", targets=["en"], speak=[])


def seeing(*taken: str, **unlike: dict[str, Any]) -> Dispatcher:
    """A dispatcher that has seen NODES with one slot each; `taken` are full, `unlike` differ from the others."""
    nobody: Any = None
    dispatcher = Dispatcher(nobody, "s1", Rules())
    for name in NODES:
        node = msgspec.structs.replace(NODE, node=name, slots=1, **unlike.get(name, {}))
        dispatcher._node_changed(name, node)
    for name in taken:
        mark = SlotRecord(job="s.1", session="s", attempt=1, by="s1", seconds=60)
        dispatcher._slot_changed(subjects.slot_key(name, 0), mark)
    return dispatcher


def names(dispatcher: Dispatcher, need: Need = NEED) -> list[str]:
    return [node.record.node for node in dispatcher._decide(need).candidates]


def test_a_few_are_asked_and_not_always_the_same() -> None:
    dispatcher = seeing()
    first, second = names(dispatcher), names(dispatcher)
    assert len(first) == len(second) == FEW
    assert set(first) != set(second)


def test_work_is_spread() -> None:
    dispatcher = seeing()
    best = Counter(names(dispatcher)[0] for _ in range(200))
    assert max(best.values()) < 100


def test_the_node_that_served_the_session_is_always_asked() -> None:
    dispatcher = seeing()
    need = msgspec.structs.replace(NEED, last=NODES[-1])
    assert all(names(dispatcher, need)[0] == NODES[-1] for _ in range(20))
    gone = msgspec.structs.replace(NEED, last="gone")
    assert len(names(dispatcher, gone)) == FEW


def test_the_only_slot_that_is_free_is_found() -> None:
    assert names(seeing(*NODES[:-1])) == [NODES[-1]]


def test_the_only_node_that_can_is_found() -> None:
    dispatcher = seeing(**{name: {"voices": {}} for name in NODES[:-1]})
    need = msgspec.structs.replace(NEED, speak=["en"])
    for _ in range(5):
        found = dispatcher._decide(need)
        assert found.whole
        assert [node.record.node for node in found.candidates] == [NODES[-1]]


def test_with_nothing_free_all_are_known_who_could() -> None:
    found = seeing(*NODES)._decide(NEED)
    assert not found.candidates
    assert len(found.capable) == len(NODES)


async def test_what_was_bound_to_any_node_is_published_there(bus: Bus) -> None:
    """A scheduler died between the binding and the job; the one after it need not have asked that node."""
    nodes: list[NodeRecord] = [msgspec.structs.replace(NODE, node=name, slots=1) for name in NODES[: FEW + 20]]
    bindings = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
    async with dispatching(bus, *nodes) as dispatcher:
        for utterance, node in enumerate(nodes[:8], 1):
            wanted = command(utterance)
            bound = msgspec.structs.replace(wanted.binding, node=node.node, slot=0)
            await bindings.put(subjects.binding_key("s1", utterance), bound)
            await dispatcher.run(wanted)
            assert await bus.last(subjects.JOBS, subjects.job_node(node.node)) is not None
    assert dispatcher.counters["jobs_adopted"] == 8
