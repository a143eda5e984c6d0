from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.ingress import client, stand_in
from tests.ingress.recordings.caller import Jobs, jobs_at
from tests.ingress.recordings.scribe import Scribe, writing
from tests.nats_server import NatsServer
from wire.bus import Bus


@pytest.fixture
async def scribe(server: NatsServer) -> AsyncIterator[Scribe]:
    async with writing(server.url) as scribe:
        yield scribe


@pytest.fixture
async def node(server: NatsServer) -> AsyncIterator[None]:
    """It serves Spanish, too."""
    record = msgspec.structs.replace(
        stand_in.NODE, targets={"en": ["*"], "es": ["*"]}, voices={"en": "joe", "es": "ana"}
    )
    async with stand_in.node(server.url, record):
        yield


@pytest.fixture
async def jobs(server: NatsServer, scribe: Scribe, node: None) -> AsyncIterator[Jobs]:
    """`/v1/jobs` of an ingress that is ready."""
    async with client.ingress(server.url) as url, jobs_at(url) as jobs:
        await client.ready(url)
        yield jobs


@pytest.fixture
async def idle(server: NatsServer, bus: Bus) -> AsyncIterator[Jobs]:
    """`/v1/jobs` of an ingress without nodes: what it is brought, waits. (With `bus` the streams are there.)"""
    async with client.ingress(server.url) as url, jobs_at(url) as jobs:
        yield jobs
