"""What a process says of itself when its metrics are asked for: values of `wire.metrics.Family`, read then and there.

A role gives a function that yields `Reading`s; `collected` makes families of prometheus_client of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from wire import log, metrics
from wire.connection import Connection
from wire.metrics import Counts, Family

VERSION = metadata.version("dragoman")


class Reading(NamedTuple):
    """`labels` are values, in the family's order."""

    family: Family
    value: float
    labels: tuple[str, ...] = ()


Read = Callable[[], Iterable[Reading]]
Collected = CounterMetricFamily | GaugeMetricFamily


def counted(counts: Counts, counters: Mapping[str, int]) -> Iterator[Reading]:
    """A reading for each count of the table, 0 for what has not happened yet."""
    for name, (family, labels) in counts.items():
        yield Reading(family, counters.get(name, 0), labels)


def of_process(role: str, bus: Connection) -> Iterator[Reading]:
    """What every process has."""
    yield Reading(metrics.BUILD_INFO, 1, (VERSION, role))
    yield Reading(metrics.LOG_LINES_WITHHELD, log.withheld())
    yield Reading(metrics.NATS_CONNECTED, bus.connected)
    yield Reading(metrics.NATS_RECONNECTS, bus.reconnects)
    yield Reading(metrics.NATS_ERRORS, bus.errors)
    yield Reading(metrics.NATS_DUPLICATES, bus.duplicates)


def collected(readings: Iterable[Reading]) -> list[Collected]:
    """Raises ValueError where a reading has not one value for each label."""
    families: dict[str, Collected] = {}
    for family, value, labels in readings:
        made = families.get(family.name)
        if made is None:
            kind = CounterMetricFamily if family.counts else GaugeMetricFamily
            made = families[family.name] = kind(family.name, family.help, labels=family.labels)
        if len(labels) != len(family.labels):
            raise ValueError(f"{family.name} has the labels {family.labels}, and was given {labels}")
        made.add_metric(labels, float(value))
    return list(families.values())
