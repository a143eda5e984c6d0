"""Openings that are refused and connections that are ended: each says why, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import re
import time

import aiohttp
import msgspec
import pytest

from ingress import connection, line
from tests.ingress import stand_in
from tests.ingress.client import Client, chunk, connected, eventually, get, ingress, ready, undisturbed
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from wire.messages import ClientLeft


def start(**fields: object) -> str:
    return json.dumps({"type": "session.start", **fields})


async def turned_away(url: str, first: str | bytes) -> tuple[str, int, str]:
    """(error code, close code, message) after this first message."""
    async with connected(url) as client:
        if isinstance(first, str):
            await client.socket.send_str(first)
        else:
            await client.socket.send_bytes(first)
        code = await client.closed()
        (error,) = [event for event in client.events if event["type"] == "error"]
        return error["code"], code, error["message"]


@pytest.mark.parametrize(
    ("first", "error", "close", "names"),
    [
        ("hello", "bad_start", 1003, "JSON"),
        ("[1, 2]", "bad_start", 1003, "JSON object"),
        ('{"type":"session.strat"}', "bad_start", 1003, r"session\.start"),
        ('{"source":"fr"}', "bad_start", 1003, "`type`"),
        ('{"type":"utterance.finalize"}', "bad_start", 1003, r"session\.start"),
        (start(rate=8000), "bad_start", 4400, "`rate`"),
        (start(targets="en"), "bad_start", 4400, r"targets"),
        (start(sample_rate=4000), "sample_rate_unsupported", 4400, "8000 to 48000"),
        (start(sample_rate=96_000), "sample_rate_unsupported", 4400, "8000 to 48000"),
        (start(source="en", targets=["en"]), "target_equals_source", 4400, "en"),
        (start(source="french"), "language_unsupported", 4400, "'fr'"),
        (start(source="sw"), "language_unsupported", 4400, "de, en, fr"),
        (start(source="en", targets=["de"]), "language_unsupported", 4400, "targets served: de, en"),
        (chunk(0, bytes(3200)), "audio_before_start", 1008, r"session\.start"),
    ],
)
async def test_an_opening_that_is_refused(url: str, first: str | bytes, error: str, close: int, names: str) -> None:
    async with undisturbed(url):
        found, code, message = await turned_away(url, first)
    assert (found, code) == (error, close)
    assert re.search(names, message), message


async def test_no_opening_at_all(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OPENING_S", 0.2)
    async with connected(url) as client:
        assert await client.closed() == 4408
        assert client.codes() == ["idle"]


async def test_a_client_that_leaves_before_it_opens(url: str) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.socket.close()
        await client.until("(socket closed)")


async def test_a_message_over_the_limit(url: str, actor: Actor) -> None:
    async with undisturbed(url), aiohttp.ClientSession() as http, http.ws_connect(url + "/v1/stream") as socket:
        await socket.send_str(start())
        await socket.receive()
        await socket.send_bytes(chunk(0, bytes(131_068)))  # the largest that is allowed
        await actor.until(lambda: any(len(heard.pcm) == 131_068 for heard in actor.sessions.values()))
        await socket.send_bytes(chunk(1, bytes(131_070)))
        message = await socket.receive()
        while message.type is aiohttp.WSMsgType.TEXT:
            message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1009
        assert "131072" in str(message.extra)


async def test_text_that_is_no_utf_8(url: str) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.start()
        await client.socket.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
        assert await client.closed() == 1007


async def test_no_node_is_ready(server: NatsServer, actor: Actor) -> None:
    busy = msgspec.structs.replace(stand_in.NODE, ready=False)
    async with ingress(server.url) as url, stand_in.node(server.url, busy):
        assert (await turned_away(url, start()))[:2] == ("no_node", 1013)


async def test_too_many_sessions(server: NatsServer, actor: Actor, node: None) -> None:
    async with ingress(server.url, max_sessions=1) as url:
        await ready(url)
        async with undisturbed(url):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with connected(url):
                    pass
            assert refused.value.status == 503
            assert refused.value.headers is not None
            assert refused.value.headers["Retry-After"] == "5"
            assert (await get(url + "/v1/stream"))[1]["error"]["code"] == "too_many_sessions"
        async with connected(url) as client:
            await client.start()


async def test_nobody_answers_for_the_session(url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "SCHEDULER_S", 0.5)
    async with undisturbed(url):
        actor.listens = False
        assert (await turned_away(url, start()))[:2] == ("no_scheduler", 1013)
        actor.listens = True


async def test_nats_is_away_at_the_opening_and_back_later(server: NatsServer, url: str, actor: Actor) -> None:
    async with undisturbed(url):
        server.kill()

        async def unready() -> bool:
            status, body = await get(url + "/readyz")
            return status == 503 and "NATS" in body["reason"]

        await eventually(unready)
        began = time.monotonic()
        assert (await turned_away(url, start()))[:2] == ("nats_unavailable", 1013)
        assert time.monotonic() - began < 2
        server.start()
        await ready(url)
        async with connected(url) as client:
            await client.start()


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (chunk(1, bytes(5)), "odd_bytes"),
        (chunk(2, bytes(3200)), "chunk_gap"),
        (b"\0", "protocol_violation"),
    ],
)
async def test_audio_that_cannot_be_trusted(url: str, actor: Actor, frame: bytes, error: str) -> None:
    async with undisturbed(url):
        async with connected(url) as client:
            started = await client.start()
            await client.audio(bytes(3200))
            await client.until("audio.ack", chunk=0)
            await client.socket.send_bytes(frame)
            assert await client.closed() == 1008
            assert client.codes() == [error]
        heard = actor.sessions[started["session"]]
        await actor.until(lambda: isinstance(heard.mail[-1], ClientLeft))


async def test_a_client_that_leaves_without_closing(url: str, actor: Actor) -> None:
    async with undisturbed(url):
        async with connected(url) as client:
            started = await client.start()
            await client.audio(bytes(640))  # too little for a message of its own
        heard = actor.sessions[started["session"]]
        await actor.until(lambda: bool(heard.mail) and isinstance(heard.mail[-1], ClientLeft))
        assert len(heard.pcm) == 640


async def test_a_client_whose_line_is_cut(url: str, actor: Actor) -> None:
    async with undisturbed(url):
        async with connected(url) as client:
            started = await client.start()
            made = client.socket._response.connection
            assert made is not None
            assert made.transport is not None
            made.transport.abort()
        heard = actor.sessions[started["session"]]
        await actor.until(lambda: bool(heard.mail) and isinstance(heard.mail[-1], ClientLeft))


async def test_idle(server: NatsServer, actor: Actor, node: None) -> None:
    async with ingress(server.url, idle_timeout_s=0.6) as url:
        await ready(url)
        async with connected(url) as client:
            await client.start()
            assert await client.closed() == 4408
            assert client.codes() == ["idle"]


async def test_the_server_goes_away(server: NatsServer, actor: Actor, node: None) -> None:
    async with asyncio.TaskGroup() as group:
        clients: list[Client] = []

        async def stay(url: str) -> float:
            async with connected(url) as client:
                clients.append(client)
                if len(clients) < 3:
                    await client.start()
                gone.release()
                assert await client.closed() == 1012
                assert client.codes() == ["going_away"]
                return time.monotonic()

        gone = asyncio.Semaphore(0)
        async with ingress(server.url) as url:
            await ready(url)
            staying = [group.create_task(stay(url)) for _ in range(3)]
            for _ in staying:
                await gone.acquire()
            began = time.monotonic()
        assert time.monotonic() - began < 3
    assert all(each.result() - began < 2 for each in staying)
