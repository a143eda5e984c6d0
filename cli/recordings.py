"""A client of `/v1/jobs` (docs/recordings.md): each method is one exchange with the server, and nothing is remembered.

Whoever wants to go on after a failure looks at `retryable`, and at `retry_after` where the server said when.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlunsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractStreamWriter

from cli import credentials
from cli.link import server
from wire import env
from wire.errors import DragomanError, ProtocolViolation, Unavailable

JOBS = "/v1/jobs"
CONNECT_S, SILENCE_S = 10.0, 40.0
"""A server that follows a job says something each 10 s."""

PIECE_BYTES = 256 * 1024
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_REFUSAL_BYTES = 64 * 1024
OVER = frozenset({"done", "failed", "cancelled"})

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_UNTOLD = re.compile(r'[\x00-\x1f\x7f"\\]')

T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True):
    """Seconds of audio, but for `uploaded`: bytes."""

    uploaded: int = 0
    decoded: float = 0.0
    heard: float = 0.0
    translated: dict[str, float] = {}
    spoken: dict[str, float] = {}


class Failure(msgspec.Struct, frozen=True):
    message: str
    code: str | None = None


class Job(msgspec.Struct, frozen=True):
    id: str
    state: str
    duration: float | None = None
    progress: Progress = Progress()
    seconds_left: float | None = None
    failures: int = 0
    error: Failure | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER


class Denied(DragomanError):
    """What the server answered instead of doing it, with its HTTP status."""

    def __init__(self, status: int, message: str, code: str, retry_after: float | None) -> None:
        super().__init__(message, code=code, retryable=status in (429, 502, 503, 504) or retry_after is not None)
        self.status = status
        self.retry_after = retry_after


class Unreachable(Unavailable):
    code = "unreachable"


def address(url: str) -> str:
    """The base of the server's addresses. Raises ClientError for what is none."""
    parts = server(url, {"ws": "http", "wss": "https"})
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


class Download:
    """A result that comes, maybe in several attempts. `etag` says of what `path` holds the beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.etag = ""

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


class Recordings:
    """Made by `connected`. All methods raise Denied and Unreachable, and ProtocolViolation for answers that
    docs/recordings.md does not allow."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self.base = base

    async def knock(self) -> None:
        """Whether the server is there and lets us in."""
        async with self._asked("GET", "?limit=1") as answer:
            _read(dict[str, Any], await answer.read())

    async def begin(self, file: Path, wishes: Mapping[str, str], key: str, told: Callable[[int], None]) -> Job:
        """Bring `file`, under the Idempotency-Key `key`. `told` is how many bytes of it have gone. Raises OSError."""
        with file.open("rb") as opened:
            form = aiohttp.FormData(quote_fields=False)
            for name, value in wishes.items():
                form.add_field(name, value)
            form.add_field("file", _Sound(opened, told), filename=_shown(file))
            async with self._asked("POST", data=form, headers={"Idempotency-Key": key}) as answer:
                return _job(await answer.read())

    async def look(self, job: str) -> Job:
        async with self._asked("GET", f"/{job}") as answer:
            return _job(await answer.read())

    async def cancel(self, job: str) -> Job:
        async with self._asked("DELETE", f"/{job}") as answer:
            return _job(await answer.read())

    async def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job as it changes, until it is over or the connection ends."""
        async with self._asked("GET", f"/{job}/events", timeout=_timeout(SILENCE_S)) as answer:
            event, data = "", ""
            async for line in _lines(answer.content):
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data":
                    data += value.removeprefix(" ") + "\n"
                elif not line:
                    if event in ("state", "progress"):
                        yield _job(data.encode())
                    event, data = "", ""

    async def fetch(self, job: str, into: Download, told: Callable[[int, int | None], None]) -> None:
        """The result, or the rest of it. `told` is how many bytes are there, and will be. Raises OSError."""
        ranged = {"Range": f"bytes={into.size}-", "If-Range": into.etag} if into.etag and into.size else {}
        async with self._asked("GET", f"/{job}/result", headers=ranged, timeout=_timeout(SILENCE_S)) as answer:
            into.etag = answer.headers.get("ETag", "")
            there = into.size if answer.status == 206 else 0
            total = there + answer.content_length if answer.content_length is not None else None
            with into.path.open("ab" if there else "wb") as file:
                async for piece in answer.content.iter_chunked(PIECE_BYTES):
                    file.write(piece)
                    there += len(piece)
                    told(there, total)

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, path: str = "", **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._http.request(method, self.base + JOBS + path, allow_redirects=False, **options) as answer:
                if answer.status >= 300:
                    raise await denied(answer)
                yield answer
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"{self.base} cannot be reached: {why}") from error


@contextlib.asynccontextmanager
async def connected(base: str, key: str) -> AsyncIterator[Recordings]:
    """`base` as `address` makes it; `key` an API key, or empty."""
    connector = aiohttp.TCPConnector(limit=0)
    headers = credentials.headers(key)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=_timeout(None)) as http:
        yield Recordings(http, base)


class _Sound(aiohttp.Payload):
    """A file's content, read while it is sent; `told` is how much has gone."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        super().__init__(file, content_type="application/octet-stream")
        self._size = os.fstat(file.fileno()).st_size
        self._told = told

    async def write(self, writer: AbstractStreamWriter) -> None:
        gone = 0
        while piece := await asyncio.to_thread(self._value.read, PIECE_BYTES):
            await writer.write(piece)
            gone += len(piece)
            self._told(gone)
        if gone != self._size:
            raise OSError("the file has changed while it was sent")

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("sound is no text")


def _shown(file: Path) -> str:
    """Its name, as it can stand in a header."""
    return _UNTOLD.sub("_", file.name.encode("utf-8", "replace").decode())


def _timeout(silence: float | None) -> aiohttp.ClientTimeout:
    """Uploads may take as long as they do; silence of so many seconds is too long."""
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silence)


async def denied(answer: aiohttp.ClientResponse) -> Denied:
    """What the server said, without waiting until it has taken all that we sent."""
    body = b""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        while len(body) < MAX_REFUSAL_BYTES and (piece := await answer.content.readany()):
            body += piece
    answer.close()
    try:
        said = msgspec.json.decode(body, type=_Refusal).error
    except msgspec.DecodeError:
        said = Failure(f"it answers, but not as Dragoman (HTTP {answer.status})")
    hint = f" (set {env.KEY})" if answer.status == 401 else ""
    after = answer.headers.get("Retry-After", "")
    return Denied(
        answer.status,
        said.message + hint,
        said.code or f"http_{answer.status}",
        float(after) if after.isdecimal() else None,
    )


class _Refusal(msgspec.Struct):
    error: Failure


def _job(body: bytes) -> Job:
    job = _read(Job, body)
    if not _JOB_ID.fullmatch(job.id):
        raise ProtocolViolation("the server named a job in a way that no address can have")
    return job


def _read(kind: type[T], body: bytes) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ProtocolViolation(f"the server answered what cannot be read: {error}") from error


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[str]:
    """Lines as they come, without their ends. Raises ProtocolViolation for one without an end."""
    rest = b""
    async for piece in content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r").decode("utf-8", "replace")
        if len(rest) > MAX_LINE_BYTES:
            raise ProtocolViolation("the server told an event that has no end")
