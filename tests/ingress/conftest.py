"""An ingress with a node that is ready and an actor that answers; the node's heart beats in all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.ingress import client, stand_in
from tests.nats_server import NatsServer


@pytest.fixture
async def actor(server: NatsServer) -> AsyncIterator[stand_in.Actor]:
    async with stand_in.actor(server.url) as actor:
        yield actor


@pytest.fixture
async def node(server: NatsServer) -> AsyncIterator[None]:
    async with stand_in.node(server.url):
        yield


@pytest.fixture
async def url(server: NatsServer, actor: stand_in.Actor, node: None) -> AsyncIterator[str]:
    """Of an ingress that is ready."""
    async with client.ingress(server.url) as url:
        await client.ready(url)
        yield url
