"""Open sessions: what goes up, what comes down, and what neither a bad message nor a slow client can disturb."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
import time

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from ingress import line, outbox, shared, websocket
from ingress.uplink import Uplink
from ingress.vad import SpeechMeter, SpeechModel
from tests.ingress.client import Client, chunk, connected, eventually, ingress, ready, undisturbed
from tests.ingress.stand_in import Actor, Heard
from tests.nats_server import NatsServer
from wire import subjects
from wire.messages import (
    ClientLeft,
    CloseRequested,
    FinalizeRequested,
    LanguagesChanged,
    PlaybackEnded,
    PlaybackStarted,
)
from wire.options import Options
from wire.protocol import SessionClosed, TranscriptFinal, TranscriptPartial

SECOND = bytes(32_000)


def heard_by(actor: Actor, client: Client) -> Heard:
    return actor.sessions[client.events[0]["session"]]


async def test_a_session_from_start_to_close(
    url: str, actor: Actor, spoken: npt.NDArray[np.int16], model: SpeechModel
) -> None:
    async with connected(url) as client:
        started = await client.start(source="fr", targets=["en"])
        assert started["next_chunk"] == 0
        await client.audio(spoken.tobytes())
        await client.until("audio.ack", chunk=client.next_chunk - 1)
        await client.say("utterance.finalize")
        assert (await client.until("transcript.final"))["text"] == f"{2 * len(spoken)} bytes"
        await client.say("session.close")
        assert await client.closed() == 1000
    name, heard = actor.only()
    assert name == started["session"]
    assert heard.opened.source == "fr"
    assert heard.opened.targets == ["en"]
    assert bytes(heard.pcm) == spoken.tobytes()
    assert bytes(heard.speech) == SpeechMeter(model).measure(spoken)
    assert heard.mail[-2:] == [
        FinalizeRequested(after=client.next_chunk - 1), CloseRequested(after=client.next_chunk - 1),
    ]  # fmt: skip
    assert client.numbered() == [1, 2, 3]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
async def test_other_sample_rates_lose_nothing(url: str, actor: Actor, rate: int) -> None:
    async with connected(url) as client:
        await client.start(sample_rate=rate)
        await client.audio(bytes(2 * rate * 2), size=rate // 10 * 2)
        await client.say("session.close")
        assert await client.closed() == 1000
        heard = heard_by(actor, client)
        assert abs(len(heard.pcm) / 2 - 32_000) <= 2
        assert heard.mail[-1] == CloseRequested(after=heard.chunk)
        assert all(event["chunk"] < client.next_chunk for event in client.events if event["type"] == "audio.ack")


async def test_small_chunks_are_gathered_and_the_rest_is_not_left_lying(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        await client.start()
        await client.audio(bytes(640 * 12), size=640)  # 12 times 20 ms
        await client.until("audio.ack", chunk=11, patience=5)
        gathered = [mail.last - mail.first + 1 for mail in heard_by(actor, client).mail]  # type: ignore[union-attr]
        assert sum(gathered) == 12
        assert gathered[-3:-1] == [5, 5]  # the first may go alone: it wakes who keeps the session


async def test_a_chunk_that_was_sent_before_is_ignored(url: str, actor: Actor) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.start()
        await client.audio(b"\1\0" * 16_000)
        for number in (0, 9, 5):
            await client.socket.send_bytes(chunk(number, b"\2\0" * 1600))
        await client.say("session.close")
        assert await client.closed() == 1000
        assert bytes(heard_by(actor, client).pcm) == b"\1\0" * 16_000
        assert client.codes() == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello", "not_json"),
        ("[]", "not_json"),
        ('{"type":"speech.stop"}', "unknown_type"),
        ('{"type":"session.start"}', "unknown_type"),
        ('{"target":"en"}', "bad_field"),
        ('{"type":"speech.played","utterance":1}', "bad_field"),
        ('{"type":"session.update","sorce":"fr"}', "bad_field"),
        ('{"type":"room.update","name":"Anna"}', "unknown_type"),
        ('{"type":"session.update","targets":["en","en"]}', "bad_field"),
        ('{"type":"session.update","source":"sw"}', "language_unsupported"),
        ('{"type":"session.update","targets":["fr"]}', "target_equals_source"),
    ],
)
async def test_a_wrong_message_is_answered_and_the_session_goes_on(
    url: str, actor: Actor, text: str, code: str
) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.start(source="fr", targets=["en"])
        await client.audio(bytes(3200))
        await client.socket.send_str(text)
        error = await client.until("error")
        assert error["code"] == code
        assert error["message"]
        assert not error["retryable"]
        await client.audio(bytes(3200))
        await client.say("session.close")
        assert await client.closed() == 1000
        assert len(heard_by(actor, client).pcm) == 6400


async def test_twenty_wrong_messages_are_enough(url: str, actor: Actor) -> None:
    async with undisturbed(url), connected(url) as client:
        await client.start()
        with contextlib.suppress(ConnectionError):
            for _ in range(25):
                await client.socket.send_str("hello")
        assert await client.closed() == 1008
        assert client.codes() == ["not_json"] * 20 + ["protocol_violation"]


async def test_control_reaches_the_actor_behind_its_audio(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        await client.start(source="fr", targets=["en"], speech=False)
        await client.say("utterance.finalize")
        await client.audio(bytes(640))
        await client.say("session.update", source="auto", speech=True)
        updated = await client.until("session.updated")
        assert (updated["source"], updated["targets"], updated["speech"]) == ("auto", ["en"], True)
        await client.say("session.update", source="fr", targets=["de"])
        await client.until("session.updated", targets=["de"])
        await client.say("speech.playing", utterance=3, target="en", seconds=2.5)
        await client.say("speech.played", utterance=3, target="en")
        await client.say("session.close")
        assert await client.closed() == 1000
        kinds = [mail for mail in heard_by(actor, client).mail if not hasattr(mail, "pcm")]
        assert kinds == [
            FinalizeRequested(after=-1),
            LanguagesChanged(source="auto", targets=["en"], speech=True, options=Options(captions=True)),
            LanguagesChanged(source="fr", targets=["de"], speech=True, options=Options(captions=True)),
            PlaybackStarted(utterance=3, target="en", seconds=2.5),
            PlaybackEnded(utterance=3, target="en"),
            CloseRequested(after=0),
        ]
        assert hasattr(heard_by(actor, client).mail[1], "pcm")


async def test_after_the_close_nothing_counts_and_what_is_left_still_comes(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        await client.start()
        await client.say("session.close")
        with contextlib.suppress(ConnectionError):
            await client.audio(SECOND)
            await client.say("utterance.finalize")
        assert await client.closed() == 1000
        assert [event["type"] for event in client.events[:-1]] == ["session.started", "session.closed"]
        assert heard_by(actor, client).mail == [CloseRequested(after=-1)]


async def test_partials_and_speech_come_down(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        name = (await client.start(source="fr", targets=["en"]))["session"]
        partial = TranscriptPartial(utterance=1, committed="a", tentative="b")
        await actor.bus.publish(subjects.live(name), partial)
        assert (await client.until("transcript.partial"))["tentative"] == "b"
        await actor.tell(name, TranscriptFinal(utterance=1, text="é", language="fr", start=0, end=1))
        await actor.speak(name, 1, "en", [b"\1\0" * 100, b"\2\0" * 100, b""])
        await client.until("speech.ended")
        kinds = [event["type"] for event in client.events]
        assert kinds[-6:] == ["transcript.final", "speech.started", "speech", "speech", "speech", "speech.ended"]
        frames = [event for event in client.events if event["type"] == "speech"]
        assert [frame["pcm"] for frame in frames] == [b"\1\0" * 100, b"\2\0" * 100, b""]
        assert {(frame["utterance"], frame["target"], frame["sample_rate"]) for frame in frames} == {(1, "en", 22_050)}


async def test_sessions_hear_only_their_own(url: str, actor: Actor) -> None:
    async with connected(url) as one, connected(url) as other:
        name = (await one.start())["session"]
        await other.start()
        await actor.tell(name, TranscriptFinal(utterance=1, text="x", language="fr", start=0, end=1))
        await actor.speak(name, 1, "en", [bytes(2)])
        await one.until("speech.ended")
        await other.say("session.close")
        assert await other.closed() == 1000
        assert [event["type"] for event in other.events[:-1]] == ["session.started", "session.closed"]


async def test_a_client_that_reads_too_late(url: str, actor: Actor) -> None:
    async with (
        undisturbed(url),
        aiohttp.ClientSession() as http,
        http.ws_connect(url + "/v1/stream", max_msg_size=0) as slow,
    ):
        await slow.send_json({"type": "session.start"})
        name = (await slow.receive_json())["session"]
        await actor.speak(name, 1, "en", [bytes(200_000)] * 40)  # 8 MB: more than the outbox and the sockets hold
        received = [message async for message in slow]  # now it reads, too late
        assert sum(len(message.data) for message in received) < 8_000_000
        assert slow.close_code == 4413
        await actor.until(lambda: any(isinstance(mail, ClientLeft) for mail in actor.sessions[name].mail))


async def test_a_fast_sender_is_slowed_down_and_loses_nothing(server: NatsServer, actor: Actor, node: None) -> None:
    async with ingress(server.url, max_speed=40.0) as url:
        await ready(url)
        async with undisturbed(url), connected(url) as client:
            await client.start()
            began = time.monotonic()
            await client.audio(bytes(32_000 * 110), size=64_000)  # 30 s at once, 80 s at 40 times real time
            await client.say("session.close")
            assert await client.closed() == 1000
            assert time.monotonic() - began > 1.9
            assert len(heard_by(actor, client).pcm) == 32_000 * 110


async def test_an_actor_that_does_not_acknowledge_stops_the_reading(url: str, actor: Actor) -> None:
    actor.acknowledges = False
    async with connected(url) as client:
        await client.start()
        await client.audio(bytes(32_000 * 29), size=32_000)
        heard = heard_by(actor, client)
        await actor.until(lambda: len(heard.pcm) == 32_000 * 29)
        await client.audio(bytes(32_000 * 3), size=32_000)
        await actor.until(lambda: heard.repeated > 5)  # sent again after 3 s
        assert len(heard.pcm) == 32_000 * 30
        actor.acknowledges = True
        await actor.until(lambda: len(heard.pcm) == 32_000 * 32)


async def test_the_close_is_not_awaited_for_ever(url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line.Line, "closing_s", 0.3)
    async with connected(url) as client:
        name = (await client.start())["session"]
        actor.deaf.add(name)
        await client.say("session.close")
        assert await client.closed() == 1013
        assert client.codes() == ["no_scheduler"]


async def test_nats_restarts_in_mid_session_and_nothing_is_lost(server: NatsServer, url: str, actor: Actor) -> None:
    audio = np.arange(16_000 * 12, dtype=np.int16).tobytes()
    pieces = [audio[at : at + 3200] for at in range(0, len(audio), 3200)]
    async with undisturbed(url), connected(url) as client:
        name = (await client.start())["session"]
        heard = heard_by(actor, client)
        for number, pcm in enumerate(pieces):
            if number == 40:
                server.kill()
            if number == 80:
                server.start()
            await client.socket.send_bytes(chunk(number, pcm))
        await client.say("utterance.finalize")
        assert (await client.until("transcript.final", patience=30))["text"] == f"{len(audio)} bytes"
        await actor.speak(name, 1, "en", [bytes(100)] * 3)
        await client.say("session.close")
        assert await client.closed(30) == 1000
        assert bytes(heard.pcm) == audio
        assert client.numbered() == [1, 2, 3, 4, 5]
        assert client.codes() == []


async def test_lost_audio_is_sent_again(url: str, actor: Actor) -> None:
    async with connected(url) as client:
        await client.start()
        await client.audio(SECOND)
        await client.until("audio.ack", chunk=9)
        actor.drop_next = 3
        await client.audio(SECOND)
        await client.say("session.close")
        assert await client.closed() == 1000
        heard = heard_by(actor, client)
        assert len(heard.pcm) == 64_000
        assert heard.refused == 7


def test_a_chunk_is_what_the_protocol_says() -> None:
    assert chunk(3, b"ab") == struct.pack("<I", 3) + b"ab"


async def shake_hands(url: str) -> socket.socket:
    """A WebSocket opened by hand, with a session on it, whose small receive buffer nobody empties."""
    loop = asyncio.get_running_loop()
    host, port = url.removeprefix("http://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, (host, int(port)))
    opening = b'{"type":"session.start"}'
    await loop.sock_sendall(
        raw,
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        + bytes([0x81, 0x80 | len(opening), 0, 0, 0, 0]) + opening,
    )  # fmt: skip
    return raw


async def test_a_client_that_never_ever_reads_is_cut_off(
    url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STUCK_S", 0.5)
    monkeypatch.setattr(websocket, "GOODBYE_S", 0.5)
    async with undisturbed(url):
        before = set(actor.sessions)
        with contextlib.closing(await shake_hands(url)) as raw:
            await actor.until(lambda: len(actor.sessions) > len(before))
            (name,) = set(actor.sessions) - before
            await actor.speak(name, 1, "en", [bytes(500_000)] * 7)  # less than the outbox may hold: it gets stuck

            async def cut() -> bool:
                poll = select.poll()
                poll.register(raw, select.POLLHUP)
                return bool(poll.poll(0))

            await eventually(cut)
            await actor.until(lambda: any(isinstance(mail, ClientLeft) for mail in actor.sessions[name].mail))


async def test_after_half_a_minute_without_nats_sessions_end(
    server: NatsServer, url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "NATS_PATIENCE_S", 0.5)
    async with connected(url) as streaming, connected(url) as silent:
        for client in (streaming, silent):
            await client.start()
        server.kill()
        await streaming.audio(SECOND)
        for client in (streaming, silent):
            assert await client.closed() == 1013
            assert client.codes() == ["nats_unavailable"]
    server.start()


async def test_an_actor_that_is_gone_for_long_ends_the_session(
    url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "STALLED_S", 0.5)
    async with undisturbed(url), connected(url) as client:
        actor.deaf.add((await client.start())["session"])
        await client.audio(SECOND)
        assert await client.closed() == 1013
        assert client.codes() == ["no_scheduler"]


async def test_a_burst_of_one_client_lets_others_in_between(
    url: str, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two chunks are taken in one turn of the event loop."""
    turn, turns, take = 0, list[int](), Uplink.audio
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def go_on() -> None:
        nonlocal turn
        turn += 1
        if not over.is_set():
            loop.call_soon(go_on)

    async def noted(uplink: Uplink, number: int, pcm: bytes) -> None:
        turns.append(turn)
        await take(uplink, number, pcm)

    monkeypatch.setattr(Uplink, "audio", noted)
    async with connected(url) as client:
        await client.start()
        loop.call_soon(go_on)
        await client.audio(bytes(10 * 32_000), 640)
        await client.until("audio.ack", chunk=499)
        over.set()
    assert len(turns) == len(set(turns)) == 500


async def test_a_session_that_an_operator_ends(url: str, actor: Actor) -> None:
    async with undisturbed(url), connected(url) as client:
        name = (await client.start())["session"]
        await actor.tell(name, SessionClosed(reason="operator", utterances=0))
        assert await client.closed() == 1000
        assert client.events[-2]["reason"] == "operator"
