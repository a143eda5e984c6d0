"""The protocol client as a library. How it ends in each case of trouble is in test_stream.py."""

from __future__ import annotations

import asyncio

import pytest

from cli import client, opening
from cli.events import Event, SpeechFrame, UnknownEvent
from tests.cli.scripted_server import Conversation, serving
from wire.errors import ClientError, ProtocolViolation
from wire.protocol import SessionClosed, StartRequest, TranscriptFinal


async def converse(conversation: Conversation) -> None:
    await conversation.open()
    await conversation.listen()
    await conversation.tell("later.event")
    await conversation.say(1, "Bonjour")
    await conversation.translate(1, "en", "Hello")
    await conversation.speak(1, "en", b"\1\2")
    await conversation.closed(1)


async def test_a_session_from_start_to_end() -> None:
    events: list[Event] = []
    async with serving(converse) as url, client.connect(url, StartRequest(targets=["en"])) as session:
        assert session.started.targets == ["en"]
        await session.send(b"\0\0" * 160)
        await session.finalize()
        await session.close()
        events.extend([event async for event in session.events()])
    assert isinstance(events[0], UnknownEvent)
    assert isinstance(events[1], TranscriptFinal)
    assert [event for event in events if isinstance(event, SpeechFrame)] == [SpeechFrame(1, "en", 0, 22_050, b"\1\2")]
    assert isinstance(events[-1], SessionClosed)


async def test_chunks_are_numbered_from_where_the_server_says() -> None:
    heard: list[Conversation] = []

    async def resume(conversation: Conversation) -> None:
        heard.append(conversation)
        await conversation.hear_start()
        await conversation.tell("session.started", session="s", source="auto", targets=[], speech=False, next_chunk=7)
        await conversation.listen()
        await conversation.closed(0)

    async with serving(resume) as url, client.connect(url, StartRequest()) as session:
        await session.send(b"\1\1")
        await session.send(b"\2\2")
        await session.close()
        assert [type(event) async for event in session.events()] == [SessionClosed]
    assert heard[0].chunks == {7: b"\1\1", 8: b"\2\2"}


async def test_a_server_that_opens_with_something_else_is_refused() -> None:
    async def babble(conversation: Conversation) -> None:
        await conversation.hear_start()
        await conversation.closed(0)

    async with serving(babble) as url:
        with pytest.raises(client.Refused, match=r"something else than session\.started") as refused:
            async with client.connect(url, StartRequest()):
                pass
    assert refused.value.code == ProtocolViolation.code


async def test_a_server_that_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_PATIENCE_S", 0.1)

    async def fall_silent(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.until_gone()

    async with serving(fall_silent) as url, client.connect(url, StartRequest()) as session:
        with pytest.raises(client.ConnectionLost, match=r"nothing for 0\.1 s"):
            await anext(session.events())


async def test_a_server_that_does_not_answer_the_opening_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "START_PATIENCE_S", 0.1)

    async def fall_silent(conversation: Conversation) -> None:
        await conversation.hear_start()
        await conversation.until_gone()

    async with serving(fall_silent) as url:
        with pytest.raises(client.Refused) as refused:
            async with client.connect(url, StartRequest()):
                pass
    assert refused.value.retryable


async def test_sending_into_a_closed_connection_is_a_lost_connection() -> None:
    async def leave(conversation: Conversation) -> None:
        await conversation.open()
        await conversation.close(1012)

    async with serving(leave) as url, client.connect(url, StartRequest()) as session:
        with pytest.raises(client.ConnectionLost, match="1012"):
            await anext(session.events())
        with pytest.raises(client.ConnectionLost):
            await session.send(b"\0\0")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://there:8080", "ws://there:8080/v1/stream"),
        ("http://there/", "ws://there/v1/stream"),
        ("https://there/dragoman", "wss://there/dragoman/v1/stream"),
        ("wss://there/v1/stream?token=x", "wss://there/v1/stream?token=x"),
        ("ws://[::1]:8080", "ws://[::1]:8080/v1/stream"),
    ],
)
def test_the_path_is_added_where_there_is_none(url: str, address: str) -> None:
    assert client.endpoint(url) == address


@pytest.mark.parametrize("url", ["", "there:8080", "ws://", "tcp://there", "ws://there:99999", "ws://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="is no address of a server"):
        client.endpoint(url)


async def test_events_and_audio_go_side_by_side() -> None:
    """A client that only sent first would be cut off by a server whose buffer is full."""

    async def echo(conversation: Conversation) -> None:
        await conversation.open()
        for utterance in range(1, 4):
            await conversation.listen(0.1)
            await conversation.say(utterance, "x")
        await conversation.listen()
        await conversation.closed(3)

    async with serving(echo) as url, client.connect(url, StartRequest()) as session:
        heard: list[Event] = []

        async def listen() -> None:
            heard.extend([event async for event in session.events()])

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            for _ in range(3):
                await session.send(b"\0\0" * 1600)
            await session.close()
    assert [type(event) for event in heard] == [TranscriptFinal] * 3 + [SessionClosed]
