"""A client of the streaming protocol, and an ingress to connect to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from ingress.main import serve
from wire.env import IngressSettings

Event = dict[str, Any]


def chunk(number: int, pcm: bytes) -> bytes:
    return struct.pack("<I", number) + pcm


class Client:
    """Collects everything that it is told in `events`, speech frames as events of type "speech"."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[Event] = []
        self.next_chunk = 0
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.events.append(json.loads(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.events.append(read_speech(message.data))
            self._changed.set()
        self.events.append({"type": "(socket closed)", "code": self.socket.close_code})
        self._changed.set()

    async def say(self, type: str, **fields: object) -> None:
        await self.socket.send_json({"type": type, **fields})

    async def audio(self, pcm: bytes, size: int = 3200) -> None:
        """Send it in chunks of `size` bytes."""
        for start in range(0, len(pcm), size):
            await self.socket.send_bytes(chunk(self.next_chunk, pcm[start : start + size]))
            self.next_chunk += 1

    async def until(self, type: str, patience: float = 15, **fields: object) -> Event:
        """The first event of this type with these fields."""

        def found() -> Event | None:
            wanted = {"type": type, **fields}
            return next((each for each in self.events if wanted.items() <= each.items()), None)

        async with asyncio.timeout(patience):
            while (event := found()) is None:
                await self.more()
        return event

    async def more(self) -> None:
        """Until something else came."""
        self._changed.clear()
        await self._changed.wait()

    async def start(self, **fields: object) -> Event:
        await self.say("session.start", **fields)
        return await self.until("session.started")

    async def resume(self, session: str, token: str, n: int, **fields: object) -> None:
        await self.say("session.resume", session=session, token=token, n=n, **fields)

    def cut(self) -> None:
        """As if the cable were pulled."""
        made = self.socket._response.connection
        assert made is not None
        assert made.transport is not None
        made.transport.abort()

    async def closed(self, patience: float = 15) -> int:
        """The close code, once the socket is closed."""
        return int((await self.until("(socket closed)", patience))["code"])

    def numbered(self) -> list[int]:
        return [event["n"] for event in self.events if "n" in event]

    def codes(self) -> list[str]:
        return [event["code"] for event in self.events if event["type"] == "error"]


@contextlib.asynccontextmanager
async def undisturbed(url: str) -> AsyncIterator[None]:
    """Another client, whose session must go on as if nothing had happened inside this block."""
    async with connected(url) as client:
        await client.start(source="fr", targets=["en"])
        await client.audio(bytes(3200))
        await client.until("audio.ack", chunk=0)
        yield
        await client.audio(bytes(3200))
        await client.until("audio.ack", chunk=1)
        await client.say("utterance.finalize")
        assert (await client.until("transcript.final"))["text"] == "6400 bytes"
        await client.say("session.close")
        assert await client.closed() == 1000
        assert client.numbered() == [1, 2, 3]


def read_speech(frame: bytes) -> Event:
    kind, speaker, utterance, sequence, rate, target = struct.unpack_from("<BB2xIII16s", frame)
    assert kind == 1
    return {
        "type": "speech", "speaker": speaker, "utterance": utterance, "target": target.rstrip(b"\0").decode(),
        "sequence": sequence, "sample_rate": rate, "pcm": frame[32:],
    }  # fmt: skip


@contextlib.asynccontextmanager
async def connected(url: str, key: str = "", query: str = "") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "/v1/stream" + query, max_msg_size=0, headers=headers) as socket,
        asyncio.TaskGroup() as group,
    ):
        client = Client(socket)
        listening = group.create_task(client.listen())
        yield client
        listening.cancel()


@contextlib.asynccontextmanager
async def ingress(nats_url: str, **settings: Any) -> AsyncIterator[str]:
    """A running ingress; gives its URL."""
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(IngressSettings(nats_url=nats_url, port=0, **settings), stop, ready=url.set_result))
        yield await url
        stop.set()


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.json()


async def eventually(condition: Callable[[], Any], patience: float = 15) -> None:
    """Wait until `condition` (a coroutine function) gives something true."""
    never = asyncio.Event()
    async with asyncio.timeout(patience):
        while not await condition():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.05)


async def ready(url: str) -> None:
    async def is_ready() -> bool:
        status, _ = await get(url + "/readyz")
        return status == 200

    await eventually(is_ready)
