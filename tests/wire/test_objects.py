from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from wire import subjects
from wire.bus import Bus
from wire.errors import QueueFull
from wire.objects import CHUNK_BYTES, ObjectGone, Objects

DATA = bytes(range(256)) * 1200  # 2.3 chunks


@pytest.fixture
def uploads(bus: Bus) -> Objects:
    return Objects(bus, subjects.UPLOADS)


async def pieces(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def whole(objects: Objects, name: str, start: int = 0, end: int | None = None) -> bytes:
    info = await objects.info(name)
    assert info is not None
    return b"".join([piece async for piece in objects.read(info, start, end)])


async def held(bus: Bus) -> list[str]:
    """Subjects with bytes of objects."""
    return await bus.subjects("OBJ_uploads", "$O.uploads.C.*")


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(DATA)])
async def test_what_was_put_is_what_is_read(uploads: Objects, length: int) -> None:
    data = DATA[:length]
    info = await uploads.put("rec-1", pieces(data))
    assert (info.size, info.chunks) == (length, -(-length // CHUNK_BYTES))
    assert info.sha256 == hashlib.sha256(data).hexdigest()
    assert await uploads.info("rec-1") == info
    assert await whole(uploads, "rec-1") == data


@pytest.mark.parametrize(("start", "end"), [(0, 10), (CHUNK_BYTES - 3, CHUNK_BYTES + 3), (300_000, None), (7, 10**9)])
async def test_a_part_of_it_is_read(uploads: Objects, start: int, end: int | None) -> None:
    await uploads.put("rec-1", pieces(DATA))
    assert await whole(uploads, "rec-1", start, end) == DATA[start:end]


async def test_objects_are_objects_to_any_client(bus: Bus, uploads: Objects) -> None:
    """nats-py's own ObjectStore, which works as the program `nats` does, lists, reads and writes the same."""
    await uploads.put("rec-1", pieces(DATA))
    theirs = await bus._js.object_store("uploads")
    (listed,) = await theirs.list()
    assert (listed.name, listed.size, listed.bucket) == ("rec-1", len(DATA), "uploads")
    assert (await theirs.get("rec-1")).data == DATA  # which checks the digest
    await theirs.put("theirs", DATA[:1000])
    assert await whole(uploads, "theirs") == DATA[:1000]
    await theirs.delete("rec-1")
    assert await uploads.info("rec-1") is None
    assert [each.name for each in await theirs.list(ignore_deletes=True)] == ["theirs"]


async def test_a_name_that_is_put_again_has_the_new_bytes_alone(bus: Bus, uploads: Objects) -> None:
    await uploads.put("rec-1", pieces(DATA))
    await uploads.put("rec-1", pieces(b"new"))
    assert await whole(uploads, "rec-1") == b"new"
    assert len(await held(bus)) == 1


async def test_a_put_that_breaks_off_leaves_nothing(bus: Bus, uploads: Objects) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield DATA
        raise ConnectionResetError

    await uploads.put("rec-1", pieces(b"before"))
    with pytest.raises(ConnectionResetError):
        await uploads.put("rec-1", breaking())
    assert len(await held(bus)) == 1
    assert await whole(uploads, "rec-1") == b"before"


async def test_delete_takes_what_a_dead_process_left_and_nothing_of_others(bus: Bus, uploads: Objects) -> None:
    await uploads.put("rec-1", pieces(DATA))
    await uploads.put("rec-1.asked", pieces(b"asked"))
    await uploads.put("rec-10", pieces(b"other"))
    await bus.store(subjects.object_chunks("uploads", "rec-1-0123456789abcdef"), b"left by somebody who died")
    await uploads.delete("rec-1")
    await uploads.delete("rec-1")
    assert await uploads.info("rec-1") is None
    assert await whole(uploads, "rec-10") == b"other"
    assert await whole(uploads, "rec-1.asked") == b"asked"
    assert len(await held(bus)) == 2


async def test_who_reads_what_is_deleted_is_told(uploads: Objects) -> None:
    info = await uploads.put("rec-1", pieces(DATA))
    await uploads.delete("rec-1")
    with pytest.raises(ObjectGone):
        [piece async for piece in uploads.read(info)]


async def test_bytes_that_are_not_those_that_were_put_are_not_passed_off_as_such(bus: Bus, uploads: Objects) -> None:
    info = await uploads.put("rec-1", pieces(b"abc"))
    subject = subjects.object_chunks("uploads", info.nuid)
    await bus.purge("OBJ_uploads", subject, await bus.newest("OBJ_uploads"))
    await bus.store(subject, b"abd")
    with pytest.raises(ObjectGone):
        [piece async for piece in uploads.read(info)]


async def test_a_full_store_says_so_and_keeps_nothing(bus: Bus, uploads: Objects) -> None:
    config = (await bus._js.stream_info("OBJ_uploads")).config
    config.max_bytes = 200_000
    await bus._js.update_stream(config)
    with pytest.raises(QueueFull):
        await uploads.put("rec-1", pieces(DATA))
    assert await held(bus) == []
    await uploads.put("rec-1", pieces(b"small"))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "*", "x" * 65])
async def test_names_are_plain(uploads: Objects, name: str) -> None:
    with pytest.raises(ValueError, match="no name of an object"):
        await uploads.put(name, pieces(b""))


async def test_the_layout_is_that_of_the_standard(bus: Bus, uploads: Objects) -> None:
    info = await uploads.put("rec-1", pieces(b"abc"))
    meta = await bus.last("OBJ_uploads", "$O.uploads.M.cmVjLTE=")
    assert meta is not None
    found = json.loads(meta.data)
    assert found["digest"] == "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="
    assert {"name": "rec-1", "bucket": "uploads", "nuid": info.nuid, "size": 3, "chunks": 1}.items() <= found.items()
