"""Fixtures for all tests: a real server and a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import nats_server
from wire.bus import Bus


@pytest.fixture
def server(tmp_path: Path) -> Iterator[nats_server.NatsServer]:
    """A fresh nats-server with JetStream, for this test alone."""
    with nats_server.running(tmp_path) as running:
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
