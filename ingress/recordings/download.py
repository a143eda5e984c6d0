"""The result of a job, or a part of it (RFC 9110, ranges): a download that broke off is gone on with."""

from __future__ import annotations

import asyncio
import re

from aiohttp import hdrs, web

from ingress.recordings.kept import Kept
from ingress.recordings.refusals import Refused
from wire.records import RecordingRecord

PATIENCE_S = 60.0
"""A client that takes nothing for so long is cut off."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


async def sent(request: web.Request, record: RecordingRecord, kept: Kept) -> web.StreamResponse:
    """Raises ObjectGone, Refused (range_not_satisfiable), NatsUnavailable."""
    info = await kept.result(record.result)
    tag = f'"{info.sha256}"'
    headers = {
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.ETAG: tag,
        hdrs.CONTENT_TYPE: "application/zip",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{record.id}.zip"',
        hdrs.CACHE_CONTROL: "private, no-cache",
    }
    if tag in (each.strip() for each in request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")):
        return web.Response(status=304, headers=headers)
    status, start, end = 200, 0, info.size
    if request.headers.get(hdrs.IF_RANGE, tag) == tag and (wanted := asked(request.headers.get(hdrs.RANGE, ""), end)):
        status, (start, end) = 206, wanted
        headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{info.size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = end - start
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        async for piece in kept.read_result(info, start, end):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await response.write(piece)
            except TimeoutError:  # nobody reads: it can be gone on with
                if request.transport is not None:
                    request.transport.abort()
                return response
        await response.write_eof()
    return response


def asked(header: str, size: int) -> tuple[int, int] | None:
    """Start and end (not included) of the one range that is asked for; None: all, as for what nobody understands.

    Raises Refused where there is nothing in that range.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] + found[2] == "":
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise Refused(f"the result has {size} bytes", code="range_not_satisfiable", status=416)
    return start, end
