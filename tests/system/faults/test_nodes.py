"""Nodes die, freeze, leave, lose their engines or their cable, each time with a job in hand."""

from __future__ import annotations

import pytest

from bench import faults
from bench.drill import Drill
from tests.system.faults.check import Hits, on, survived

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("hits", "hold_s"),
    [(faults.killed, 2.0), (faults.paused, 5.0), (faults.drained, 1.0), (faults.crashed, 0.0), (faults.cut, 5.0)],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_utterance_outlives_its_node(drill: Drill, hits: Hits, hold_s: float) -> None:
    await survived(drill, f"node {hits.__name__}", on(hits, lambda: faults.working(drill.fleet)), hold_s)
