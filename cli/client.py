"""The streaming protocol (docs/protocol.md) from the client's side, for the command line and for other programs.

    async with connect("ws://127.0.0.1:8080", StartRequest(source="fr", targets=["en"])) as session:
        await session.send(pcm)              # PCM16 mono at the rate of the StartRequest, any number of times
        await session.close()
        async for event in session.events():
            ...                              # cli.events.Event: structs of wire.protocol, SpeechFrame, UnknownEvent

Sending and reading may go on at the same time in two tasks, and should: a client that does not read is cut off.
`connect` returns when the server has said `session.started`; what it says instead is raised as Refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from cli.events import Event, UnknownEvent, read_event, read_frame
from wire.errors import ClientError, DragomanError, ProtocolViolation, Unavailable
from wire.messages import encode
from wire.protocol import (
    CloseRequest,
    ErrorTold,
    FinalizeRequest,
    SessionClosed,
    SessionReady,
    StartRequest,
)

PATH = "/v1/stream"
CONNECT_PATIENCE_S = 10.0
START_PATIENCE_S = 20.0
SILENCE_PATIENCE_S = 90.0
"""A server that says nothing at all for so long has gone away. Longer than any utterance may take."""

CLOSING = aiohttp.ClientWSTimeout(ws_close=2.0)
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class Refused(DragomanError):
    """The session was not opened. `code` is the server's, or `unreachable`."""

    code = "refused"


class ConnectionLost(Unavailable):
    """The connection ended before the session did."""

    code = "connection_lost"


class Session:
    """An open session. Made by `connect`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, started: SessionReady) -> None:
        self._socket = socket
        self.started = started
        self.next_chunk = started.next_chunk

    async def send(self, pcm: bytes) -> None:
        """One chunk of audio. Waits where the server takes it more slowly. Raises ConnectionLost."""
        await self._put(struct.pack("<I", self.next_chunk) + pcm)
        self.next_chunk += 1

    async def finalize(self) -> None:
        """End the running utterance now. Raises ConnectionLost."""
        await self._put(encode(FinalizeRequest()).decode())

    async def close(self) -> None:
        """No more audio. Events go on until `session.closed`. Raises ConnectionLost."""
        await self._put(encode(CloseRequest()).decode())

    async def _put(self, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection was lost while sending: {error or type(error).__name__}") from error

    async def events(self) -> AsyncIterator[Event]:
        """All that comes, `session.closed` included, then ends.

        Raises ConnectionLost where the connection ends before, or nothing comes for SILENCE_PATIENCE_S, and
        ProtocolViolation where the server says what docs/protocol.md does not allow.
        """
        while True:
            event = await _receive(self._socket, SILENCE_PATIENCE_S)
            yield event
            if isinstance(event, SessionClosed):
                return


@contextlib.asynccontextmanager
async def connect(url: str, start: StartRequest) -> AsyncIterator[Session]:
    """Open a session at `url` (ws, wss, http or https; the path is added where there is none). Raises Refused."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_PATIENCE_S)
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(CONNECT_PATIENCE_S + START_PATIENCE_S):
                client = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
                socket = await stack.enter_async_context(
                    client.ws_connect(endpoint(url), max_msg_size=MAX_MESSAGE_BYTES, compress=0, timeout=CLOSING)
                )
                started = await _open(socket, start)
        except aiohttp.WSServerHandshakeError as error:
            raise Refused(
                f"{url} answers, but not as Dragoman (HTTP {error.status})", code="unreachable", retryable=True
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise Refused(f"{url} cannot be reached: {why}", code="unreachable", retryable=True) from error
        yield Session(socket, started)


def endpoint(url: str) -> str:
    """The WebSocket's address. Raises ClientError for what is no address."""
    try:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        usable = scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ClientError(f"{url!r} is no address of a server: give one such as ws://127.0.0.1:8080")
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith(PATH) else path + PATH, parts.query, ""))


async def _open(socket: aiohttp.ClientWebSocketResponse, start: StartRequest) -> SessionReady:
    try:
        await socket.send_str(encode(start).decode())
        event = await _receive(socket, START_PATIENCE_S)
        while isinstance(event, UnknownEvent):
            event = await _receive(socket, START_PATIENCE_S)
    except (ConnectionLost, ProtocolViolation) as error:
        raise Refused(str(error), code=error.code, retryable=error.retryable) from error
    match event:
        case SessionReady():
            return event
        case ErrorTold():
            raise Refused(event.message, code=event.code, retryable=event.retryable)
        case _:
            raise Refused("the server opened with something else than session.started", code=ProtocolViolation.code)


async def _receive(socket: aiohttp.ClientWebSocketResponse, patience: float) -> Event:
    try:
        message = await socket.receive(timeout=patience)
    except TimeoutError as error:
        raise ConnectionLost(f"the server has said nothing for {patience:g} s") from error
    match message.type:
        case aiohttp.WSMsgType.TEXT:
            return read_event(message.data)
        case aiohttp.WSMsgType.BINARY:
            return read_frame(message.data)
        case aiohttp.WSMsgType.ERROR:
            raise ConnectionLost(f"the connection broke: {message.data}")
        case _:
            code, reason = socket.close_code, message.extra
            raise ConnectionLost(f"the server closed the connection ({code}{f': {reason}' if reason else ''})")
