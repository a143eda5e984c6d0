from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ingress import endings, traffic
from ingress.endings import Ending
from tests.waiting import until
from wire import metrics


def count(name: str, **labels: str) -> float:
    return metrics.INGRESS.get_sample_value(name, labels) or 0.0


async def _fine(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _fails(request: web.Request) -> web.Response:
    raise RuntimeError


async def _gone(request: web.Request) -> web.Response:
    raise asyncio.CancelledError


async def _socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.close()
    return socket


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[traffic.measured])
    app.router.add_get("/sessions/{id}", _fine)
    app.router.add_get("/fails", _fails)
    app.router.add_get("/gone", _gone)
    app.router.add_get("/socket", _socket)
    async with TestClient(TestServer(app)) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/sessions/1", "/sessions/{id}", "204"),
        ("/sessions/2", "/sessions/{id}", "204"),
        ("/made/up", "none", "404"),
        ("/fails", "/fails", "500"),
    ],
)
async def test_requests_are_counted_by_route_and_status(
    client: TestClient[web.Request, web.Application], path: str, route: str, status: str
) -> None:
    labels = {"method": "GET", "route": route, "status": status}
    before = count("dragoman_http_requests_total", **labels), count("dragoman_http_request_seconds_count", route=route)
    async with client.get(path) as answer:
        assert str(answer.status) == status
    after = count("dragoman_http_requests_total", **labels), count("dragoman_http_request_seconds_count", route=route)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


async def test_who_gives_up_waiting_is_counted_apart(client: TestClient[web.Request, web.Application]) -> None:
    labels = {"method": "GET", "route": "/gone", "status": "499"}
    before = count("dragoman_http_requests_total", **labels)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.get("/gone")
    assert count("dragoman_http_requests_total", **labels) == before + 1


async def test_a_websocket_takes_as_long_as_it_takes(client: TestClient[web.Request, web.Application]) -> None:
    async with client.ws_connect("/socket") as socket:
        await socket.receive()

    async def counted() -> bool:
        return count("dragoman_http_requests_total", method="GET", route="/socket", status="101") > 0

    await until(counted)
    assert count("dragoman_http_request_seconds_count", route="/socket") == 0


@pytest.mark.parametrize(("code", "label"), [(1000, "1000"), (None, "0"), (4401, "4401"), (3999, "other")])
def test_sockets_are_counted_by_their_close_code(code: int | None, label: str) -> None:
    before = count("dragoman_websocket_closes_total", code=label)
    traffic.closed(code)
    assert count("dragoman_websocket_closes_total", code=label) == before + 1


@pytest.mark.parametrize(
    ("ending", "label"),
    [(endings.FULL, "too_many_sessions"), (endings.LEFT, "left"), (Ending.told(1003, "made_up", "x"), "other")],
)
def test_who_is_turned_away_is_counted_by_reason(ending: Ending, label: str) -> None:
    before = count("dragoman_sessions_refused_total", reason=label)
    traffic.turned_away(ending)
    assert count("dragoman_sessions_refused_total", reason=label) == before + 1
    assert len(traffic.reasons()) < 60
