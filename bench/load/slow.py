"""Clients that cost a server what they can without asking for much: Slowloris (R. Hansen, 2009), at each of our doors.

    dribble   every third says its HTTP request, every third the first message of its WebSocket, and every third a frame
              of audio in an open session, a byte a second
    mute      opens a session, speaks, and never reads what it is told

They say no more than whether they were thrown out, and when. `ended` is "left" for those that the server kept.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from urllib.parse import urlsplit

from bench.load import websocket
from bench.load.plan import CHUNK_S, Plan, Told, Visit
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE

EVERY_S = 1.0
RECEIVE_BYTES = 4096
"""Of the kernel's buffer: what is not read soon stands at the server."""
CONNECT_S = 20.0
ENOUGH = 2_000
MUTE_CHUNKS_S = 1.0


class Slow:
    def __init__(self, plan: Plan, place: int) -> None:
        self.told = Told(place=place, script=0)
        self._plan = plan
        self._over = asyncio.Event()
        self.lags: list[float] = []

    @property
    def state(self) -> str:
        """A field of Pulse."""
        if self.told.ended:
            return "over"
        return "inside" if self.told.visits and self.told.visits[-1].connected else "outside"

    def leave(self) -> None:
        self._over.set()

    async def run(self) -> None:
        """Until the server throws it out, or `leave`."""
        now = time.monotonic()
        visit = Visit(asked=now, tried=now, attempts=1)
        self.told.visits.append(visit)
        parts = urlsplit(self._plan.addresses[self.told.place % len(self._plan.addresses)])
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(raw, (parts.hostname, parts.port or 80))
            visit.connected = time.monotonic()
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(self._over.wait())
                working = group.create_task(self._work(raw))
                await asyncio.wait({leaving, working}, return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                working.cancel()
        except* (OSError, TimeoutError):
            self.told.ended = self.told.ended or "thrown out"
        finally:
            raw.close()
            visit.left = time.monotonic()
            self.told.ended = self.told.ended or ("left" if self._over.is_set() else "thrown out")

    async def _work(self, raw: socket.socket) -> None:
        greeting = websocket.greeting(self._plan.addresses[0], self._plan.key)
        opening = websocket.frame(websocket.TEXT, self._plan.opening.encode())
        chunk = struct.pack("<I", 0) + bytes(round(CHUNK_S * SAMPLE_RATE) * BYTES_PER_SAMPLE)
        audio = websocket.frame(websocket.BINARY, chunk)
        if self._plan.kind == "mute":
            await self._say(raw, greeting + opening)
            for number in range(ENOUGH):
                await asyncio.sleep(MUTE_CHUNKS_S)
                await self._say(raw, websocket.frame(websocket.BINARY, struct.pack("<I", number) + chunk[4:]))
            return
        at_once, slowly = [(b"", greeting), (greeting, opening), (greeting + opening, audio)][self.told.place % 3]
        await self._say(raw, at_once)
        for byte in slowly:
            await asyncio.sleep(EVERY_S)
            await self._say(raw, bytes((byte,)))
            self._look(raw)
        await self._over.wait()

    async def _say(self, raw: socket.socket, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(raw, data)

    def _look(self, raw: socket.socket) -> None:
        """Raises ConnectionError where the server has closed the connection."""
        try:
            if raw.recv(RECEIVE_BYTES) == b"":
                raise ConnectionError("thrown out")
        except BlockingIOError:
            return
