"""A WebSocket as all doors open and close it: limits are said in the close frame, and no end waits for a client."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Protocol, TypeVar, cast

from aiohttp import WSMessage, WSMsgType, web

from ingress import endings, traffic
from ingress.endings import Ending
from ingress.shared import Guest, Ingress
from wire.log import get

log = get(__name__)

HEARTBEAT_S = 10.0
"""A client that was silent for so long is pinged; silent for half as long again, its connection is given up."""
CLOSE_S = 2.0
GOODBYE_S = 2.0


class Socket(web.WebSocketResponse):
    """Says in the close frame what the limit is, where aiohttp refuses a message that is over it. A client that offers
    subprotocols, which may hold its key, is answered with the name of one alone."""

    def __init__(self, limit: int, protocol: str, *, autoping: bool = True) -> None:
        """Without `autoping` nobody asks for signs of life, or answers who asks: see `PatientSocket`."""
        super().__init__(
            timeout=CLOSE_S, heartbeat=HEARTBEAT_S if autoping else None, autoping=autoping, compress=False,
            max_msg_size=limit + 1, protocols=(protocol,),
        )  # fmt: skip
        self._limit = limit

    async def close(self, *, code: int = endings.NORMAL, message: bytes = b"", drain: bool = True) -> bool:
        if code == endings.TOO_BIG and not message:
            message = f"a message may have at most {self._limit} bytes".encode()
        return await super().close(code=code, message=message, drain=drain)


class PatientSocket(Socket):
    """One whose client may be held back for longer than between two signs of life: what it answers then waits behind
    what is not read. So it is asked only while somebody waits for it."""

    def __init__(self, limit: int, protocol: str) -> None:
        super().__init__(limit, protocol, autoping=False)

    async def next(self) -> WSMessage:
        """What the client says next; CLOSED if it has gone without a word."""
        asked = False
        while True:
            try:
                message = await self.receive(HEARTBEAT_S / 2 if asked else HEARTBEAT_S)
            except TimeoutError:
                if asked:
                    return WSMessage(WSMsgType.CLOSED, None, None)
                asked = True
                await self.ping()
                continue
            match message.type:
                case WSMsgType.PING:
                    await self.pong(message.data)
                case WSMsgType.PONG:
                    asked = False
                case _:
                    return message


class Served(Guest, Protocol):
    async def run(self) -> None: ...


S = TypeVar("S", bound=Socket)


async def serve(
    ingress: Ingress, request: web.Request, socket: S, made: Callable[[S, asyncio.WriteTransport | None], Served]
) -> S:
    """Open the socket, and run what is `made` of it, a guest of this ingress, until one side ends."""
    if ingress.stopping:
        raise web.HTTPServiceUnavailable(text="this server is going away: connect to another")
    try:
        await socket.prepare(request)
    except ConnectionError:
        return socket  # whoever asked is gone already
    guest = made(socket, cast("asyncio.WriteTransport | None", request.transport))
    ingress.connections.add(guest)
    try:
        await guest.run()
    finally:
        ingress.forget(guest)
        traffic.closed(socket.close_code)
    return socket


async def say_goodbye(
    socket: web.WebSocketResponse, transport: asyncio.WriteTransport | None, ending: Ending, last: str | None
) -> None:
    """`last` is the last thing that the client is told, before the close frame."""
    try:
        async with asyncio.timeout(GOODBYE_S):
            if last is not None:
                await socket.send_str(last)
            await socket.close(code=ending.close or endings.NORMAL)
    except (TimeoutError, ConnectionError):
        log.debug("a client was gone before it was told why", reason=ending.reason)
    if transport is not None and transport.get_write_buffer_size():
        cut_off(transport)


def cut_off(transport: asyncio.WriteTransport) -> None:
    """Its client does not read: throw away what it was to get, in this process and in the kernel, which would keep it
    for minutes."""
    transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
