from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ingress.recordings.asking import Asked
from ingress.recordings.kept import Kept, Telling
from wire import subjects
from wire.bus import Bus
from wire.errors import Stale
from wire.objects import ObjectGone
from wire.records import RecordedUtterance, RecordingRecord

RECORD = RecordingRecord(id="rec-1", tenant="acme", state="running", created=1000.0, attempt=2)


@pytest.fixture
def kept(bus: Bus) -> Kept:
    return Kept(bus)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


async def held(bus: Bus) -> int:
    stores = (subjects.UPLOADS, subjects.RESULTS)
    chunks = [await bus.subjects(subjects.object_store(each), subjects.object_chunks(each, "*")) for each in stores]
    return sum(map(len, chunks))


def utterance(number: int) -> RecordedUtterance:
    return RecordedUtterance(utterance=number, start=0.0, end=1.0, text=f"text {number}")


async def told(kept: Kept) -> list[int]:
    found, sequence = [], 0
    while (one := await kept.told("rec-1", sequence)) is not None:
        found.append(one[0].utterance)
        sequence = one[1]
    return found


async def test_what_was_brought_and_made_is_there_until_it_is_cleared(bus: Bus, kept: Kept, tmp_path: Path) -> None:
    await kept.keep_upload("rec-1", pieces(b"so", b"und"))
    await kept.keep_asked("rec-1", Asked(name="a.wav", targets=["en"]))
    assert await kept.fetch_upload("rec-1", tmp_path / "upload") == 5
    assert (tmp_path / "upload").read_bytes() == b"sound"
    assert await kept.asked("rec-1") == Asked(name="a.wav", targets=["en"])
    names = [await kept.keep_result(msgspec.structs.replace(RECORD, attempt=n), tmp_path / "upload") for n in (1, 2)]
    assert names == ["rec-1.1", "rec-1.2"]
    info = await kept.result("rec-1.2")
    assert b"".join([piece async for piece in kept.read_result(info, 1, 3)]) == b"ou"
    await Telling(bus, RECORD).tell(utterance(1))
    await kept.drop_result("rec-1.1")
    await kept.clear(RECORD)
    assert await held(bus) == 0
    assert await told(kept) == []
    for gone in (kept.asked("rec-1"), kept.result("rec-1.2"), kept.fetch_upload("rec-1", tmp_path / "upload")):
        with pytest.raises(ObjectGone):
            await gone


async def test_who_begins_again_tells_only_what_was_not_told(bus: Bus, kept: Kept) -> None:
    first = Telling(bus, RECORD)
    for number in (1, 2, 4):
        await first.tell(utterance(number))
    again = Telling(bus, msgspec.structs.replace(RECORD, attempt=3))
    for number in (1, 2, 4, 5):
        await again.tell(utterance(number))
    assert await told(kept) == [1, 2, 4, 5]
    await first.tell(utterance(5))  # just the same
    for number in (6, 7):
        await again.tell(utterance(number))
    with pytest.raises(Stale):
        await first.tell(utterance(6))
    assert await told(kept) == [1, 2, 4, 5, 6, 7]


async def test_a_recording_that_took_the_id_of_a_cancelled_one_tells_all(bus: Bus, kept: Kept) -> None:
    await Telling(bus, RECORD).tell(utterance(1))
    await kept.clear(RECORD)
    await Telling(bus, msgspec.structs.replace(RECORD, created=2000.0)).tell(utterance(1))
    assert await told(kept) == [1]
