"""A multipart form that brings a recording: its fields, and its file as a stream, kept as it comes.

Nothing of the file is held here. What a client does not send for a while, sends too much of, or sends in a form that
nobody can take apart, is refused in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from ingress.recordings.asking import MAX_REFERENCE_BYTES, check_known
from ingress.recordings.refusals import Refused, TooLarge

FILE = "file"
PIECE_BYTES = 64 * 1024
PATIENCE_S = 60.0
MAX_FIELD_BYTES = 512 * 1024
MAX_FIELDS = 200
MAX_HEAD_BYTES = 8190
"""Of a part of a form, as much as is likely."""
MAX_TEXT_BYTES = MAX_REFERENCE_BYTES + 2 * MAX_FIELD_BYTES
"""Of all fields together: they are in memory."""
MIB = 1024 * 1024

Keep = Callable[[AsyncIterator[bytes]], Awaitable[str]]
"""Takes the bytes in and returns their SHA-256, in hex."""


@dataclass
class Form:
    """What came: fields in their order, and the file's name, size and SHA-256."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    name: str = ""
    sha256: str = ""
    size: int = 0


class Reception:
    """`size` grows while it comes. `count` is told of bytes before they are kept, and may raise."""

    def __init__(self, max_mb: int, count: Callable[[int], None]) -> None:
        self.size = 0
        self._max_mb = max_mb
        self._count = count
        self._room = MAX_TEXT_BYTES

    async def receive(self, request: web.Request, keep: Keep) -> Form:
        """Raises Refused, and what `keep` and `count` raise; ConnectionError where the client has gone."""
        if (request.content_length or 0) > self._max_mb * MIB + MAX_TEXT_BYTES + MAX_FIELDS * MAX_HEAD_BYTES:
            raise TooLarge(self._max_mb)
        try:
            return await self._parts(request, keep)
        except TimeoutError as error:
            raise Refused(f"nothing came for {PATIENCE_S:.0f} s", code="request_timeout", status=408) from error
        except aiohttp.ClientPayloadError as error:
            raise ConnectionResetError from error
        except (ValueError, RuntimeError, HttpProcessingError) as error:
            raise Refused("the form cannot be read: its parts are broken", code="bad_request") from error

    async def _parts(self, request: web.Request, keep: Keep) -> Form:
        form = Form()
        reader = await request.multipart()
        while True:
            async with asyncio.timeout(PATIENCE_S):
                part = await reader.next()
            if part is None:
                break
            if not isinstance(part, aiohttp.BodyPartReader) or not part.name:
                raise ValueError("a part without a name, or with parts of its own")
            if part.headers.get(hdrs.CONTENT_TRANSFER_ENCODING, "binary").lower() not in ("binary", "8bit", "7bit"):
                raise Refused("a part is encoded: send it as it is", code="bad_field", param=part.name[:80])
            if part.name == FILE:
                if form.sha256:
                    raise Refused("one recording at a time: `file` came twice", code="bad_field", param=FILE)
                form.name = part.filename or ""
                form.sha256 = await keep(self._file(part))
            elif len(form.fields) == MAX_FIELDS:
                raise Refused(f"a form has at most {MAX_FIELDS} fields", code="bad_request")
            else:
                form.fields.append((part.name, await self._text(part)))
        form.size = self.size
        if not form.sha256:
            raise Refused("`file` is missing: the recording", code="missing_field", param=FILE)
        if not form.size:
            raise Refused("`file` is empty", code="bad_field", param=FILE)
        return form

    async def _file(self, part: aiohttp.BodyPartReader) -> AsyncIterator[bytes]:
        while piece := await _next(part):
            self.size += len(piece)
            if self.size > self._max_mb * MIB:
                raise TooLarge(self._max_mb)
            self._count(len(piece))
            yield piece

    async def _text(self, part: aiohttp.BodyPartReader) -> str:
        name = part.name or ""
        check_known(name.removesuffix("[]"))
        limit = MAX_REFERENCE_BYTES if name == "reference" else MAX_FIELD_BYTES
        data = bytearray()
        while piece := await _next(part):
            data += piece
            self._room -= len(piece)
            if len(data) > limit:
                raise Refused(f"`{name}` is longer than {limit} bytes", code="bad_field", param=name)
            if self._room < 0:
                raise Refused(f"the fields have more than {MAX_TEXT_BYTES} bytes", code="bad_field", param=name)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"`{name}` is no UTF-8 text", code="bad_field", param=name) from error


async def _next(part: aiohttp.BodyPartReader) -> bytes:
    """Empty at the end."""
    while not part.at_eof():
        async with asyncio.timeout(PATIENCE_S):
            piece = await part.read_chunk(PIECE_BYTES)
        if piece:
            return piece
    return b""
