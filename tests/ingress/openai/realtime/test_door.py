"""What holds for every socket of the Realtime API: who may open one, what is too much, and how it ends."""

from __future__ import annotations

import base64
import contextlib
import time

import aiohttp
import pytest

from ingress import line, pace, websocket
from ingress.access import OverLimit
from ingress.access.meter import Meter
from ingress.openai.realtime import door, routes
from tests.ingress import client
from tests.ingress.openai.realtime.ears import Script
from tests.ingress.openai.realtime.raw import connected
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from wire.messages import SessionTerminated
from wire.records import Held

PATH = "/v1/realtime?intent=transcription"
TENTH_S = base64.b64encode(bytes(4800)).decode()


@pytest.mark.parametrize("path", ["/v1/realtime?model=gpt-realtime", "/v1/realtime", "/v1/realtime?model=tts-1"])
async def test_what_is_no_transcription_is_refused_in_the_socket(url: str, path: str) -> None:
    async with connected(url, path) as page:
        assert (await page.until("(closed)"))["code"] == 4400
    assert page.types == ["error", "(closed)"]
    assert page.events[0]["error"]["type"] == "invalid_request_error"


async def test_without_a_node_there_is_no_session(server: NatsServer, actor: Actor) -> None:
    async with client.ingress(server.url) as url, connected(url, PATH) as page:
        assert (await page.until("(closed)"))["code"] == 1013
        assert page.events[0]["error"]["code"] == "no_node"


async def test_a_draining_server_says_goodbye(server: NatsServer, actor: Actor, node: None, script: Script) -> None:
    async with contextlib.AsyncExitStack() as staying:
        async with client.ingress(server.url) as url:
            await client.ready(url)
            page = await staying.enter_async_context(connected(url, PATH))
            await page.say(type="input_audio_buffer.append", audio=TENTH_S)
            await script.opened()
        assert (await page.until("(closed)"))["code"] == 1012
        assert page.all("error")[0]["error"]["code"] == "going_away"


async def test_a_client_that_goes_leaves_no_session(url: str, actor: Actor, script: Script) -> None:
    async with connected(url, PATH) as page:
        await page.say(type="input_audio_buffer.append", audio=TENTH_S)
        session = (await script.opened()).session
        assert (await page.until("session.created"))["session"]["id"] == f"sess_{session[1:]}"
    _, heard = actor.only()
    await actor.until(lambda: SessionTerminated(reason="abandoned") in heard.mail)


