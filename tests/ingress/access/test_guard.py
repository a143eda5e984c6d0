"""What a request meets first, at an ingress that runs."""

from __future__ import annotations

import asyncio
import functools
import gzip
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.ingress import client
from tests.ingress.access.doors import ask, bearer, given, limit, revoke
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import keys
from wire.bus import Bus


@pytest.fixture
async def key(bus: Bus) -> str:
    return await given(bus, "acme")


@pytest.fixture
async def closed(server: NatsServer, key: str) -> AsyncIterator[str]:
    """The URL of an ingress that demands keys."""
    async with client.ingress(server.url, origins=["https://app.example.org"]) as url:
        yield url


@pytest.fixture
async def open_door(server: NatsServer, bus: Bus) -> AsyncIterator[str]:
    """The URL of one that does not."""
    async with client.ingress(server.url, auth="off") as url:
        yield url


async def test_only_the_page_and_health_are_for_everybody(closed: str, key: str) -> None:
    for path in ("/", "/static/app.js", "/healthz", "/openapi.json"):
        assert (await ask(closed + path))[0] == 200, path
    for method, path in (
        ("GET", "/v1/info"), ("GET", "/v1/stream"), ("POST", "/v1/rooms"), ("POST", "/v1/tokens"),
        ("GET", "/v1/nothing"), ("GET", "/nothing"), ("DELETE", "/v1/rooms"),
    ):  # fmt: skip
        status, told, headers = await ask(closed + path, method)
        assert (status, told["error"]["code"]) == (401, "missing_api_key"), path
        assert headers["www-authenticate"].startswith("Bearer")
        status, told, headers = await ask(closed + path, method, key=keys.made(keys.KEY))
        assert (status, told["error"]["code"]) == (401, "invalid_api_key"), path
        assert "invalid_token" in headers["www-authenticate"]
    assert (await ask(closed + "/v1/info", key=key))[0] == 200
    assert (await ask(closed + "/v1/nothing", key=key))[0] == 404


@pytest.mark.parametrize(
    "path",
    ["//v1/info", "/v1//info", "/./v1/info", "/static/../v1/info", "/static/%2e%2e/v1/info", "/V1/info", "/v1/info/",
     "/v1/info;a", "/v1/%69nfo", "/healthz/../v1/info", "/v1/info%00", "/%2fv1/info"],
)  # fmt: skip
async def test_no_other_spelling_of_a_path_gets_past(closed: str, path: str) -> None:
    host, port = closed.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    status = int(answer.split()[1])
    assert status in (400, 401, 403, 404), answer
    assert b"sources" not in answer


async def test_where_none_is_demanded_any_key_will_do(open_door: str) -> None:
    for headers in ({}, bearer("sk-none"), {"Authorization": "Basic cHJveHk6cHJveHk="}):
        assert (await ask(open_door + "/v1/info", **headers))[0] == 200


async def test_a_key_in_the_address_is_refused_and_not_repeated(closed: str, key: str) -> None:
    for query in (f"api_key={key}", f"x={key}", "token=abc"):
        status, told, _ = await ask(f"{closed}/v1/info?{query}", key=key)
        assert (status, told["error"]["code"]) == (400, "key_in_url")
        assert "Bearer" in told["error"]["message"]
        assert key not in str(told)


async def test_errors_have_one_shape(open_door: str) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404), ("GET", "/v1/rooms", 405), ("GET", "/v1/stream", 400), ("POST", "/v1/tokens", 400),
    ):  # fmt: skip
        found, told, headers = await ask(open_door + path, method, json={"wrong": 1} if method == "POST" else None)
        assert found == status, path
        assert set(told["error"]) == {"message", "type", "code", "param"}
        assert told["error"]["type"] == "invalid_request_error"
        assert headers["x-content-type-options"] == "nosniff"
    assert (await ask(open_door + "/v1/rooms"))[2]["allow"] == "POST"
    async with (
        aiohttp.ClientSession() as http,
        http.post(open_door + "/v1/tokens", data=io.BytesIO(bytes(1_100_000))) as answer,
    ):
        assert answer.status == 413
    bomb = gzip.compress(bytes(50_000_000))
    async with (
        aiohttp.ClientSession() as http,
        http.post(open_door + "/v1/tokens", data=bomb, headers={"Content-Encoding": "gzip"}) as answer,
    ):
        assert answer.status == 413


async def test_requests_are_counted_and_what_is_left_is_told(closed: str, key: str, bus: Bus) -> None:
    await limit(bus, "acme", requests=3)

    async def limited() -> bool:
        return "x-ratelimit-limit-requests" in (await ask(closed + "/v1/nothing", key=key))[2]

    await until(limited, 5)
    for _ in range(3):
        status, told, headers = await ask(closed + "/v1/nothing", key=key)
    assert (status, told["error"]["code"], told["error"]["type"]) == (429, "rate_limited", "rate_limit_error")
    assert 0 < int(headers["retry-after"]) <= 60
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("3", "0")
    assert (await ask(closed + "/v1/info", key=key))[0] == 200, "what there is may be asked freely"


