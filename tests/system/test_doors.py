"""Every door, tried with nobody's key, with another tenant's, and with what was meant for something else."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from ingress import app
from ingress.shared import Ingress
from ingress.vad import SpeechModel, find_model
from tests.ingress import client, stand_in
from tests.ingress.access.doors import ask, given, limit, revoke
from tests.ingress.client import connected
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import keys
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.rooms import code_of

PUBLIC = {"/", "/static", "/healthz", "/readyz", "/openapi.json", "/dashboard"}
SEAT = {"name": "Eve", "language": "en"}


class Doors:
    """An ingress that demands keys, with an actor and a node behind it, and two tenants before it."""

    def __init__(self, url: str, actor: stand_in.Actor, acme: str, eve: str) -> None:
        self.url = url
        self.actor = actor
        self.acme = acme
        self.eve = eve

    async def room(self) -> tuple[str, str]:
        """(code, invite) of a room of Acme's."""
        status, told, _ = await ask(self.url + "/v1/rooms", "POST", key=self.acme)
        assert status == 201
        return told["room"], told["invite"]

    async def token(self, key: str, **wanted: Any) -> str:
        status, told, headers = await ask(self.url + "/v1/tokens", "POST", key=key, json=wanted)
        assert status == 201, told
        assert headers["cache-control"] == "no-store"
        return str(told["token"])

    async def refusal(self, key: str, opening: str, **fields: Any) -> tuple[int, str, str]:
        """(close code, error code, message) of a connection that is refused."""
        async with connected(self.url, key) as other:
            await other.say(opening, **fields)
            code = await other.closed()
            told = next(event for event in other.events if event["type"] == "error")
            return code, told["code"], told["message"]


@pytest.fixture
async def doors(server: NatsServer, bus: Bus) -> AsyncIterator[Doors]:
    acme, eve = await given(bus, "acme"), await given(bus, "eve")
    async with stand_in.actor(server.url) as actor, stand_in.node(server.url), client.ingress(server.url) as url:
        await client.ready(url)
        yield Doors(url, actor, acme, eve)


def guarded(bus: Bus) -> Iterator[tuple[str, str]]:
    """(method, path) of all routes that there are, whoever added them, but for the public ones."""
    router = app.build(Ingress(IngressSettings(), bus, FleetView(), SpeechModel(find_model()))).router
    for route in router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if path not in PUBLIC and not isinstance(route.resource, web.StaticResource) and route.method != "HEAD":
            yield route.method, re.sub(r"{\w+}", "x", path)


async def test_no_door_opens_without_a_key(doors: Doors, bus: Bus) -> None:
    tried = 0
    for method, path in guarded(bus):
        for key in ("", keys.made(keys.KEY), keys.made(keys.TOKEN), "eyJhbGciOiJub25lIn0.eyJ0ZW5hbnQiOiJhY21lIn0."):
            status, told, headers = await ask(doors.url + path, method, key=key)
            assert status == 401, (method, path)
            assert "www-authenticate" in headers
            assert set(told["error"]) == {"message", "type", "code", "param"}
        tried += 1
    assert tried >= 4


async def test_a_session_is_its_tenants(doors: Doors) -> None:
    async with connected(doors.url, doors.acme) as mine:
        started = await mine.start(source="fr", targets=["en"])
        _, heard = doors.actor.only()
        assert heard.opened.tenant == "acme"
        mine.cut()
        await mine.closed()
    back = {"session": started["session"], "token": started["token"], "n": 1}
    unknown = await doors.refusal(doors.acme, "session.resume", **{**back, "session": "s0000000000000000"})
    assert unknown[:2] == (4404, "session_unknown")
    assert await doors.refusal(doors.eve, "session.resume", **back) == unknown
    assert await doors.refusal(await doors.token(doors.eve), "session.resume", **back) == unknown
    async with connected(doors.url, await doors.token(doors.acme)) as mine:
        await mine.resume(**back)
        await mine.until("session.resumed")


async def test_a_room_is_its_tenants(doors: Doors) -> None:
    code, invite = await doors.room()
    unknown = await doors.refusal(doors.eve, "room.join", room={"code": "K7MQ3RTX", **SEAT})
    assert unknown[:2] == (4404, "room_unknown")
    seat = {"code": code, **SEAT}
    assert await doors.refusal(doors.eve, "room.join", room=seat) == unknown
    assert await doors.refusal(doors.eve, "session.start", room=seat) == unknown
    status, told, _ = await ask(doors.url + "/v1/tokens", "POST", key=doors.eve, json={"room": code})
    assert (status, told["error"]["code"]) == (400, "room_unknown")
    async with connected(doors.url, doors.acme) as mine, connected(doors.url, invite) as guest:
        await mine.say("room.join", room={"code": code, "name": "Ann", "language": "fr"})
        await mine.until("room.joined")
        assert await doors.refusal(doors.eve, "room.join", room=seat) == unknown, "now that it is open here, too"
        await guest.say("room.join", room={"code": code.lower(), "name": "Guest", "language": "en"})
        joined = await guest.until("room.joined")
        assert await doors.refusal(doors.eve, "room.join", room=seat, token=joined["token"]) == unknown


