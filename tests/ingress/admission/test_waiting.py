"""A client in line, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from ingress import endings
from ingress.admission import waiting
from ingress.admission.waiting import Waiting
from ingress.endings import Ending
from ingress.websocket import Socket
from tests.waiting import until
from wire.protocol import QueueStatus

Client = aiohttp.ClientWebSocketResponse


class Line:
    """One client, and what became of it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
        self.ended: list[Ending] = []
        self.over = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def end(self, ending: Ending) -> None:
        self.ended.append(ending)

    async def serve(self, request: web.Request) -> Socket:
        socket = Socket(1000, "dragoman")
        await socket.prepare(request)
        self.transport = cast(asyncio.Transport, request.transport)
        made = Waiting(socket, self.transport, lambda: bool(self.ended), self.end)
        self.waiting.set_result(made)
        await made.wait()
        self.over.set()
        return socket


@contextlib.asynccontextmanager
async def client(line: Line) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_get("/", line.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            yield socket
    finally:
        await runner.cleanup()


async def test_it_is_told_its_place_and_comes_in() -> None:
    line = Line()
    async with client(line) as socket:
        made = await line.waiting
        await made.tell(QueueStatus(position=3, ahead=2, eta_s=4.5))
        assert await socket.receive_json() == {"type": "queue.status", "position": 3, "ahead": 2, "eta_s": 4.5}
        await made.tell(QueueStatus(position=1, ahead=0))
        assert await socket.receive_json() == {"type": "queue.status", "position": 1, "ahead": 0}
        await socket.ping()
        made.come_in()
        made.wake()
        await asyncio.wait_for(line.over.wait(), 5)
        assert not line.ended


async def test_nothing_is_lost_that_comes_in_the_moment_when_it_is_let_in() -> None:
    line = Line()
    async with client(line) as socket:
        made = await line.waiting
        made.come_in()
        await socket.send_str("{}")
        await asyncio.wait_for(line.over.wait(), 5)
        assert not line.ended


async def test_whoever_ends_the_connection_wakes_it() -> None:
    line = Line()
    async with client(line):
        made = await line.waiting
        made.end(endings.STOPPING)
        made.wake()
        await asyncio.wait_for(line.over.wait(), 5)
        assert line.ended == [endings.STOPPING]


@pytest.mark.parametrize(
    ("said", "ending"),
    [('{"type":"session.close"}', endings.CLOSED), (b"\0\0\0\0\0\0", endings.EARLY_AUDIO), (None, endings.LEFT)],
)
async def test_it_may_leave_and_may_not_talk(said: str | bytes | None, ending: Ending) -> None:
    line = Line()
    async with client(line) as socket:
        await line.waiting
        if said is None:
            await socket.close()
        elif isinstance(said, str):
            await socket.send_str(said)
        else:
            await socket.send_bytes(said)
        await asyncio.wait_for(line.over.wait(), 5)
        assert line.ended == [ending]


async def test_other_messages_are_answered_and_after_many_the_connection_ends() -> None:
    line = Line()
    async with client(line) as socket:
        for message, code in (('{"type":"utterance.finalize"}', "unknown_type"), ("?", "not_json")):
            await socket.send_str(message)
            assert (await socket.receive_json())["code"] == code
        for _ in range(waiting.MAX_WRONG - 2):
            await socket.send_str("?")
        await asyncio.wait_for(line.over.wait(), 5)
        (ending,) = line.ended
        assert (ending.close, ending.reason) == (1008, "protocol_violation")


async def test_nothing_is_kept_for_a_client_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    async with client(line) as socket:
        made = await line.waiting
        assert line.transport is not None
        connection = socket._response.connection
        assert connection is not None
        transport = cast(asyncio.Transport, connection.transport)
        transport.pause_reading()
        size = 0
        for _ in range(200_000):
            await made.tell(QueueStatus(position=1, ahead=0))
            size = line.transport.get_write_buffer_size()
            if size > waiting.MAX_UNREAD:
                break
        assert size > waiting.MAX_UNREAD
        await made.tell(QueueStatus(position=1, ahead=0))
        assert line.transport.get_write_buffer_size() == size
        transport.resume_reading()


async def test_a_client_that_is_gone_is_told_nothing() -> None:
    line = Line()
    async with client(line) as socket:
        made = await line.waiting
        connection = socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()

        async def is_over() -> bool:
            await made.tell(QueueStatus(position=1, ahead=0))
            return line.over.is_set()

        await until(is_over)
        assert line.ended[0] == endings.LEFT
