"""A client of the Realtime API, the SDK's own. It keeps what it is told; each event is held against the SDK's types."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime.realtime_server_event import RealtimeServerEvent

from tests.ingress.openai.realtime.ears import Ears, Event
from tests.ingress.openai.realtime.types import typed

NO_KEY = "nobody asks for it"

websockets: Any = pytest.importorskip(
    "websockets.exceptions", reason="the SDK's realtime client needs websockets: pip install 'openai[realtime]'"
)


class Talk(Ears):
    """Over the SDK's asynchronous client."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        super().__init__()
        self.connection = connection

    async def listen(self) -> None:
        try:
            while True:
                text = await self.connection.recv_bytes()
                if not text.startswith(b'{"type":"transcription_session.'):
                    typed(RealtimeServerEvent, text)
                self.hear(json.loads(text))
        except websockets.ConnectionClosed as closed:
            self.hear({"type": "(closed)", "code": closed.rcvd.code if closed.rcvd else 0})

    async def say(self, **event: Any) -> None:
        """As it is, past the SDK's own types."""
        await self.connection.send_raw(json.dumps(event))

    async def append(self, data: bytes) -> None:
        await self.connection.input_audio_buffer.append(audio=base64.b64encode(data).decode())

    async def configure(self, **given: Any) -> Event:
        """Of `session.audio.input`."""
        await self.say(type="session.update", session={"type": "transcription", "audio": {"input": given}})
        return await self.until("session.updated")


@contextlib.asynccontextmanager
async def talking(
    url: str, query: dict[str, object] | None = None, *, key: str = NO_KEY, headers: dict[str, str] | None = None
) -> AsyncIterator[Talk]:
    client = AsyncOpenAI(api_key=key, base_url=url + "/v1")
    query = {"intent": "transcription"} if query is None else query
    connecting = client.realtime.connect(extra_query=query, extra_headers=headers or {})
    async with connecting as connection, asyncio.TaskGroup() as group:
        talk = Talk(connection)
        listening = group.create_task(talk.listen())
        yield talk
        listening.cancel()
    await client.close()