async def test_pages_from_elsewhere_may_not_change_anything(open_door: str, closed: str, key: str) -> None:
    for url, mine in ((open_door, ""), (closed, key)):
        status, told, _ = await ask(url + "/v1/rooms", "POST", key=mine, Origin="https://evil.example.org")
        assert (status, told["error"]["code"]) == (403, "forbidden")
        async with aiohttp.ClientSession(headers=bearer(mine)) as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(url + "/v1/stream", origin="https://evil.example.org")
            assert caught.value.status == 403
            async with http.ws_connect(url + "/v1/stream", origin=url):
                pass
        assert (await ask(url + "/v1/rooms", "POST", key=mine, Origin=url))[0] == 201
        assert (await ask(url + "/v1/info", key=mine, Origin="https://evil.example.org"))[0] == 200
        assert (await ask(url + "/v1/rooms", "POST", key=mine, Origin="null"))[0] == 403


async def test_pages_that_the_operator_named_may(closed: str, key: str) -> None:
    status, _, headers = await ask(closed + "/v1/rooms", "POST", key=key, Origin="https://app.example.org")
    assert status == 201
    assert headers["access-control-allow-origin"] == "https://app.example.org"
    asking = functools.partial(ask, closed + "/v1/rooms", "OPTIONS", Access_Control_Request_Method="POST")
    status, _, headers = await asking(Origin="https://app.example.org")
    assert status == 204
    assert "Authorization" in headers["access-control-allow-headers"]
    status, _, headers = await asking(Origin="https://evil.example.org")
    assert "access-control-allow-origin" not in headers


async def test_a_name_that_was_made_to_point_here_is_refused(open_door: str, closed: str, key: str) -> None:
    for host in ("evil.example.org", "evil.example.org:80", "127.0.0.1.evil.example.org"):
        status, told, _ = await ask(open_door + "/v1/info", Host=host)
        assert (status, told["error"]["code"]) == (403, "forbidden")
        assert "origins" in told["error"]["message"]
        assert (await ask(open_door + "/", Host=host))[0] == 403
    assert (await ask(open_door + "/v1/info", Host="localhost:8080"))[0] == 200
    assert (await ask(closed + "/v1/info", key=key, Host="evil.example.org"))[0] == 200, "there a key protects"


async def test_a_key_as_a_subprotocol_is_not_repeated(closed: str, key: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(closed + "/v1/stream", protocols=["dragoman", f"dragoman.key.{key}"]) as socket,
    ):
        assert socket.protocol == "dragoman"
        assert key not in str(socket._response.headers)
    async with aiohttp.ClientSession() as http:
        for wrong in (["dragoman"], ["dragoman", f"dragoman.key.{keys.made(keys.KEY)}"]):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(closed + "/v1/stream", protocols=wrong)
            assert caught.value.status == 401


async def test_a_revoked_key_is_refused_within_a_second(closed: str, key: str, bus: Bus) -> None:
    assert (await ask(closed + "/v1/info", key=key))[0] == 200
    await revoke(bus, key)

    async def refused() -> bool:
        return (await ask(closed + "/v1/info", key=key))[0] == 401

    await until(refused, 1)


async def test_what_goes_wrong_here_is_told_without_a_word_about_it(
    open_door: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> str:
        raise RuntimeError("secret innards")

    monkeypatch.setattr("ingress.rooms.Rooms.create", broken)
    status, told, _ = await ask(open_door + "/v1/rooms", "POST")
    assert (status, told["error"]["type"], told["error"]["code"]) == (500, "server_error", "internal")
    assert "innards" not in str(told)


async def test_a_key_for_pages_opens_sessions_and_nothing_else(closed: str, key: str) -> None:
    _, made, _ = await ask(closed + "/v1/realtime/client_secrets", "POST", key=key, json={})
    for method, path in (
        ("GET", "/v1/jobs"), ("POST", "/v1/tokens"), ("POST", "/v1/rooms"), ("GET", "/v1/models"),
        ("GET", "/v1/stream"), ("POST", "/v1/audio/speech"),
    ):  # fmt: skip
        status, told, _ = await ask(closed + path, method, key=made["value"])
        assert (status, told["error"]["code"]) == (403, "forbidden"), path
    protocols = ["realtime", f"openai-insecure-api-key.{made['value']}"]
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(closed + "/v1/realtime?intent=transcription", protocols=protocols) as socket,
    ):
        assert socket.protocol == "realtime"
