"""One WebSocket to a server of the streaming protocol: what was said into it and what came out, nothing remembered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from socket import SHUT_RDWR
from urllib.parse import SplitResult, urlsplit, urlunsplit

import aiohttp

from cli import credentials
from cli.events import Event, read_event, read_frame
from wire import env
from wire.errors import ClientError, DragomanError, Unavailable

PATH = "/v1/stream"
RETURNING = "resume"
"""In the address of who comes back: it is let in where there is no room for others."""
CONNECT_PATIENCE_S = 10.0
HEARTBEAT_S = 4.0
"""A server that was silent for so long is pinged; silent for half as long again, the connection is given up. It says
something each 2.5 s, even while it is too busy to answer a ping."""

ABANDON_S = 0.5

FULL = 503
DENIED = {
    401: f"asks for an API key, or does not know this one: set {env.KEY}",
    403: "does not let this key, or this client, in",
}

CLOSING = aiohttp.ClientWSTimeout(ws_close=2.0)
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class Refused(DragomanError):
    """The session was not opened. `code` is the server's, or `unreachable`. `retry_after`: seconds after which the
    server may have room."""

    code = "refused"

    def __init__(
        self, message: str, *, code: str | None = None, retryable: bool | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, code=code, retryable=retryable)
        self.retry_after = retry_after


class ConnectionLost(Unavailable):
    """The connection ended before the session did. `close` is the server's close code, if it had time for one."""

    code = "connection_lost"

    def __init__(self, message: str, *, close: int | None = None) -> None:
        super().__init__(message)
        self.close = close


class Link:
    """Made by `opened`; `abandon` it in the end."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._http = http
        self._socket = socket
        self._raw = socket.get_extra_info("socket")
        self.busy = False
        """Whether somebody is sending."""

    async def put(self, message: str | bytes) -> None:
        """Text or binary. Waits where the server takes it more slowly. Raises ConnectionLost."""
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection was lost while sending: {error or type(error).__name__}") from error

    async def receive(self, patience: float) -> Event:
        """The next event. Raises ConnectionLost where there is none for `patience` seconds, or never will be, and
        ProtocolViolation where the server says what docs/protocol.md does not allow."""
        try:
            message = await self._socket.receive(timeout=patience)
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
                code, reason = self._socket.close_code, message.extra
                told = f"the server closed the connection ({code}{f': {reason}' if reason else ''})"
                raise ConnectionLost(told, close=code)

    async def leave(self) -> None:
        """Close it in good order, and wait a moment for the server to do the same."""
        await self._socket.close()
        await self._http.close()

    async def abandon(self) -> None:
        """Let go of it at once. It may be half open: then nobody would answer, and whoever waits until all is sent
        would wait for ever."""
        with contextlib.suppress(OSError):
            self._raw.shutdown(SHUT_RDWR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ABANDON_S):
                await self._socket.close()
        await self._http.close()


async def opened(url: str, key: str = "", mark: str = "") -> Link:
    """`url`: ws, wss, http or https; the path is added where there is none. `key`: an API key, or empty. `mark`:
    RETURNING, or empty.

    Raises Refused."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_PATIENCE_S)
    http = aiohttp.ClientSession(timeout=timeout)
    try:
        socket = await http.ws_connect(
            endpoint(url, mark), headers=credentials.headers(key),
            max_msg_size=MAX_MESSAGE_BYTES, compress=0, timeout=CLOSING, heartbeat=HEARTBEAT_S,
        )  # fmt: skip
    except BaseException as error:
        await http.close()
        if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in DENIED:
            raise Refused(f"{url} {DENIED[error.status]} (HTTP {error.status})", code="denied") from error
        if isinstance(error, aiohttp.WSServerHandshakeError) and (again := _retry_after(error)) is not None:
            told = f"{url} has no room for another session now"
            raise Refused(told, code="full", retryable=True, retry_after=again) from error
        if isinstance(error, aiohttp.WSServerHandshakeError):
            told = f"{url} answers, but not as Dragoman (HTTP {error.status})"
            raise Refused(told, code="unreachable", retryable=True) from error
        if isinstance(error, aiohttp.ClientError | OSError):
            why = str(error) or type(error).__name__
            raise Refused(f"{url} cannot be reached: {why}", code="unreachable", retryable=True) from error
        raise
    return Link(http, socket)


def _retry_after(error: aiohttp.WSServerHandshakeError) -> float | None:
    """Seconds, where the server says that it has no room now and when to come again."""
    text = error.headers.get("Retry-After", "") if error.status == FULL and error.headers is not None else ""
    return float(text) if text.isdecimal() else None


def endpoint(url: str, mark: str = "") -> str:
    """The WebSocket's address, with `mark` in its query. Raises ClientError for what is no address."""
    parts = server(url, {"http": "ws", "https": "wss"})
    path = parts.path.rstrip("/")
    query = "&".join(part for part in (parts.query, mark) if part)
    return urlunsplit((parts.scheme, parts.netloc, path if path.endswith(PATH) else path + PATH, query, ""))


def server(url: str, schemes: Mapping[str, str]) -> SplitResult:
    """The parts of a server's address. `schemes` maps those that are taken for others to the ones that are used; these
    are taken as they are. Raises ClientError for what is no address."""
    try:
        parts = urlsplit(url)
        parts = parts._replace(scheme=schemes.get(parts.scheme, parts.scheme))
        usable = parts.scheme in schemes.values() and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        usual = next(iter(schemes.values()))
        raise ClientError(f"{url!r} is no address of a server: give one such as {usual}://127.0.0.1:8080")
    return parts
