from __future__ import annotations

from importlib import metadata

import pytest

from wire import log, metrics, readings
from wire.bus import Bus
from wire.metrics import Family
from wire.readings import Reading, collected, counted

DONE = Family("dragoman_done_total", "What was done.", ("how",))
HELD = Family("dragoman_held", "What is held.")


def values(found: list[Reading]) -> dict[tuple[str, ...], float]:
    return {(reading.family.name, *reading.labels): reading.value for reading in found}


def test_counts_become_cases_of_their_families_and_begin_at_0() -> None:
    table = {"well": (DONE, ("well",)), "badly": (DONE, ("badly",)), "held": (HELD, ())}
    found = list(counted(table, {"well": 3, "unknown": 9}))
    assert values(found) == {
        ("dragoman_done_total", "well"): 3,
        ("dragoman_done_total", "badly"): 0,
        ("dragoman_held",): 0,
    }


def test_readings_of_a_family_stand_together_as_prometheus_wants_them() -> None:
    families = collected([Reading(DONE, 1, ("a",)), Reading(HELD, True), Reading(DONE, 2, ("b",))])
    assert [(family.name, family.type, len(family.samples)) for family in families] == [
        ("dragoman_done", "counter", 2),
        ("dragoman_held", "gauge", 1),
    ]
    assert [(sample.name, sample.labels, sample.value) for sample in families[0].samples] == [
        ("dragoman_done_total", {"how": "a"}, 1.0),
        ("dragoman_done_total", {"how": "b"}, 2.0),
    ]


def test_a_reading_without_its_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="dragoman_done_total has the labels"):
        collected([Reading(DONE, 1)])


async def test_every_process_tells_what_it_is_and_how_its_connection_fares(bus: Bus) -> None:
    found = values(list(readings.of_process("node", bus)))
    assert found[metrics.BUILD_INFO.name, metadata.version("dragoman"), "node"] == 1
    assert found[metrics.NATS_CONNECTED.name,] == 1
    assert found[metrics.NATS_RECONNECTS.name,] == found[metrics.NATS_ERRORS.name,] == 0
    assert found[metrics.LOG_LINES_WITHHELD.name,] == log.withheld()


async def test_what_a_stream_held_already_is_counted(bus: Bus) -> None:
    for _ in range(3):
        await bus.store("event.s1", b"{}", id="event.s1.1")
    assert values(list(readings.of_process("node", bus)))[metrics.NATS_DUPLICATES.name,] == 2
