"""The lean client speaks to a real server of aiohttp, in whatever pieces the bytes come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import WSMsgType, web

from bench.load import websocket
from bench.load.websocket import Socket


class Ear:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.gone = asyncio.Event()

    def opened(self) -> None:
        self.told.append(("opened",))

    def denied(self, status: int, body: bytes) -> None:
        self.told.append(("denied", status, body))

    def text(self, data: bytes) -> None:
        self.told.append(("text", data))

    def binary(self, data: bytes) -> None:
        self.told.append(("binary", data))

    def lost(self, code: int) -> None:
        self.told.append(("lost", code))
        self.gone.set()


async def echo(request: web.Request) -> web.StreamResponse:
    if "Authorization" not in request.headers:
        return web.json_response({"error": {"code": "no_key"}}, status=401)
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for message in answer:
        if message.type is WSMsgType.TEXT:
            await answer.ping(b"there?")
            await answer.send_str(message.data)
        elif len(message.data) == 4:
            await answer.close(code=4400)
        else:
            await answer.send_bytes(message.data)
    return answer


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    app = web.Application()
    app.router.add_get("/v1/stream", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield cast("tuple[str, int]", runner.addresses[0])
    await runner.cleanup()


async def test_texts_and_audio_come_back_and_the_close_code_is_told(address: tuple[str, int]) -> None:
    ear = Ear()
    socket = Socket(ear, websocket.greeting(f"http://127.0.0.1:{address[1]}/v1/stream", "a-key"))
    await asyncio.get_running_loop().create_connection(lambda: socket, *address)
    sizes = (0, 120, 3200, 70_000)
    socket.send("x" * 200)
    for number, size in enumerate(sizes):
        socket.audio(websocket.audio_head(bytes(size)), number, bytes(size))
    async with asyncio.timeout(5):
        await ear.gone.wait()
    assert ear.told == [("opened",), ("text", b"x" * 200), ("lost", 4400)]  # audio of no samples has 4 bytes


async def test_large_messages_come_whole(address: tuple[str, int]) -> None:
    ear = Ear()
    socket = Socket(ear, websocket.greeting(f"http://127.0.0.1:{address[1]}/v1/stream", "a-key"))
    await asyncio.get_running_loop().create_connection(lambda: socket, *address)
    for number, size in enumerate((120, 3200, 70_000, 0)):
        socket.audio(websocket.audio_head(bytes(size)), number, bytes(size))
    async with asyncio.timeout(5):
        await ear.gone.wait()
    assert [len(told[1]) for told in ear.told if told[0] == "binary"] == [124, 3204, 70_004]


async def test_a_refusal_is_told_with_its_body(address: tuple[str, int]) -> None:
    ear = Ear()
    socket = Socket(ear, websocket.greeting(f"http://127.0.0.1:{address[1]}/v1/stream", ""))
    await asyncio.get_running_loop().create_connection(lambda: socket, *address)
    async with asyncio.timeout(5):
        await ear.gone.wait()
    assert ear.told[0][:2] == ("denied", 401)
    assert b"no_key" in ear.told[0][2]


def server_frame(first: int, payload: bytes) -> bytes:
    """As a server sends it: not masked."""
    length = len(payload)
    return (
        bytes((first, length)) + payload if length < 126 else bytes((first, 126)) + length.to_bytes(2, "big") + payload
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_put_together_from_any_pieces(size: int) -> None:
    ear = Ear.__new__(Ear)
    ear.told = []
    socket = Socket(ear, b"")
    accept = b"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: " + websocket.ACCEPT + b"\r\n\r\n"
    data = accept + server_frame(0x81, b"a" * 300) + server_frame(0x01, b"in ") + server_frame(0x80, b"two")
    data += server_frame(0x82, b"audio")
    for at in range(0, len(data), size):
        socket.data_received(data[at : at + size])
    assert ear.told == [("opened",), ("text", b"a" * 300), ("text", b"in two"), ("binary", b"audio")]
