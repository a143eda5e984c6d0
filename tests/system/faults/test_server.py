"""The only NATS server dies or is restarted: everybody waits for it, and goes on where it was."""

from __future__ import annotations

import pytest

from bench import faults
from bench.drill import Drill
from tests.system.faults.check import Hits, survived

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("hits", "hold_s"), [(faults.killed, 1.0), (faults.restarted, 0.0)], ids=["killed", "restarted"]
)
async def test_the_server_comes_back_and_nothing_is_lost(drill: Drill, hits: Hits, hold_s: float) -> None:
    await survived(drill, f"server {hits.__name__}", lambda: hits(drill.fleet["server-1"]), hold_s)
