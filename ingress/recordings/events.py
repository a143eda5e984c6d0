"""A job as it goes on: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

What is told comes from the record, which every ingress watches, and from the stream of what was said; so it does not
matter which ingress works on the recording and which is asked.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
from aiohttp import web

from ingress.recordings import shown
from ingress.recordings.kept import Kept
from ingress.recordings.register import OVER
from ingress.shared import Ingress
from ingress.signal import Signal
from wire.errors import NatsUnavailable
from wire.records import RecordedUtterance, RecordingRecord

BEAT_S = 10.0
LOOK_S = 2.0
PATIENCE_S = 60.0
"""A client that takes nothing for so long is cut off."""
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def told(request: web.Request, record: RecordingRecord, ingress: Ingress, kept: Kept) -> web.StreamResponse:
    """Until the job is over, the client has gone or this ingress stops."""
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    try:
        await _Telling(response, record, ingress, kept, _last(request)).run()
        await response.write_eof()
    except (ConnectionError, NatsUnavailable):
        pass  # it comes back with the number of the last that it has
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response


def _last(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class _Telling:
    def __init__(
        self, response: web.StreamResponse, record: RecordingRecord, ingress: Ingress, kept: Kept, after: int
    ) -> None:
        self._response = response
        self._record = record
        self._ingress = ingress
        self._kept = kept
        self._after = after
        self._sequence = 0
        self._wrote = time.monotonic()

    async def run(self) -> None:
        told: RecordingRecord | None = None
        changed = Signal()
        with self._ingress.recordings.watching(changed):
            while not self._ingress.stopping:
                record = self._newest()
                if told is not None and record.state in OVER:
                    await self._utterances()
                if told is None or told.state != record.state:
                    await self._write("state", shown.job(record))
                elif told != record:
                    await self._write("progress", shown.job(record))
                if told is None or told.utterances != record.utterances:
                    await self._utterances()
                if record.state in OVER:
                    return
                told = record
                if time.monotonic() - self._wrote > BEAT_S - LOOK_S:
                    await self._put(b":\n\n")
                await changed.wait_for(LOOK_S)

    def _newest(self) -> RecordingRecord:
        """What this ingress watches, once it has come to this life of the recording."""
        seen = self._ingress.recordings.seen.get(self._record.id)
        if seen is None or seen.record.created < self._record.created:
            return self._record
        return seen.record

    async def _utterances(self) -> None:
        while (found := await self._kept.told(self._record.id, self._sequence)) is not None:
            utterance, self._sequence = found
            if utterance.utterance > self._after:
                self._after = utterance.utterance
                await self._write("utterance", _shown(utterance), utterance.utterance)

    async def _write(self, event: str, data: dict[str, Any], id: int | None = None) -> None:
        head = f"event: {event}\n" + (f"id: {id}\n" if id is not None else "")
        await self._put(f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode())

    async def _put(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._response.write(data)
        self._wrote = time.monotonic()


def _shown(utterance: RecordedUtterance) -> dict[str, Any]:
    told = msgspec.to_builtins(utterance)
    del told["type"]
    return {"language": "", "text": "", "translations": {}, "errors": [], **told}
