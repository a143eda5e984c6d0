"""What is kept of a recording beside its record: itself, all that is wanted of it, its result, and what was said in it.

The first two stand in the store `uploads` and go when the recording is over; the result stands in `results`. Each
attempt stores a result of its own, so that one which comes too late replaces nothing. What was said is a stream,
numbered 1, 2, 3, … for each recording: whoever begins a recording again stores only what is not there yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

from ingress.recordings import asking
from ingress.recordings.asking import Asked
from wire import subjects
from wire.bus import Bus
from wire.messages import decode
from wire.objects import ObjectGone, ObjectInfo, Objects
from wire.records import RecordedUtterance, RecordingRecord

PIECE_BYTES = 1024 * 1024


class Kept:
    """Everything raises NatsUnavailable, and QueueFull where something is stored and there is no room."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._uploads = Objects(bus, subjects.UPLOADS)
        self._results = Objects(bus, subjects.RESULTS)

    # --- what was brought ---

    async def keep_upload(self, id: str, data: AsyncIterable[bytes]) -> ObjectInfo:
        """Raises what `data` raises, too."""
        return await self._uploads.put(id, data)

    async def fetch_upload(self, id: str, path: Path) -> int:
        """Write it to a file; returns its bytes. Raises ObjectGone."""
        info = await self._found(id)
        with await asyncio.to_thread(path.open, "wb") as file:
            async for piece in self._uploads.read(info):
                await asyncio.to_thread(file.write, piece)
        return info.size

    async def keep_asked(self, id: str, asked: Asked) -> None:
        await self._uploads.put(_asked(id), _once(asking.encoded(asked)))

    async def asked(self, id: str) -> Asked:
        """Raises ObjectGone."""
        info = await self._found(_asked(id))
        return asking.decoded(b"".join([piece async for piece in self._uploads.read(info)]))

    async def _found(self, name: str) -> ObjectInfo:
        if (info := await self._uploads.info(name)) is None:
            raise ObjectGone(f"there is no upload {name}")
        return info

    async def drop_uploads(self, id: str) -> None:
        await self._uploads.delete(id)
        await self._uploads.delete(_asked(id))

    # --- what was made of it ---

    async def keep_result(self, record: RecordingRecord, path: Path) -> str:
        """Returns its name."""
        name = _result(record.id, record.attempt)
        await self._results.put(name, _pieces(path))
        return name

    async def result(self, name: str) -> ObjectInfo:
        """Raises ObjectGone."""
        if (info := await self._results.info(name)) is None:
            raise ObjectGone("the result is not there any more")
        return info

    def read_result(self, info: ObjectInfo, start: int, end: int) -> AsyncIterator[bytes]:
        """Raises ObjectGone."""
        return self._results.read(info, start, end)

    async def drop_result(self, name: str) -> None:
        await self._results.delete(name)

    # --- what was said ---

    async def told(self, id: str, after: int) -> tuple[RecordedUtterance, int] | None:
        """The first that is stored behind sequence `after` of its stream, with its own."""
        found = await self._bus.first(subjects.RECORDED, subjects.recording(id), after + 1)
        return (decode(RecordedUtterance, found.data), found.sequence) if found is not None else None

    async def clear(self, record: RecordingRecord) -> None:
        """All of it."""
        await self.drop_uploads(record.id)
        for attempt in range(1, record.attempt + 1):
            await self.drop_result(_result(record.id, attempt))
        newest = await self._bus.newest(subjects.RECORDED)
        await self._bus.purge(subjects.RECORDED, subjects.recording(record.id), newest)


class Telling:
    """Stores what is said in one recording, from where another attempt ended."""

    def __init__(self, bus: Bus, record: RecordingRecord) -> None:
        self._bus = bus
        self._id = record.id
        self._subject = subjects.recording(record.id)
        self._life = int(1000 * record.created)
        self._n = self._last = -1

    async def tell(self, utterance: RecordedUtterance) -> None:
        """Raises Stale where another tells it too, NatsUnavailable."""
        if self._n < 0:
            last = await self._bus.last(subjects.RECORDED, self._subject)
            self._last = last.sequence if last is not None else 0
            self._n = decode(RecordedUtterance, last.data).utterance if last is not None else 0
        if utterance.utterance <= self._n:
            return
        id = subjects.recording_message_id(self._id, self._life, utterance.utterance)
        self._last = (await self._bus.store(self._subject, utterance, id=id, expect_last=self._last)).sequence
        self._n = utterance.utterance


def _asked(id: str) -> str:
    return f"{id}.asked"


def _result(id: str, attempt: int) -> str:
    return f"{id}.{attempt}"


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
