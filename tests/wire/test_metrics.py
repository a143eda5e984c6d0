"""Names and labels by Prometheus' conventions; no count without a metric, and no metric that nothing moves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple, get_args

import pytest
from prometheus_client import Counter, Histogram

from node_runtime.claims import Verdict
from tests.test_architecture import PACKAGES, named, sources, tree
from wire import metrics
from wire.metrics import Counts, Family, one_of

UNITS = ("seconds", "bytes", "ratio", "total", "info")
UNITLESS = {
    "dragoman_nats_connected", "dragoman_sessions_held", "dragoman_partitions_held", "dragoman_nodes",
    "dragoman_queue_depth", "dragoman_pool_capacity_slots", "dragoman_pool_used_slots",
    "dragoman_pool_capacity_streams", "dragoman_line_waiting", "dragoman_sessions_connected", "dragoman_connections",
    "dragoman_recordings", "dragoman_node_ready", "dragoman_node_draining", "dragoman_node_slots",
    "dragoman_node_busy_slots", "dragoman_node_real_time_factor", "dragoman_export_database_connected",
}  # fmt: skip
"""Numbers of things."""

LABELS = {
    "version", "role", "work", "what", "how", "change", "lane", "reason", "pool", "state", "queue", "stream", "code",
    "method", "route", "status", "outcome", "stage", "cache", "result", "node", "model", "gpu",
}  # fmt: skip
"""Each has few values, which no client chooses."""


class Declared(NamedTuple):
    constant: str
    name: str
    help: str
    labels: tuple[str, ...]


def declared() -> Iterator[Declared]:
    for constant, value in vars(metrics).items():
        if isinstance(value, Family):
            yield Declared(constant, value.name, value.help, value.labels)
        elif isinstance(value, Histogram | Counter):
            (family,) = value.describe()
            name = family.name + ("_total" if isinstance(value, Counter) else "")
            yield Declared(constant, name, family.documentation, value._labelnames)


ALL = list(declared())
TABLES: list[Counts] = [value for name, value in vars(metrics).items() if name.endswith("_COUNTS")]


def test_no_name_is_there_twice() -> None:
    names = [each.name for each in ALL]
    assert len(names) == len(set(names)) > 50


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_names_help_and_labels_follow_the_conventions(each: Declared) -> None:
    assert re.fullmatch(r"dragoman_[a-z]+(_[a-z]+)*", each.name)
    assert each.name.endswith(UNITS) or each.name in UNITLESS, "the unit is missing"
    assert each.help.endswith(".")
    assert set(each.labels) <= LABELS
    assert len(each.labels) <= 3


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_each_is_told_of_by_somebody(each: Declared) -> None:
    """A count's family stands in its table; everything else is used by name where it happens."""
    if any(family.name == each.name for table in TABLES for family, _ in table.values()):
        return
    users = [
        named(path)
        for path in sources(*PACKAGES)
        if named(path) != "wire/metrics.py"
        for node in ast.walk(tree(path))
        if each.constant in (getattr(node, "attr", ""), getattr(node, "id", ""))
    ]
    assert users, f"nothing moves {each.constant}"


@pytest.mark.parametrize("table", TABLES)
def test_counts_give_each_label_a_value_and_none_is_there_twice(table: Counts) -> None:
    cases = [(family.name, labels) for family, labels in table.values()]
    assert len(set(cases)) == len(cases)
    assert all(len(labels) == len(family.labels) for family, labels in table.values())


# --- counts that the code keeps ---

RETURNED = "what a call returned"


def keys(folder: str) -> Iterator[tuple[str, str]]:
    """(file, key) of each `…counters[key] += …`; a placeholder in it reads as '{}'."""
    for path in sources(folder):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
                where = ast.unparse(node.target.value)
                if where in ("self.counters", "self._counters"):
                    for key in alternatives(node.target.slice):
                        yield named(path), key


def alternatives(key: ast.expr) -> list[str]:
    match key:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.IfExp(body=body, orelse=orelse):
            return alternatives(body) + alternatives(orelse)
        case ast.JoinedStr(values=values):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)]
        case ast.Await() | ast.Name():
            return [RETURNED]
    raise AssertionError(f"a count whose name cannot be read: {ast.unparse(key)}")


def test_every_count_of_schedulers_is_a_metric() -> None:
    found = {key for _, key in keys("actors")}
    assert found == set(metrics.SCHEDULER_COUNTS)


def test_every_count_of_nodes_is_a_metric() -> None:
    verdicts = [f"jobs_{verdict}" for verdict in get_args(Verdict) if verdict != "run"]
    known = {"jobs_{}": verdicts, "jobs_failed.{}": [key for key in metrics.NODE_COUNTS if key.startswith("jobs_f")]}
    found = {key for file, key in keys("node_runtime") if file != "node_runtime/partials.py"}
    assert {each for key in found for each in known.get(key, [key])} == set(metrics.NODE_COUNTS)


def test_every_count_of_partials_is_a_metric() -> None:
    ends = returned("node_runtime/partials.py", "_run")
    found = {key for file, key in keys("node_runtime") if file == "node_runtime/partials.py"}
    assert {each for key in found for each in (ends if key == RETURNED else [key])} == set(metrics.PARTIAL_COUNTS)


def returned(file: str, name: str) -> list[str]:
    """Texts that a function returns."""
    (path,) = (path for path in sources("node_runtime") if named(path) == file)
    (function,) = (n for n in ast.walk(tree(path)) if isinstance(n, ast.AsyncFunctionDef) and n.name == name)
    values = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    return [str(value.value) for value in values if isinstance(value, ast.Constant)]


def test_labels_that_others_choose_are_bounded() -> None:
    assert one_of("engine_failed", metrics.FAILURES) == "engine_failed"
    assert one_of("made up", metrics.FAILURES) == metrics.OTHER
