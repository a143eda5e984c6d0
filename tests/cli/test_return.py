"""Connections that break under a session, as the library and as `dragoman stream` live through it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cli import client
from cli.events import Event, Interrupted, Returned
from tests.cli.command import dragoman, ended, started
from tests.cli.scripted_server import Conversation, serving
from tests.cli.sound import tone, wav
from wire.protocol import ErrorTold, SessionClosed, SessionResumed, StartRequest

TOKEN = "secret"


class Server:
    """Plays one script after the other, a connection each; all that was heard, in order."""

    def __init__(self, *scripts: Callable[[Conversation], Awaitable[None]]) -> None:
        self._scripts = list(scripts)
        self.heard: list[Conversation] = []

    async def __call__(self, conversation: Conversation) -> None:
        conversation.token = TOKEN
        self.heard.append(conversation)
        await self._scripts.pop(0)(conversation)

    def audio(self) -> bytes:
        chunks: dict[int, bytes] = {}
        for conversation in self.heard:
            chunks |= conversation.chunks
        assert list(chunks) == list(range(len(chunks)))
        return b"".join(chunks.values())


@pytest.fixture
def speech(tmp_path: Path) -> str:
    return str(wav(tmp_path / "speech.wav", 1.0))


async def cut(conversation: Conversation) -> None:
    await conversation.open()
    await conversation.listen(0.3)
    conversation.drop()


async def drain(conversation: Conversation) -> None:
    await conversation.open()
    await conversation.listen(0.3)
    await conversation.tell_live("error", code="going_away", message="restarting", retryable=True)
    await conversation.close(1012)


async def refuse(conversation: Conversation) -> None:
    await conversation.tell_live("error", code="no_scheduler", message="nobody", retryable=True)
    await conversation.close(1013)


async def unknown(conversation: Conversation) -> None:
    await conversation.tell_live("error", code="session_unknown", message="no such session", retryable=False)
    await conversation.close(4404)


def go_on(next_chunk: int) -> Callable[[Conversation], Awaitable[None]]:
    async def finish(conversation: Conversation) -> None:
        await conversation.resume(next_chunk)
        await conversation.listen()
        await conversation.say(1, "Bonjour")
        await conversation.closed(1)

    return finish


async def test_audio_is_sent_again_from_where_the_server_is_and_events_go_on(speech: str) -> None:
    server = Server(cut, go_on(1))
    async with serving(server) as url:
        result = await dragoman("stream", speech, "--url", url, "--speed", "4", "--json")
    assert (result.code, result.complaints) == (0, "")
    assert [event["type"] for event in result.events] == [
        "session.started", "connection.lost", "session.resumed", "connection.resumed", "transcript.final",
        "session.closed", "summary",
    ]  # fmt: skip
    assert set(result.of("connection.lost")[0]) == {"type", "t"}
    assert result.of("connection.resumed")[0]["n"] == 2
    assert server.audio() == tone(1.0)
    assert next(iter(server.heard[1].chunks)) == 1
    assert server.heard[1].start["n"] == 1
    assert TOKEN not in result.out
    assert result.events[-1]["lost"] == 0


async def test_a_drained_server_is_left_for_another_at_once(speech: str) -> None:
    going, staying = Server(drain), Server(go_on(3))
    async with serving(going) as first, serving(staying) as other:
        result = await dragoman("stream", speech, "--url", first, "--url", other, "--speed", "4", "--json")
    assert result.code == 0
    (lost,), (back,) = result.of("connection.lost"), result.of("connection.resumed")
    assert back["t"] - lost["t"] < 0.2  # less than any back-off


async def test_it_tries_one_address_after_the_other_until_one_takes_it(speech: str) -> None:
    server, full = Server(cut, go_on(2)), Server(refuse)
    async with serving(server) as url, serving(full) as other:
        result = await dragoman(
            "stream", speech, "--url", url, "--url", "ws://127.0.0.1:1", "--url", other, "--speed", "4", "--json"
        )
    assert (result.code, len(result.of("connection.lost")), len(result.of("connection.resumed"))) == (0, 1, 1)
    assert (len(server.heard), len(full.heard)) == (2, 1)


async def test_the_first_session_may_be_opened_elsewhere_too(speech: str) -> None:
    async def say_no(conversation: Conversation) -> None:
        await conversation.hear_start()
        await refuse(conversation)

    async def end(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        await conversation.closed(0)

    async with serving(Server(say_no)) as url, serving(Server(end)) as other:
        result = await dragoman(
            "stream", speech, "--url", url, "--url", "ws://127.0.0.1:1", "--url", other, "--speed", "4", "--json"
        )
    assert result.code == 0


async def test_a_session_that_is_gone_is_exit_code_4_with_a_summary(speech: str) -> None:
    async with serving(Server(cut, unknown)) as url:
        result = await dragoman("stream", speech, "--url", url, "--speed", "4", "--json")
    assert result.code == 4
    assert [event["code"] for event in result.of("error")] == ["session_unknown", "connection_lost"]
    assert result.events[-1]["type"] == "summary"
    assert result.events[-1]["lost"] == 1


async def test_a_client_that_had_closed_says_so_again(speech: str) -> None:
    async def cut_late(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen()
        conversation.drop()

    server = Server(cut_late, go_on(7))
    async with serving(server) as url:
        result = await dragoman("stream", speech, "--url", url, "--speed", "4", "--json")
    assert result.code == 0
    assert (list(server.heard[1].chunks), server.heard[1].said) == ([7, 8, 9], ["session.close"])


async def test_speech_that_was_cut_off_is_saved_without_a_repeat_or_a_gap(speech: str, tmp_path: Path) -> None:
    pieces = [bytes([number, 0]) * 50 for number in range(6)]

    async def begin(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.listen(0.3)
        await conversation.say(1, "x")
        await conversation.translate(1, "en", "y")
        await conversation.tell("speech.started", utterance=1, target="en", sample_rate=22_050)
        for sequence in range(3):
            await conversation.utter(1, "en", sequence, pieces[sequence])
        await conversation.close(1012)

    async def finish(conversation: Conversation) -> None:
        await conversation.resume(0)
        assert conversation.start["heard"] == [{"utterance": 1, "target": "en", "chunks": 3}]
        for sequence in range(2, 6):  # one of them again: a client is not to trust in that either
            await conversation.utter(1, "en", sequence, pieces[sequence])
        await conversation.tell("speech.ended", utterance=1, target="en", seconds=0.1, chunks=6)
        await conversation.listen()
        await conversation.closed(1)

    saved = tmp_path / "out.wav"
    async with serving(Server(begin, finish)) as url:
        result = await dragoman(
            "stream", speech, "--url", url, "--target", "en", "--save-speech", str(saved), "--speed", "4", "--json"
        )
    assert (result.code, result.events[-1]["lost"]) == (0, 0)
    with wave.open(str(saved)) as file:
        assert file.readframes(10_000) == b"".join(pieces)


async def test_what_was_due_meanwhile_is_caught_up(tmp_path: Path) -> None:
    """The break does not shift what comes after it: two seconds of audio take two seconds, break or not."""
    server = Server(cut, go_on(3))
    async with serving(server) as url:
        process = await started("stream", str(wav(tmp_path / "two.wav", 2.0)), "--url", url, "--json")
        result = await ended(process)
    assert result.code == 0
    arrivals = server.heard[0].arrivals + server.heard[1].arrivals
    assert arrivals[-1] - arrivals[0] == pytest.approx(1.9, abs=0.35)
    assert server.audio() == tone(2.0)


async def test_without_a_server_it_gives_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RETURN_PATIENCE_S", 0.5)
    heard: list[Event] = []
    async with serving(Server(cut, *[refuse] * 20)) as url:
        connecting = client.connect([url, "ws://127.0.0.1:1"], StartRequest())
        session = await connecting.__aenter__()
        for _ in range(3):
            await session.send(bytes(3200))

        async def listen() -> None:
            async for event in session.events():
                heard.append(event)

        listening = asyncio.create_task(listen())
        await session.send(bytes(3200))
        with pytest.raises(client.ConnectionLost, match=r"could not be restored in 0\.5 s"):
            await listening
        with pytest.raises(client.ConnectionLost):
            await session.send(bytes(3200))
        await connecting.__aexit__(None, None, None)
    assert heard[0] == Interrupted()
    assert all(isinstance(event, ErrorTold) for event in heard[1:])


async def test_while_it_is_away_sending_keeps_30_seconds_and_then_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACK_OFF_S", 1.0)
    server = Server(cut, go_on(3))
    async with serving(server) as url, client.connect(url, StartRequest()) as session:
        events = session.events()
        for _ in range(3):
            await session.send(bytes(3200))
        assert await anext(events) == Interrupted()
        for _ in range(297):
            await session.send(bytes(3200))
        waiting = asyncio.create_task(session.send(bytes(3200)))
        assert isinstance(await anext(events), SessionResumed)
        assert await anext(events) == Returned(n=2)
        await waiting
        await session.close()
        assert [type(event) async for event in events][-1] is SessionClosed
    assert len(server.audio()) == 301 * 3200


async def test_replaced_by_an_attempt_of_its_own_it_comes_back_once_more(speech: str) -> None:
    async def replaced(conversation: Conversation) -> None:
        await conversation.resume(2)
        await conversation.tell_live("error", code="replaced", message="a newer one", retryable=False)
        await conversation.close(1008)

    async with serving(Server(cut, replaced, go_on(3))) as url:
        result = await dragoman("stream", speech, "--url", url, "--speed", "4", "--json")
    assert (result.code, len(result.of("connection.resumed"))) == (0, 2)
