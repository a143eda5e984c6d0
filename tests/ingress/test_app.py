from __future__ import annotations

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestServer

from ingress import app
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from tests.ingress import stand_in
from tests.ingress.client import eventually, get, ingress, ready
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView


async def test_health_readiness_and_what_the_fleet_serves(server: NatsServer, actor: Actor) -> None:
    async with ingress(server.url) as url:
        assert (await get(url + "/healthz"))[0] == 200
        status, body = await get(url + "/readyz")
        assert (status, body["ready"]) == (503, False)
        assert "node" in body["reason"]
        assert await get(url + "/v1/info") == (200, {"sources": [], "targets": {}, "voices": {}})
        other = msgspec.structs.replace(
            stand_in.NODE, node="n2", sources=["it"], targets={"de": ["it"]}, voices={"de": "eva"}
        )
        async with stand_in.node(server.url), stand_in.node(server.url, other):
            await ready(url)
            assert await get(url + "/readyz") == (200, {"ready": True})

            async def both() -> bool:
                return bool((await get(url + "/v1/info"))[1]["voices"] == {"de": "eva", "en": "joe"})

            await eventually(both)
            _, info = await get(url + "/v1/info")
            assert info["sources"] == ["de", "en", "fr", "it"]
            assert info["targets"] == {"de": ["fr", "it"], "en": ["*"]}


async def test_while_it_stops_nobody_is_let_in(bus: Bus, model: SpeechModel) -> None:
    stopping = Ingress(IngressSettings(), bus, FleetView(), model)
    stopping.stopping = True
    async with TestServer(app.build(stopping)) as server, aiohttp.ClientSession() as http:
        for path in ("/readyz", "/v1/stream"):
            async with http.get(server.make_url(path)) as response:
                assert response.status == 503
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(server.make_url("/v1/stream"))


async def test_the_page_and_its_files_come_with_safe_headers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/static/index.html"):
            async with session.get(url + path) as response:
                assert response.status == 200, path
                assert response.content_type == "text/html"
                assert "<html" in await response.text()
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'self'" in policy
                assert "connect-src 'self' ws: wss:" in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/nothing", "/static/../main.py", "/static/%2e%2e/main.py", "/static/"])
async def test_nothing_else_is_served(url: str, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + path) as response:
        assert response.status in (403, 404)


async def test_the_stream_wants_a_websocket(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + "/v1/stream") as response:
        assert response.status == 400
