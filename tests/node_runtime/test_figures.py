from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from node_runtime import figures
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from tests.wire.test_matching import NODE
from wire import metrics
from wire.bus import Bus
from wire.env import NodeSettings
from wire.monitor import Role
from wire.readings import Reading

GPU = {"name": "A", "memory_used_mb": 100, "memory_total_mb": 1000, "utilization_percent": 25}


def values(found: Iterable[Reading]) -> dict[tuple[str, ...], float]:
    return {(reading.family.name, *reading.labels): reading.value for reading in found}


@pytest.fixture
def presence(bus: Bus) -> Presence:
    return Presence(bus, NodeSettings(), "a", Slots(bus, "a", 1))


@pytest.fixture
def parts(bus: Bus, presence: Presence) -> Any:
    """What a node is made of, as far as it is counted."""
    counting = SimpleNamespace(
        counters=Counter({"jobs_started": 3, "jobs_failed.engine_failed": 1, "jobs_failed.x": 2})
    )
    partials = SimpleNamespace(counters=Counter({"answered": 4}))
    return bus, presence, SimpleNamespace(deaths=2), counting, partials


def test_the_work_of_a_node_is_told_by_outcome(parts: Any) -> None:
    found = values(figures.role(*parts).read())
    assert found[metrics.ATTEMPTS.name, "started"] == 3
    assert found[metrics.ATTEMPTS_FAILED.name, "engine_failed"] == 1
    assert found[metrics.ATTEMPTS_FAILED.name, "other"] == 2
    assert found[metrics.PARTIALS.name, "answered"] == 4
    assert not any(name == metrics.NODE_SLOTS.name for name, *_ in found), "no heart has beaten yet"


def test_its_last_heartbeat_is_told_in_base_units(parts: Any, presence: Presence) -> None:
    presence.told = msgspec.structs.replace(
        NODE, node="a", slots=4, busy=3, ready=True, cpu_percent=50.0, memory_mb=2.0, foreign_load=10.0, gpus=[GPU],
        rtf={"asr/whisper-base": 0.2, "what/ever": 1.0, "speech/": 0.5},
    )  # fmt: skip
    found = values(figures.role(*parts).read())
    assert found[metrics.NODE_SLOTS.name, "a"] == 4
    assert found[metrics.NODE_SLOTS_BUSY.name, "a"] == 3
    assert found[metrics.NODE_READY.name, "a"] == 1
    assert found[metrics.NODE_MEMORY.name, "a"] == 2 * 1024 * 1024
    assert (found[metrics.NODE_CPU.name, "a"], found[metrics.NODE_FOREIGN.name, "a"]) == (0.5, 0.1)
    assert found[metrics.NODE_RTF.name, "a", "asr", "whisper-base"] == 0.2
    assert found[metrics.NODE_RTF.name, "a", "other", "ever"] == 1.0
    assert found[metrics.NODE_RTF.name, "a", "speech", "other"] == 0.5
    assert found[metrics.GPU_MEMORY_USED.name, "a", "0"] == 100 * 1024 * 1024
    assert found[metrics.GPU_MEMORY.name, "a", "0"] == 1000 * 1024 * 1024
    assert found[metrics.GPU_BUSY.name, "a", "0"] == 0.25
    assert found[metrics.ENGINE_DEATHS.name, "a"] == 2


def reason(role: Role) -> str | None:
    return role.unready()


def test_it_is_ready_while_it_is_warm_and_takes_work(parts: Any, presence: Presence, bus: Bus) -> None:
    role = figures.role(*parts)
    assert reason(role) == "the engines are not warm"
    presence._ready.set()
    assert reason(role) is None
    presence.drain(True)
    assert reason(role) == "the node ends its jobs and takes no more"
    bus._up.clear()
    assert reason(role) == "the connection to NATS is away"