async def test_an_event_that_is_too_long_closes_the_socket(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_EVENT_BYTES", 10_000)
    async with connected(url, PATH) as page:
        await page.say(type="input_audio_buffer.append", audio="A" * 20_000)
        assert (await page.until("(closed)"))["code"] == 1009


async def test_binary_messages_are_refused_and_the_session_goes_on(url: str) -> None:
    async with connected(url, PATH) as page:
        await page.socket.send_bytes(bytes(100))
        await page.socket.send_str("no JSON")
        await page.until("error", count=2)
        await page.say(type="input_audio_buffer.clear")
        await page.until("input_audio_buffer.cleared")
    assert [each["error"]["code"] for each in page.all("error")] == ["invalid_value", "invalid_json"]


async def test_a_silent_client_is_let_go(server: NatsServer, actor: Actor, node: None) -> None:
    async with client.ingress(server.url, idle_timeout_s=0.4) as url:
        await client.ready(url)
        async with connected(url, PATH) as page:
            assert (await page.until("(closed)"))["code"] == 4408
            assert page.all("error")[0]["error"]["code"] == "idle"


async def test_a_session_ends_one_day(url: str, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_SESSION_S", 0)
    monkeypatch.setattr(door, "QUIET_TICK_S", 0.1)
    async with connected(url, PATH) as page:
        assert (await page.until("(closed)"))["code"] == 1000
        assert page.all("error")[0]["error"]["code"] == "session_expired"


async def test_a_fast_sender_is_slowed_down(url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """At four times the speed of speech, after a burst."""
    monkeypatch.setattr(pace, "BURST_S", 1.0)
    monkeypatch.setattr(pace.Pace.__init__, "__defaults__", (1.0,))
    async with connected(url, PATH) as page:
        began = time.monotonic()
        await page.say(type="input_audio_buffer.append", audio=base64.b64encode(bytes(48_000 * 5)).decode())
        await page.say(type="input_audio_buffer.clear")
        await page.until("input_audio_buffer.cleared")
        assert time.monotonic() - began > 0.9


async def test_who_is_held_back_is_not_taken_for_gone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it answers to a ping waits behind audio that is not read."""
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(pace.Pace.__init__, "__defaults__", (40.0,))
    async with connected(url, PATH) as page:
        for _ in range(16):  # more than aiohttp reads ahead
            await page.say(type="input_audio_buffer.append", audio=base64.b64encode(bytes(48_000 * 3)).decode())
        await page.say(type="input_audio_buffer.clear")
        await page.until("input_audio_buffer.cleared")


async def test_one_that_says_nothing_is_asked_and_let_go_when_it_does_not_answer(
    url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.2)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + PATH, autoping=False) as deaf,
        connected(url, PATH) as alive,
    ):
        assert (await deaf.receive_json())["type"] == "session.created"
        assert (await deaf.receive()).type is aiohttp.WSMsgType.PING
        while (message := await deaf.receive()).type is aiohttp.WSMsgType.PING:
            pass
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await alive.say(type="input_audio_buffer.clear")
        await alive.until("input_audio_buffer.cleared")


async def test_a_tenants_limits_hold(url: str, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    over = OverLimit("enough for today", code="quota_exceeded", retry_after=60)
    seconds: list[float] = []

    def audio(self: Meter, caller: object, more: float) -> None:
        seconds.append(more)
        if sum(seconds) > 0.35:
            raise over

    monkeypatch.setattr(Meter, "audio", audio)
    async with connected(url, PATH) as page:
        for _ in range(4):
            await page.say(type="input_audio_buffer.append", audio=TENTH_S)
        assert (await page.until("(closed)"))["code"] == 1013
        assert page.all("error")[0]["error"]["code"] == "quota_exceeded"

    def session(self: Meter, caller: object, end: object) -> None:
        raise over

    monkeypatch.setattr(Meter, "session", session)
    async with connected(url, PATH) as page:
        assert (await page.until("(closed)"))["code"] == 1013
        assert page.types == ["error", "(closed)"]


async def test_what_cannot_be_reached_is_said(url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "SCHEDULER_S", 0.3)
    actor.listens = False
    async with connected(url, PATH) as page:
        await page.say(type="input_audio_buffer.append", audio=TENTH_S)
        assert (await page.until("(closed)"))["code"] == 1013
        assert page.all("error")[0]["error"]["code"] == "no_scheduler"


async def test_a_plain_request_is_no_socket(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + PATH) as answer:
        assert answer.status == 400


async def test_who_says_nothing_yet_counts_too_and_who_finds_no_room_is_told_when_to_come(
    server: NatsServer, actor: Actor, node: None
) -> None:
    async with client.ingress(server.url, max_sessions=1) as url, contextlib.AsyncExitStack() as staying:
        await client.ready(url)
        early = await staying.enter_async_context(connected(url, PATH))
        await early.until("session.created")
        await refused(url)
        speaker = await staying.enter_async_context(client.connected(url))
        await speaker.say("session.start", source="fr", targets=["en"])
        assert (await speaker.until("queue.status"))["position"] == 1
        await refused(url)
        await early.socket.close()
        await speaker.until("session.started")


async def refused(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url + PATH)
        assert caught.value.status == 503
        assert caught.value.headers is not None
        assert caught.value.headers["Retry-After"] == "5"
        async with session.get(url + PATH) as answer:
            error = (await answer.json())["error"]
            assert (error["type"], error["code"]) == ("server_error", "full")


async def test_what_a_session_asks_for_is_held(url: str, actor: Actor) -> None:
    async with connected(url, "/v1/realtime/translations?model=gpt-realtime-translate") as page:
        await page.until("session.created")
        await actor.leader.until(lambda: actor.leader.held() == Held(sessions=1))
        await page.append(bytes(4800))
        await actor.leader.until(lambda: actor.leader.held() == Held(sessions=1, targets=1, spoken=1))
    await actor.leader.until(lambda: actor.leader.held() == Held())
