"""Fixtures for all tests: a real server and a connection to it.

`pytest --nats container` runs the same tests against NATS in a container.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import nats_container, nats_server
from wire.bus import Bus

NATS = {"local": nats_server.running, "container": nats_container.running}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nats",
        choices=sorted(NATS),
        default="local",
        help="where tests find NATS: the packaged server, or a container",
    )


SHARED = ("system/faults/test_c", "system/faults", "system", "page")
"""Beginnings of paths of tests that share a fleet, a stack or a browser, the slowest first."""

CROWDED = ("system", "bench", "page")
"""Whole systems, which share two cores with the tests beside them: one of these that fails is run once more, and the
summary says so. What is broken fails twice."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests run side by side in several processes: those that share something in the same one, the slowest first."""
    here = Path(__file__).parent

    def group(item: pytest.Item) -> str:
        name = item.path.relative_to(here).as_posix()
        return next((each for each in SHARED if name.startswith(each)), name)

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
        if item.path.relative_to(here).parts[0] in CROWDED:
            item.add_marker(pytest.mark.flaky(reruns=1))
    order = {each: place for place, each in enumerate(SHARED)}
    items.sort(key=lambda item: order.get(group(item), len(SHARED)))


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[nats_server.NatsServer]:
    """A fresh nats-server with JetStream, for this test alone."""
    with NATS[request.config.getoption("--nats")](tmp_path) as running:
        yield running


@pytest.fixture
async def bus(server: nats_server.NatsServer) -> AsyncIterator[Bus]:
    """A connection to `server`, with the topology declared."""
    async with Bus.connect(server.url, "test") as connection:
        await connection.declare()
        yield connection


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Real speech beside the project (`../shared/audio`); tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "audio"
    if not folder.is_dir():
        pytest.skip("../shared/audio is not there: real recordings are not checked")
    return folder
