"""Clients that wait in line, as they see it: there is room for two, and for three to wait."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.ingress.client import Client, chunk, connected, get, ingress, ready
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from wire.records import Held


@pytest.fixture
async def url(server: NatsServer, actor: Actor, node: None) -> AsyncIterator[str]:
    actor.leader.room = 2
    async with ingress(server.url, max_waiting=3) as url:
        await ready(url)
        yield url


@contextlib.asynccontextmanager
async def asking(url: str, count: int, query: str = "") -> AsyncIterator[list[Client]]:
    """So many clients, each of which has asked for a session: the first two are in, the others wait."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for number in range(count):
            client = await stack.enter_async_context(connected(url, query=query))
            clients.append(client)
            await client.say("session.start", source="fr", targets=["en"])
            await client.until("queue.status" if number >= 2 else "session.started")
        yield clients


async def test_some_are_in_and_the_others_are_told_their_places(url: str, actor: Actor) -> None:
    async with asking(url, 5) as clients:
        for place, client in enumerate(clients[2:], 1):
            assert await client.until("queue.status") == {"type": "queue.status", "position": place, "ahead": place - 1}
        assert not any(client.events[0]["type"] == "queue.status" for client in clients[:2])
        await clients[0].say("session.close")
        assert await clients[0].closed() == 1000
        await clients[2].until("session.started")
        await clients[2].audio(bytes(3200))
        await clients[2].until("audio.ack", chunk=0)
        assert (await clients[4].until("queue.status", position=2))["ahead"] == 1
        assert actor.leader.held() == Held(sessions=2, targets=2, spoken=2)
    await actor.leader.until(lambda: actor.leader.held() == Held() and actor.leader.waiting() == 0)


async def test_who_waits_may_leave_and_gives_its_place_back(url: str) -> None:
    async with asking(url, 5) as clients:
        await clients[2].say("session.close")
        assert await clients[2].closed() == 1000
        clients[3].cut()
        await clients[4].until("queue.status", position=1)
        assert clients[2].codes() == []


async def test_who_waits_sends_no_audio(url: str) -> None:
    async with asking(url, 3) as clients:
        await clients[2].say("session.update", targets=["de"])
        assert "session.started" in (await clients[2].until("error", code="unknown_type"))["message"]
        await clients[2].socket.send_bytes(chunk(0, bytes(3200)))
        assert await clients[2].closed() == 1008
        assert clients[2].codes()[-1] == "audio_before_start"


async def test_where_the_line_is_full_it_is_said_before_the_socket_opens(url: str, actor: Actor) -> None:
    actor.leader.a_minute = 6.0
    await actor.leader.give(2)
    async with asking(url, 5) as clients, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url + "/v1/stream")
        assert refused.value.status == 503
        assert refused.value.headers is not None
        assert refused.value.headers["Retry-After"] == "40"
        status, told = await get(url + "/v1/stream")
        assert (status, told["error"]["code"], told["error"]["type"]) == (503, "full", "server_error")
        async with connected(url, query="?resume") as late:
            await late.say("session.start", source="fr")
            assert await late.closed() == 1013
            assert late.codes() == ["full"]
        await clients[0].say("session.close")
        await clients[2].until("session.started")
        async with connected(url) as late:
            await late.say("session.start", source="fr")
            assert (await late.until("queue.status"))["position"] == 3


async def test_who_comes_back_is_in_though_all_is_full(url: str, actor: Actor) -> None:
    async with asking(url, 5) as clients:
        started = await clients[0].until("session.started")
        clients[0].cut()
        await clients[2].until("session.started")
        async with connected(url) as late:
            await late.say("session.start", source="fr")
            await late.until("queue.status")
            async with connected(url, query="?resume") as back:
                await back.resume(started["session"], started["token"], 1)
                await back.until("session.resumed")
                await actor.leader.until(lambda: actor.leader.held().sessions == 3)


async def test_what_a_session_wants_now_is_what_counts(url: str, actor: Actor) -> None:
    async with asking(url, 1) as (client,):
        await actor.leader.until(lambda: actor.leader.held() == Held(sessions=1, targets=1, spoken=1))
        await client.say("session.update", targets=["de", "en"], speech=["de"])
        await actor.leader.until(lambda: actor.leader.held() == Held(sessions=1, targets=2, spoken=1))


async def test_who_waits_at_a_server_that_goes_is_told_so(server: NatsServer, actor: Actor, node: None) -> None:
    actor.leader.room = 2
    async with contextlib.AsyncExitStack() as staying:
        async with ingress(server.url) as url:
            await ready(url)
            clients = await staying.enter_async_context(asking(url, 3))
        assert await clients[2].closed() == 1012
        assert clients[2].codes() == ["going_away"]
    await actor.leader.until(lambda: not actor.leader.lines)


async def test_a_text_that_is_to_be_spoken_finds_no_room(url: str) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    async with (
        asking(url, 2),
        aiohttp.ClientSession() as http,
        http.post(url + "/v1/audio/speech", json=body) as answer,
    ):
        told = await answer.json()
        assert (answer.status, told["error"]["code"], told["error"]["type"]) == (503, "full", "server_error")
        assert answer.headers["Retry-After"] == "5"


async def test_who_waits_for_a_place_in_a_room_gets_it_as_it_is_then(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(url + "/v1/rooms") as answer:
        code = (await answer.json())["room"]
    async with asking(url, 2) as clients, connected(url, query="?join") as listener, connected(url) as speaker:
        await speaker.say("session.start", source="fr", room={"code": code, "name": "Ada", "language": "fr"})
        await speaker.until("queue.status")
        await listener.say("room.join", room={"code": code, "name": "Bob", "language": "en", "speech": False})
        await listener.until("room.members")
        await clients[0].say("session.close")
        assert (await speaker.until("session.started"))["targets"] == ["en"]
