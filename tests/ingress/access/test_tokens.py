"""`POST /v1/tokens`; what tokens open and do not is in tests/system/test_doors.py."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.ingress import client
from tests.ingress.access.doors import ask, given
from tests.ingress.access.test_claims import SECRET, signed
from tests.nats_server import NatsServer
from wire.bus import Bus


@pytest.fixture
async def url(server: NatsServer) -> AsyncIterator[str]:
    async with client.ingress(server.url) as url:
        yield url


async def test_a_token_says_whose_it_is_and_when_it_ends(url: str) -> None:
    status, told, headers = await ask(url + "/v1/tokens", "POST")
    assert (status, headers["cache-control"]) == (201, "no-store")
    assert told["token"].startswith("dgt_")
    assert told["expires_at"] == pytest.approx(time.time() + 600, abs=30)
    assert (told["tenant"], told["room"]) == ("default", None)


async def test_a_token_for_a_room_names_it_in_its_one_spelling(url: str) -> None:
    code = (await ask(url + "/v1/rooms", "POST"))[1]["room"]
    spelled = f"{code[:4]}-{code[4:]}".lower()
    assert (await ask(url + "/v1/tokens", "POST", json={"room": spelled}))[1]["room"] == code
    for unknown in ("K7MQ3RTX", "*", "../rooms", "a" * 5000):
        status, told, _ = await ask(url + "/v1/tokens", "POST", json={"room": unknown})
        assert (status, told["error"]["code"]) == (400, "room_unknown")


async def test_a_wrong_body_is_told(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(url + "/v1/tokens", data=b'{"seconds": "x"}') as answer:
        assert answer.status == 400
        assert "seconds" in (await answer.json())["error"]["message"]


async def test_one_made_with_a_jwt_ends_with_it(server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("jwt") / "secret"
    file.write_bytes(SECRET)
    async with client.ingress(server.url, jwt_keys=str(file)) as url:
        shown = signed(SECRET, "HS256", exp=time.time() + 20)
        status, told, _ = await ask(url + "/v1/tokens", "POST", key=shown, json={"seconds": 3600})
        assert (status, told["tenant"]) == (201, "acme")
        assert told["expires_at"] <= time.time() + 60
        assert (await ask(url + "/v1/info", key=told["token"]))[0] == 200
        dying = signed(SECRET, "HS256", exp=time.time() - 29.5)
        status, told, _ = await ask(url + "/v1/tokens", "POST", key=dying)
        assert (status, told["error"]["code"]) in ((403, "forbidden"), (401, "invalid_api_key"))
        assert (await ask(url + "/v1/info"))[0] == 401


async def test_only_an_operator_makes_a_token_for_operators(server: NatsServer, bus: Bus) -> None:
    operator, other = await given(bus, "ours", admin=True), await given(bus, "ours")
    async with client.ingress(server.url) as url:
        status, told, _ = await ask(url + "/v1/tokens", "POST", key=other, json={"admin": True})
        assert (status, told["error"]["code"]) == (403, "forbidden")
        status, told, _ = await ask(url + "/v1/tokens", "POST", key=operator, json={"admin": True})
        assert status == 201
        assert (await ask(url + "/v1/tokens", "POST", key=told["token"], json={"admin": True}))[0] == 201
        told = (await ask(url + "/v1/tokens", "POST", key=operator))[1]
        assert (await ask(url + "/v1/tokens", "POST", key=told["token"], json={"admin": True}))[0] == 403
