"""A session that is not open at once: its client waits in line, or comes again."""

from __future__ import annotations

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli import client, link, opening, patience
from cli.events import Event, Postponed
from cli.link import Refused
from tests.cli.scripted_server import Conversation, serving
from wire.protocol import QueueStatus, StartRequest

START = StartRequest(source="fr")


async def let_in(conversation: Conversation) -> None:
    await conversation.open()
    await conversation.listen()
    await conversation.closed(0)


async def open_and_close(*urls: str) -> list[Event]:
    told: list[Event] = []
    async with client.connect(urls, START, told=told.append) as session:
        await session.close()
        told += [event async for event in session.events()]
    return told


async def test_who_waits_is_told_its_place_and_comes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "START_PATIENCE_S", 0.5)
    monkeypatch.setattr(link, "CONNECT_PATIENCE_S", 0.5)

    async def line(conversation: Conversation) -> None:
        await conversation.hear_start()
        began = time.monotonic()
        for ahead in (2, 1, 0):
            await conversation.tell_live("queue.status", position=ahead + 1, ahead=ahead, eta_s=1.5 * ahead)
            with pytest.raises(TimeoutError):
                await conversation.nothing_for(0.4)
        assert time.monotonic() - began > 1.0, "longer than the whole opening may take elsewhere"
        await conversation.tell("session.started", session="s1", next_chunk=0, source="fr", targets=[], speech=False)
        await conversation.listen()
        await conversation.closed(0)

    async with serving(line) as url:
        told = await open_and_close(url)
    assert told[:3] == [
        QueueStatus(position=3, ahead=2, eta_s=3.0),
        QueueStatus(position=2, ahead=1, eta_s=1.5),
        QueueStatus(position=1, ahead=0, eta_s=0.0),
    ]


async def test_where_the_line_is_full_it_comes_again_when_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the handshake is refused, once the place was taken in that moment, once the server goes while it waits."""
    monkeypatch.setattr(opening, "AGAIN_S", 0.1)
    monkeypatch.setattr(patience, "FIRST_S", 0.1)
    attempts = []

    async def full(conversation: Conversation) -> None:
        attempts.append(time.monotonic())
        await conversation.hear_start()
        match len(attempts):
            case 1:
                await conversation.tell_live("error", code="full", message="too many wait", retryable=True)
                await conversation.close(1013)
            case 2:
                await conversation.tell_live("queue.status", position=1, ahead=0)
                await conversation.tell_live("error", code="going_away", message="it stops", retryable=True)
                await conversation.close(1012)
            case 3:
                await conversation.tell_live("queue.status", position=1, ahead=0)
                conversation.drop()
            case _:
                await conversation.tell(
                    "session.started", session="s1", next_chunk=0, source="fr", targets=[], speech=False
                )
                await conversation.listen()
                await conversation.closed(0)

    async with serving(full) as url:
        told = await open_and_close(url)
    assert len(attempts) == 4
    assert [each for each in told if isinstance(each, Postponed)] == [Postponed(seconds=0.1)] * 3


async def refusing(request: web.Request) -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "40"})


async def test_it_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FOR_S", 10.0)
    app = web.Application()
    app.router.add_get("/v1/stream", refusing)
    async with TestServer(app) as server:
        with pytest.raises(Refused, match="no room") as refused:
            async with client.connect(str(server.make_url("")), START):
                pass
    assert (refused.value.code, refused.value.retry_after) == ("full", 40)


async def test_another_server_that_has_room_is_taken() -> None:
    app = web.Application()
    app.router.add_get("/v1/stream", refusing)
    async with TestServer(app) as server, serving(let_in) as url:
        assert not [each for each in await open_and_close(str(server.make_url("")), url) if isinstance(each, Postponed)]