async def test_a_guest_gets_into_one_room_and_nowhere_else(doors: Doors, bus: Bus) -> None:
    code, invite = await doors.room()
    other, _ = await doors.room()
    assert (await ask(doors.url + "/v1/info", key=invite))[0] == 200
    for method, path in guarded(bus):
        if path not in ("/v1/info", "/v1/stream"):
            status, told, _ = await ask(doors.url + path, method, key=invite)
            assert (status, told["error"]["code"]) == (403, "forbidden"), (method, path)
    assert (await doors.refusal(invite, "room.join", room={"code": other, **SEAT}))[:2] == (4404, "room_unknown")
    assert (await doors.refusal(invite, "session.start", room={"code": other, **SEAT}))[:2] == (4404, "room_unknown")
    assert (await doors.refusal(invite, "session.start", source="fr", targets=["en"]))[:2] == (4400, "forbidden")
    async with connected(doors.url, invite) as guest:
        started = await guest.start(room={"code": code, **SEAT})
        _, heard = doors.actor.only()
        assert heard.opened.tenant == "acme"
        guest.cut()
    alone = {"session": started["session"], "token": started["token"], "n": 1}
    assert (await doors.refusal(invite, "session.resume", **alone))[:2] == (4400, "forbidden")
    code_again = await doors.token(doors.acme, room=code.lower(), seconds=60)
    async with connected(doors.url, code_again) as guest:
        await guest.resume(**alone, room={"code": code, **SEAT})
        await guest.until("session.resumed")
    assert code_of(code) == code


async def test_a_token_does_not_outlive_what_it_was_made_with(doors: Doors, bus: Bus) -> None:
    first = (await ask(doors.url + "/v1/tokens", "POST", key=doors.acme, json={"seconds": 60}))[1]
    second = (await ask(doors.url + "/v1/tokens", "POST", key=first["token"], json={"seconds": 86_400}))[1]
    assert second["expires_at"] <= first["expires_at"]
    assert (first["tenant"], second["tenant"]) == ("acme", "acme")
    await revoke(bus, doors.acme)

    async def refused() -> bool:
        found = [(await ask(doors.url + "/v1/info", key=each["token"]))[0] for each in (first, second)]
        return found == [401, 401]

    await until(refused, 1)


async def test_what_runs_under_a_revoked_key_is_closed_within_a_second(doors: Doors, bus: Bus) -> None:
    code, invite = await doors.room()
    async with contextlib.AsyncExitStack() as all_of_them:
        mine, guest, others = [
            await all_of_them.enter_async_context(connected(doors.url, key)) for key in (doors.acme, invite, doors.eve)
        ]
        await mine.start(source="fr", targets=["en"])
        await others.start(source="fr", targets=["en"])
        await guest.say("room.join", room={"code": code, **SEAT})
        await guest.until("room.joined")
        await revoke(bus, doors.acme)
        async with asyncio.timeout(1):
            assert await mine.closed() == await guest.closed() == 4401
        assert mine.codes() == guest.codes() == ["invalid_api_key"]
        await others.audio(bytes(3200))
        await others.until("audio.ack")


async def limited(doors: Doors, bus: Bus, **limits: Any) -> None:
    """Acme has these limits, and the ingress knows."""
    await limit(bus, "acme", **{"requests": 1000, **limits})

    async def known() -> bool:
        told = (await ask(doors.url + "/v1/nothing", key=doors.acme))[2].get("x-ratelimit-limit-requests")
        return told == str(limits.get("requests", 1000))

    await until(known, 5)


async def test_limits_are_told_in_the_socket_before_any_work_is_done(doors: Doors, bus: Bus) -> None:
    await limited(doors, bus, sessions=1)
    asked = {"source": "fr", "targets": ["en"]}
    async with connected(doors.url, doors.acme) as first:
        await first.start(**asked)
        assert (await doors.refusal(doors.acme, "session.start", **asked))[:2] == (1013, "too_many_sessions")
        assert len(doors.actor.sessions) == 1
        async with connected(doors.url, doors.eve) as other:
            await other.start(**asked)
        await first.say("session.close")
        await first.closed()
    async with connected(doors.url, doors.acme) as next_one:
        await next_one.start(**asked)
    await limited(doors, bus, audio_minutes=0.05)
    async with connected(doors.url, doors.acme) as long:
        await long.start(**asked)
        await long.audio(bytes(32_000 * 4))
        assert await long.closed() == 1013
        assert long.codes() == ["quota_exceeded"]
    _, heard = list(doors.actor.sessions.items())[-1]
    assert len(heard.pcm) <= 3 * 32_000
    await limited(doors, bus, requests=1)
    assert (await doors.refusal(doors.acme, "session.start", **asked))[:2] == (1013, "rate_limited")


async def test_no_secret_is_in_a_log_line(doors: Doors, bus: Bus, capfd: pytest.CaptureFixture[str]) -> None:
    code, invite = await doors.room()
    token = await doors.token(doors.acme)
    for key in (doors.acme, token):
        await ask(f"{doors.url}/v1/info?key={key}", key=key)
        async with connected(doors.url, key) as mine:
            started = await mine.start(source="fr", targets=["en"])
    await doors.refusal(invite, "session.start")
    printed = "".join(capfd.readouterr())
    assert started["session"] in printed, "the log is read at all"
    for secret in (doors.acme, doors.eve, token, invite, started["token"]):
        assert secret.rsplit("_", 1)[-1] not in printed
    assert code not in printed
