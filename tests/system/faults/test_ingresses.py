"""Ingresses die, leave, freeze, or lose their cable: their clients go elsewhere and come back to their sessions."""

from __future__ import annotations

import pytest

from bench import faults
from bench.drill import Drill
from tests.system.faults.check import Hits, survived

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("hits", "hold_s"),
    [(faults.killed, 2.0), (faults.drained, 1.0), (faults.paused, 8.0)],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_session_outlives_its_ingress(drill: Drill, hits: Hits, hold_s: float) -> None:
    report = await survived(drill, f"ingress {hits.__name__}", lambda: hits(drill.fleet["ingress-1"]), hold_s)
    assert report.returns >= 1


async def test_an_ingress_without_nats_keeps_what_is_said(drill: Drill) -> None:
    await survived(drill, "ingress cut", lambda: faults.cut(drill.fleet["ingress-2"]), 3.0)
