"""What becomes of a recording when its session, or its result, has bad luck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ingress.recordings import recorder, register
from ingress.recordings.asking import Asked
from ingress.recordings.kept import Kept
from ingress.recordings.work import PATIENT_ATTEMPTS
from tests.ingress import stand_in
from tests.ingress.recordings.caller import Jobs
from tests.ingress.recordings.scribe import Scribe, recording
from tests.ingress.stand_in import NODE
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.protocol import ErrorTold, SessionClosed
from wire.records import RecordingRecord

GONE = ErrorTold(code="timed_out", message="gone", retryable=True, utterance=2)
NO_ROOM = ErrorTold(code="queue_full", message="no room", retryable=False, utterance=2)


def losing(scribe: Scribe, monkeypatch: pytest.MonkeyPatch, sessions: int, lost: ErrorTold = GONE) -> None:
    """The second piece of so many sessions comes to nothing: its audio went with a scheduler, say."""
    written = scribe._utterance

    async def write(session: str, number: int, end: float) -> None:
        if number == 2 and len(scribe.sessions) <= sessions:
            await scribe.tell(session, lost)
        else:
            await written(session, number, end)

    monkeypatch.setattr(scribe, "_utterance", write)
    monkeypatch.setattr(recorder, "AGAIN_S", 0.0)


@pytest.mark.parametrize("lost", [GONE, NO_ROOM], ids=["gone", "no room"])
async def test_a_recording_that_lost_a_piece_is_begun_again_and_comes_out_whole(
    jobs: Jobs, scribe: Scribe, bus: Bus, monkeypatch: pytest.MonkeyPatch, lost: ErrorTold
) -> None:
    undisturbed = await jobs.new(recording(9), targets="en")
    await jobs.until(undisturbed, "done")
    losing(scribe, monkeypatch, 2, lost)
    id = await jobs.new(recording(9), targets="en", reference=" ")
    job = await jobs.until(id, "done")
    assert (job["failures"], job["progress"]["heard"]) == (0, 9.0)
    assert await jobs.result(id) == await jobs.result(undisturbed)
    stored = await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).get(id)
    assert stored is not None
    assert stored.attempt == 2
    assert len(scribe.terminated) == 1


async def test_a_piece_that_is_lost_again_and_again_is_missing_in_the_result(
    jobs: Jobs, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing(scribe, monkeypatch, sessions=99)
    job = await jobs.until(await jobs.new(recording(9)), "done")
    assert job["failures"] == 1
    assert len(scribe.sessions) == PATIENT_ATTEMPTS + 1


async def test_a_recording_that_breaks_every_session_is_given_up(
    jobs: Jobs, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(session: str, number: int, end: float) -> None:
        await scribe.tell(session, SessionClosed(reason="internal_error", utterances=0))

    monkeypatch.setattr(scribe, "_utterance", breaks)
    monkeypatch.setattr(recorder, "AGAIN_S", 0.0)
    job = await jobs.until(await jobs.new(recording(3)), "failed")
    assert (job["error"]["code"], len(scribe.sessions)) == ("gave_up", recorder.MAX_ATTEMPTS)


async def accepted(bus: Bus, target: str) -> str:
    """One that waits since a node was there that could do it."""
    kept, id = Kept(bus), f"rec-{target}"
    await kept.keep_upload(id, once(recording(3)))
    await kept.keep_asked(id, Asked(targets=[target]))
    record = RecordingRecord(id=id, tenant="default", state="waiting", created=1.0, targets=[target], uploaded=1)
    await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).create(id, record)
    return id


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_what_was_accepted_waits_for_a_node_that_can_serve_it(
    jobs: Jobs, server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "AGAIN_S", 0.1)
    id = await accepted(bus, "ko")

    async def refused() -> bool:
        found = await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).get(id)
        return found is not None and found.state == "waiting" and found.started > 0

    await until(refused)
    back = msgspec.structs.replace(NODE, node="n2", targets={"ko": ["*"]})
    async with stand_in.node(server.url, back):
        assert (await jobs.until(id, "done"))["failures"] == 0


async def test_what_nobody_serves_for_long_fails(jobs: Jobs, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "SERVED_S", 0.0)
    job = await jobs.until(await accepted(bus, "ko"), "failed")
    assert job["error"]["code"] == "language_unsupported"


async def test_a_result_that_takes_long_to_store_is_nobody_elses(
    jobs: Jobs, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is renewed meanwhile: others would take the recording for abandoned."""
    monkeypatch.setattr("ingress.recordings.work.RENEW_S", 0.1)
    monkeypatch.setattr("ingress.recordings.work.SAVE_S", 0.1)
    monkeypatch.setattr(register, "LEASE_S", 1.0)
    keep = Kept.keep_result
    revisions: set[int] = set()

    async def slowly(self: Kept, record: RecordingRecord, path: Path) -> str:
        async def renewed() -> bool:
            found = await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).entry(record.id)
            revisions.add(found[1] if found is not None else 0)
            return len(revisions) == 5

        await until(renewed)
        return await keep(self, record, path)

    monkeypatch.setattr(Kept, "keep_result", slowly)
    await jobs.until(await jobs.new(recording(3)), "done")
