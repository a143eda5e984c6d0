"""An object store: files of any size, in pieces, streamed in and out with flat memory.

It is laid out as NATS's own object stores are (ADR-20), so that `nats object ls uploads` and any client read it:

    $O.<store>.C.<nuid>            the bytes, in chunks of 128 KB, in order
    $O.<store>.M.<base64 name>     what there is to know of the object, last of all: until then there is none

Each storing of a name has a `nuid` of its own, so that whoever reads the one before is not disturbed until it goes.
Here a nuid begins with the object's name, and `delete` takes away what a storing that broke off left, too.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator

import msgspec

from wire import subjects
from wire.bus import Bus
from wire.errors import DragomanError, NatsUnavailable
from wire.log import get

log = get(__name__)

CHUNK_BYTES = 128 * 1024
ROLLUP = {"Nats-Rollup": "sub"}
"""What is stored with it replaces what the subject held."""
DIGEST = "SHA-256="


class ObjectGone(DragomanError):
    """There is no such object, or no longer all of it."""

    code = "object_gone"


class _Options(msgspec.Struct, frozen=True):
    max_chunk_size: int = CHUNK_BYTES


class ObjectInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As ADR-20 has it. `size` in bytes, `digest` is "SHA-256=" and base64, `mtime` an RFC 3339 time."""

    name: str
    bucket: str
    nuid: str
    size: int = 0
    mtime: str = ""
    chunks: int = 0
    digest: str = ""
    deleted: bool = False
    options: _Options = msgspec.field(default_factory=_Options)

    @property
    def sha256(self) -> str:
        """In hex."""
        return base64.urlsafe_b64decode(self.digest.removeprefix(DIGEST)).hex()


class Objects:
    """One store of wire.topology.STORES. A name is 1 to 64 letters, digits, `_`, `-` or `.`."""

    def __init__(self, bus: Bus, store: str) -> None:
        self._bus = bus
        self._store = store
        self._stream = subjects.object_store(store)

    async def put(self, name: str, data: AsyncIterable[bytes]) -> ObjectInfo:
        """Keep what `data` gives, in pieces of any size, in place of what had this name.

        Raises QueueFull where the store takes no more, NatsUnavailable, and what `data` raises; then nothing is kept.
        """
        nuid = f"{_checked(name).replace('.', '_')}-{secrets.token_hex(8)}"
        subject = subjects.object_chunks(self._store, nuid)
        digest = hashlib.sha256()
        size = chunks = 0
        before = await self.info(name)
        try:
            async for chunk in _chunks(data):
                digest.update(chunk)
                size, chunks = size + len(chunk), chunks + 1
                await self._bus.store(subject, chunk)
            info = ObjectInfo(
                name=name, bucket=self._store, nuid=nuid, size=size, chunks=chunks,
                mtime=datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
                digest=DIGEST + base64.urlsafe_b64encode(digest.digest()).decode(),
            )  # fmt: skip
            await self._tell(info)
        except BaseException:
            await self._purge(subject)
            raise
        if before is not None:
            await self._purge(subjects.object_chunks(self._store, before.nuid))
        return info

    async def info(self, name: str) -> ObjectInfo | None:
        """None: there is no such object. Raises NatsUnavailable."""
        last = await self._bus.last(self._stream, subjects.object_meta(self._store, _checked(name)))
        if last is None:
            return None
        info = msgspec.json.decode(last.data, type=ObjectInfo)
        return None if info.deleted else info

    async def read(self, info: ObjectInfo, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (not included; None: to the end), in pieces of up to 128 KB (or as it was stored).

        All of it is checked against its digest. Raises ObjectGone where it was deleted meanwhile, NatsUnavailable.
        """
        end = info.size if end is None else min(end, info.size)
        subject = subjects.object_chunks(self._store, info.nuid)
        digest = hashlib.sha256()
        at, sequence = 0, 1
        while at < end:
            found = await self._bus.first(self._stream, subject, sequence)
            if found is None:
                raise ObjectGone(f"the object {info.name} was deleted")
            sequence = found.sequence + 1
            digest.update(found.data)
            if piece := found.data[max(0, start - at) : end - at]:
                yield piece
            at += len(found.data)
        if (start, end) == (0, info.size) and digest.hexdigest() != info.sha256:
            raise ObjectGone(f"the object {info.name} is not whole any more")

    async def delete(self, name: str) -> None:
        """Take it away, and whatever a storing of this name left that broke off. Raises NatsUnavailable."""
        if (info := await self.info(name)) is not None:
            await self._tell(ObjectInfo(name=name, bucket=self._store, nuid=info.nuid, deleted=True))
        mine = re.compile(re.escape(subjects.object_chunks(self._store, name.replace(".", "_"))) + r"-[0-9a-f]{16}")
        for subject in await self._bus.subjects(self._stream, subjects.object_chunks(self._store, "*")):
            if mine.fullmatch(subject):
                await self._purge(subject)

    async def _tell(self, info: ObjectInfo) -> None:
        await self._bus.store(subjects.object_meta(self._store, info.name), msgspec.json.encode(info), headers=ROLLUP)

    async def _purge(self, subject: str) -> None:
        try:
            await self._bus.purge(self._stream, subject, await self._bus.newest(self._stream))
        except NatsUnavailable:
            log.warning("what is left of an object stays until it is too old", subject=subject)


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise ValueError(f"{name!r} is no name of an object")
    return name


async def _chunks(data: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, cut anew."""
    held = bytearray()
    async for piece in data:
        held += piece
        while len(held) >= CHUNK_BYTES:
            yield bytes(memoryview(held)[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)
