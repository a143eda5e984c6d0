"""A client of the Realtime API over a bare WebSocket, as a page or a program in another language would be one."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from openai.types.realtime.realtime_translation_server_event import RealtimeTranslationServerEvent

from tests.ingress.openai.realtime.ears import Ears
from tests.ingress.openai.realtime.types import typed


class Raw(Ears):
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, kinds: Any) -> None:
        super().__init__()
        self.socket = socket
        self._kinds = kinds

    async def listen(self) -> None:
        async for message in self.socket:
            typed(self._kinds, message.data)
            self.hear(json.loads(message.data))
        self.hear({"type": "(closed)", "code": self.socket.close_code})

    async def say(self, **event: Any) -> None:
        await self.socket.send_json(event)

    async def append(self, data: bytes) -> None:
        """To a translation."""
        await self.say(type="session.input_audio_buffer.append", audio=base64.b64encode(data).decode())

    @property
    def audio(self) -> bytes:
        """All that was spoken."""
        return b"".join(base64.b64decode(each["delta"]) for each in self.all("session.output_audio.delta"))

    def text(self, type: str) -> str:
        """All deltas of this type."""
        return "".join(each["delta"] for each in self.all(type))


@contextlib.asynccontextmanager
async def connected(
    url: str, path: str, *, protocols: Sequence[str] = (), headers: dict[str, str] | None = None
) -> AsyncIterator[Raw]:
    kinds = RealtimeTranslationServerEvent if "translations" in path else RealtimeServerEvent
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + path, protocols=protocols, headers=headers, max_msg_size=0) as socket,
        asyncio.TaskGroup() as group,
    ):
        raw = Raw(socket, kinds)
        listening = group.create_task(raw.listen())
        yield raw
        listening.cancel()
