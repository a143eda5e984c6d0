"""A server that speaks docs/protocol.md and does as a test tells it: outcomes, errors, refusals, a lost connection.

A script is a coroutine that gets a `Conversation`; when it returns, the socket is closed with 1000.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web


class Conversation:
    """One client's socket. `start` is its opening message; `chunks` the audio by number, as it came."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._n = 0
        self.token = ""
        """With one, the client may come back."""
        self.start: dict[str, Any] = {}
        self.said: list[str] = []
        self.chunks: dict[int, bytes] = {}
        self.arrivals: list[float] = []

    async def open(self) -> None:
        """Take the opening message and answer it."""
        await self.hear_start()
        await self.tell("session.started", session="s1", next_chunk=0, **self._languages(), **self._token())

    def _token(self) -> dict[str, Any]:
        return {"token": self.token} if self.token else {}

    async def resume(self, next_chunk: int) -> None:
        """Take the opening of a client that comes back, and go on after the last event that it has."""
        self.start = json.loads(await self._socket.receive_str())
        assert self.start["type"] == "session.resume"
        assert (self.start["session"], self.start["token"]) == ("s1", self.token)
        self._n = self.start["n"]
        await self.tell("session.resumed", next_chunk=next_chunk, samples=next_chunk * 1600)

    async def hear_start(self) -> None:
        self.start = json.loads(await self._socket.receive_str())
        assert self.start["type"] == "session.start"

    def _languages(self) -> dict[str, Any]:
        defaults = {"source": "auto", "targets": [], "speech": True}
        return {name: self.start.get(name, default) for name, default in defaults.items()}

    async def listen(self, seconds: float = 1e9) -> None:
        """Take audio until the client closes the session, or `seconds` of it have come."""
        heard = 0.0
        while heard < seconds:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                (number,) = struct.unpack_from("<I", message.data)
                self.chunks[number] = message.data[4:]
                self.arrivals.append(asyncio.get_running_loop().time())
                heard += (len(message.data) - 4) / 32_000
            elif message.type is aiohttp.WSMsgType.TEXT:
                self.said.append(json.loads(message.data)["type"])
                if self.said[-1] == "session.close":
                    return
            else:
                raise AssertionError(f"the client went away: {message}")

    async def nothing_for(self, seconds: float) -> None:
        """Raises TimeoutError where nothing comes."""
        await self._socket.receive(timeout=seconds)

    async def until_gone(self) -> None:
        """Wait for the client to leave."""
        while (await self._socket.receive()).type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            pass

    async def tell(self, type: str, **fields: Any) -> None:
        """An event with the next number."""
        self._n += 1
        await self.tell_live(type, n=self._n, **fields)

    async def tell_live(self, type: str, **fields: Any) -> None:
        await self._socket.send_str(json.dumps({"type": type, **fields}))

    async def skip(self, count: int) -> None:
        """Lose `count` numbers (negative: say them again)."""
        self._n += count

    async def say(self, utterance: int, text: str, language: str = "fr") -> None:
        await self.tell(
            "transcript.final", utterance=utterance, text=text, language=language, start=0.0, end=1.0, later="unknown"
        )

    async def translate(self, utterance: int, target: str, text: str) -> None:
        await self.tell("translation.final", utterance=utterance, target=target, text=text)

    async def speak(self, utterance: int, target: str, *frames: bytes, rate: int = 22_050) -> None:
        await self.tell("speech.started", utterance=utterance, target=target, sample_rate=rate)
        for sequence, pcm in enumerate(frames):
            await self._socket.send_bytes(frame(utterance, target, sequence, rate, pcm))
        seconds = sum(map(len, frames)) / 2 / rate
        await self.tell("speech.ended", utterance=utterance, target=target, seconds=seconds, chunks=len(frames))

    async def utter(self, utterance: int, target: str, sequence: int, pcm: bytes) -> None:
        """One frame of speech."""
        await self._socket.send_bytes(frame(utterance, target, sequence, 22_050, pcm))

    async def fail(self, code: str, message: str = "it did not work", **about: Any) -> None:
        await self.tell("error", code=code, message=message, retryable=False, **about)

    async def closed(self, utterances: int) -> None:
        await self.tell("session.closed", reason="client", utterances=utterances)

    async def close(self, code: int, reason: str = "") -> None:
        await self._socket.close(code=code, message=reason.encode())

    def drop(self) -> None:
        """As if the cable were pulled."""
        transport = self._socket._req.transport if self._socket._req else None
        assert transport is not None
        transport.abort()


Script = Callable[[Conversation], Awaitable[None]]


def frame(utterance: int, target: str, sequence: int, rate: int, pcm: bytes) -> bytes:
    return struct.pack("<BxxxIII16s", 1, utterance, sequence, rate, target.encode()) + pcm


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """The server's URL. What the script raises, an assertion say, is raised here at the end."""
    errors: list[Exception] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            await script(Conversation(socket))
        except Exception as error:
            errors.append(error)
            raise
        finally:
            await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/v1/stream", stream)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
    if errors:
        raise errors[0]
