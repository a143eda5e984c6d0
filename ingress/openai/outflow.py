"""An answer that is written while it is made, and what becomes of it when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from ingress.access import answers
from wire.errors import DragomanError

LOOK_S = 0.5

EVENTS = "text/event-stream"


class ClientGone(DragomanError):
    """Whoever asked has hung up, or reads nothing: there is nobody to tell."""

    code = "client_gone"


async def attend(request: web.Request) -> None:
    """For ever, while somebody waits for the answer; aiohttp does not say when they go. Raises ClientGone."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)
    raise ClientGone("whoever asked has hung up")


class Outflow:
    """The head goes out with the first of the body, so that until then a failure can still be told as one.
    `patience`: seconds in which the client must have taken what was written."""

    def __init__(self, request: web.Request, content_type: str, patience: float) -> None:
        self.begun = False
        self.response = web.StreamResponse(
            headers={"Content-Type": content_type, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self._request = request
        self._patience = patience

    async def write(self, data: bytes) -> None:
        """Raises ClientGone."""
        if not data:
            return
        try:
            async with asyncio.timeout(self._patience):
                if not self.begun:
                    self.begun = True
                    await self.response.prepare(self._request)
                await self.response.write(data)
        except (ConnectionError, TimeoutError) as error:
            self.break_off()
            raise ClientGone("the answer is not read") from error

    async def event(self, event: dict[str, Any]) -> None:
        """One of the server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
        await self.write(b"data: " + msgspec.json.encode(event) + b"\n\n")

    async def failed(self, error: DragomanError) -> None:
        """An event that says so, in the shape that OpenAI's clients raise as an error."""
        await self.write(f"data: {answers.of(error).text}\n\n".encode())

    def break_off(self) -> None:
        """So that nobody takes what there is for the whole."""
        if self._request.transport is not None:
            self._request.transport.abort()
