"""One fleet on one NATS server for most of these tests; nodes take their time, so that faults find them at work."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.drill import Drill, prepared
from bench.fleet import Shape, running

SHAPE = Shape(
    settings={"node": {"scripted_rtf": "0.6", "drain_s": "3"}},
    links=frozenset({"node-1", "node-2", "node-3", "ingress-2"}),
)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    async with running(SHAPE, tmp_path_factory.mktemp("fleet")) as fleet:
        yield await prepared(fleet)


@pytest_asyncio.fixture(loop_scope="session")
async def drill(shared: Drill) -> Drill:
    """The fleet, whole again after whatever the test before did to it."""
    await shared.fleet.until_ready()
    return shared
