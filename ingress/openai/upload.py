"""A multipart form as it comes in: its text fields, and its file on disk.

The file is never in memory, and has no name on disk either: it goes with this process, however that ends. Its size is
counted as it comes, whatever was announced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import aiohttp
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from ingress.openai.fields import Fields
from ingress.openai.outflow import ClientGone
from ingress.openai.refusals import Refused, too_slow
from wire.errors import Unavailable

MIB = 1024 * 1024
PIECE_BYTES = 64 * 1024
MAX_FIELDS = 300
MAX_TEXT_BYTES = 256 * 1024
"""Of all text fields together: a hundred keywords and four voices' samples are less."""

LEAST_RATE = 4096
"""Bytes a second. A form that comes more slowly than that is given up after its patience: drops would keep a place."""

FILE = "file"


@dataclass(frozen=True, slots=True)
class Upload:
    """`path` leads to the file as long as the block lasts; `size` in bytes."""

    fields: Fields
    path: Path
    size: int


@contextlib.asynccontextmanager
async def received(
    request: web.Request, max_bytes: int, count: Callable[[int], None], patience: float
) -> AsyncIterator[Upload]:
    """`count` is told of bytes before they are kept, and may raise. `patience`: seconds without anything new,
    or behind `LEAST_RATE` on the whole.

    Raises Refused, ClientGone, and Unavailable where there is no room on disk.
    """
    if not request.content_type.startswith("multipart/form-data"):
        raise Refused("send a form: multipart/form-data", code="unsupported_media_type", status=415)
    if (request.content_length or 0) > max_bytes + MAX_TEXT_BYTES:
        raise _too_large(max_bytes)
    with tempfile.TemporaryFile(buffering=0) as file:
        form = _Form(file, max_bytes, count, patience)
        try:
            await form.read(request)
        except TimeoutError as error:
            raise too_slow(patience) from error
        except (ValueError, RuntimeError, HttpProcessingError, aiohttp.ClientPayloadError) as error:
            raise Refused("the form is broken: its parts cannot be told apart", code="bad_request") from error
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise ClientGone("whoever sent this has hung up") from error
            raise Unavailable(f"the upload cannot be kept here now: {error.strerror}", code="storage_full") from error
        if form.size is None:
            raise Refused("`file` is missing: send the recording", param=FILE, code="missing_required_parameter")
        yield Upload(Fields(form.texts), Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"), form.size)


class _Form:
    def __init__(self, file: IO[bytes], max_bytes: int, count: Callable[[int], None], patience: float) -> None:
        self.texts: list[tuple[str, str]] = []
        self.size: int | None = None
        self._file = file
        self._max_bytes = max_bytes
        self._count = count
        self._patience = patience
        self._began = time.monotonic()
        self._received = 0
        self._room = MAX_TEXT_BYTES

    async def read(self, request: web.Request) -> None:
        reader = await request.multipart()
        while True:
            async with asyncio.timeout(self._left()):
                part = await reader.next()
            if part is None:
                return
            if not isinstance(part, aiohttp.BodyPartReader) or not part.name:
                raise ValueError("a part without a name, or with parts of its own")
            if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower() not in ("binary", "8bit", "7bit"):
                raise Refused("a part of the form is encoded: send it as it is", param=part.name[:80], status=415)
            if part.name == FILE and part.filename is not None:
                await self._keep(part)
            elif part.filename is not None:
                raise Refused(f"`{part.name[:80]}` is no file", param=part.name[:80])
            elif part.name == FILE:
                raise Refused("`file` is text: send a file, with a name", param=FILE)
            else:
                await self._text(part.name, part)

    async def _keep(self, part: aiohttp.BodyPartReader) -> None:
        if self.size is not None:
            raise Refused("`file` is given twice: send one recording at a time", param=FILE)
        self.size = 0
        while piece := await self._next(part):
            self.size += len(piece)
            if self.size > self._max_bytes:
                raise _too_large(self._max_bytes)
            self._count(len(piece))
            self._file.write(piece)  # into the page cache: some microseconds

    async def _text(self, name: str, part: aiohttp.BodyPartReader) -> None:
        text = bytearray()
        while piece := await self._next(part):
            self._room -= len(piece)
            if self._room < 0:
                raise Refused(f"the fields have more than {MAX_TEXT_BYTES // 1024} KiB", param=name[:80], status=413)
            text += piece
        if len(self.texts) == MAX_FIELDS:
            raise Refused(f"the form has more than {MAX_FIELDS} fields", param=name[:80], status=413)
        try:
            self.texts.append((name, text.decode()))
        except UnicodeDecodeError as error:
            raise Refused(f"`{name[:80]}` is no UTF-8", param=name[:80]) from error

    async def _next(self, part: aiohttp.BodyPartReader) -> bytes:
        """Empty at the end."""
        while not part.at_eof():
            async with asyncio.timeout(self._left()):
                piece = await part.read_chunk(PIECE_BYTES)
            if piece:
                self._received += len(piece)
                return piece
        return b""

    def _left(self) -> float:
        """Seconds for which the next piece is waited for."""
        due = self._began + self._patience + self._received / LEAST_RATE
        return min(self._patience, due - time.monotonic())


def _too_large(max_bytes: int) -> Refused:
    return Refused(
        f"the recording is larger than {max_bytes / MIB:g} MiB, the most that is taken here: /v1/jobs takes more",
        param=FILE, code="too_large", status=413,
    )  # fmt: skip
