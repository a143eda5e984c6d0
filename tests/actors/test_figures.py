from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors import figures
from tests.actors.test_scheduler import scheduling
from tests.waiting import until
from tests.wire.test_matching import NODE
from wire import metrics, subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.readings import Reading
from wire.records import NodeRecord


def values(found: Iterable[Reading]) -> dict[tuple[str, ...], float]:
    return {(reading.family.name, *reading.labels): reading.value for reading in found}


async def test_a_scheduler_tells_what_it_holds_and_sees(bus: Bus) -> None:
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
    states = {"a": {"ready": True}, "b": {"ready": False}, "c": {"ready": True, "draining": True}}
    for name, state in states.items():
        pools = ["default", "gpu"] if name == "a" else ["default"]
        await nodes.put(name, msgspec.structs.replace(NODE, node=name, pools=pools, **state))
    async with scheduling(bus, "s") as scheduler:
        role = figures.role(scheduler, bus)
        assert role.unready() == "it has not told the others that it is there"

        async def whole() -> bool:
            found = values(role.read())
            return found[metrics.PARTITIONS_HELD.name,] == 64 and (metrics.NODES.name, "gpu", "ready") in found

        await until(whole)
        assert role.unready() is None
        scheduler.dispatcher.refusals["no_slot"] += 2
        scheduler.counters["fenced"] += 1
        found = values(role.read())
    assert found[metrics.NODE_REFUSALS.name, "no_slot"] == 2
    assert found[metrics.NODE_REFUSALS.name, "offline"] == 0
    assert found[metrics.WRITES_FENCED.name,] == 1
    assert found[metrics.LEASES.name, "gained"] == 64
    assert found[metrics.SESSIONS_HELD.name,] == 0
    assert {key[1:]: value for key, value in found.items() if key[0] == metrics.NODES.name} == {
        ("default", "ready"): 1, ("default", "warming"): 1, ("default", "draining"): 1,
        ("gpu", "ready"): 1, ("gpu", "warming"): 0, ("gpu", "draining"): 0,
    }  # fmt: skip
