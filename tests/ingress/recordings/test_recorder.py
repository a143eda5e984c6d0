"""Who works on what, and what becomes of it when somebody dies, stops, or brings what is no recording."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ingress.recordings import recorder, register
from ingress.recordings.asking import Asked
from ingress.recordings.kept import Kept
from ingress.recordings.recorder import MAX_ATTEMPTS, PREFIX, Recorder
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from tests.ingress import client, stand_in
from tests.ingress.access.doors import given, limit
from tests.ingress.recordings.caller import Jobs, jobs_at
from tests.ingress.recordings.scribe import Scribe, recording
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.kv import Bucket
from wire.objects import Objects
from wire.records import RecordingRecord


async def bucket(bus: Bus) -> Bucket[RecordingRecord]:
    return Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord)


async def once(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


def so(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return condition()

    return is_so


async def until_gone(bus: Bus, id: str) -> None:
    """The upload: its room is wanted for others."""

    async def gone() -> bool:
        return await Objects(bus, subjects.UPLOADS).info(id) is None

    await until(gone)


async def left(bus: Bus, id: str, attempt: int, age: float = 0.0, tenant: str = "default") -> RecordingRecord:
    """A recording that somebody began, who is silent now; with no attempt, one that waits."""
    record = RecordingRecord(
        id=id, tenant=tenant, state="running" if attempt else "waiting", created=time.time() - age,
        owner="dead" if attempt else "", attempt=attempt, targets=["en"], uploaded=1,
    )  # fmt: skip
    kept = Kept(bus)
    await kept.keep_upload(id, once(recording(9)))
    await kept.keep_asked(id, Asked(name="talk.wav", targets=["en"]))
    await (await bucket(bus)).create(id, record)
    return record


async def test_what_a_dead_ingress_left_is_begun_again_and_comes_out_the_same(
    jobs: Jobs, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await jobs.new(recording(9), targets="en")
    await jobs.until(id, "done")
    monkeypatch.setattr(register, "LEASE_S", 0.5)
    await left(bus, "rec-left", attempt=1)
    job = await jobs.until("rec-left", "done")
    assert job["progress"]["heard"] == 9.0
    stored = await (await bucket(bus)).get("rec-left")
    assert stored is not None
    assert (stored.attempt, stored.result, stored.owner) == (2, "rec-left.2", "")
    assert await jobs.result(id) == await jobs.result("rec-left")


async def test_one_that_outlives_nobody_is_given_up(jobs: Jobs, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "LEASE_S", 0.5)
    await left(bus, "rec-bad", attempt=MAX_ATTEMPTS)
    job = await jobs.until("rec-bad", "failed")
    assert (job["error"]["code"], job["error"]["type"]) == ("gave_up", "server_error")
    await until_gone(bus, "rec-bad")


async def test_an_ingress_that_stops_gives_its_recordings_back(
    server: NatsServer, scribe: Scribe, node: None, bus: Bus
) -> None:
    scribe.halts = 2
    async with client.ingress(server.url) as other, jobs_at(other) as there:
        await client.ready(other)
        async with client.ingress(server.url) as one, jobs_at(one) as here:
            await client.ready(one)
            ids = [await here.new(targets="en", reference=str(n)) for n in range(4)]  # two each
            await scribe.until(lambda: len(scribe.written) == 4)
        stored = await (await bucket(bus)).items()
        waiting = [each for each in stored.values() if each.state == "waiting"]
        assert [(each.owner, each.attempt) for each in waiting] == [("", 0)] * 2
        scribe.go()
        jobs_done = [await there.until(id, "done") for id in ids]
    assert [job["duration"] for job in jobs_done] == [9.0] * 4
    assert len(scribe.sessions) == 6


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"nothing that can be heard", "media_unreadable"), (recording(9)[:44], "media_without_audio")],
)
async def test_what_is_no_recording_fails_and_says_why(jobs: Jobs, bus: Bus, data: bytes, code: str) -> None:
    id = await jobs.new(data)
    job = await jobs.until(id, "failed")
    assert job["error"]["code"] == code
    assert job["error"]["type"] == "invalid_request_error"
    assert job["finished"]
    assert (await jobs.ask("GET", f"/{id}/result")).code == "no_result"
    await until_gone(bus, id)


async def test_a_recording_that_is_too_long_fails(server: NatsServer, scribe: Scribe, node: None) -> None:
    settings = {"max_recording_hours": 3 / 3600}
    async with client.ingress(server.url, **settings) as url, jobs_at(url) as jobs:
        await client.ready(url)
        job = await jobs.until(await jobs.new(recording(9)), "failed")
    assert job["error"]["code"] == "media_too_long"


async def test_a_result_that_has_no_room_fails(jobs: Jobs, bus: Bus) -> None:
    config = (await bus._js.stream_info("OBJ_results")).config
    config.max_bytes = 500
    await bus._js.update_stream(config)
    job = await jobs.until(await jobs.new(recording(3)), "failed")
    assert (job["error"]["code"], job["error"]["type"]) == ("storage_full", "server_error")


async def test_minutes_of_audio_are_counted_once_and_end(
    server: NatsServer, scribe: Scribe, node: None, bus: Bus
) -> None:
    key = await given(bus, tenant="acme")
    await limit(bus, "acme", audio_minutes=0.2)
    async with client.ingress(server.url) as url, jobs_at(url) as nobody:
        jobs = nobody.as_tenant(key)
        await client.ready(url)
        assert (await jobs.until(await jobs.new(recording(9)), "done"))["duration"] == 9.0
        job = await jobs.until(await jobs.new(recording(9)), "failed")
    assert job["error"]["code"] == "quota_exceeded"


async def test_what_is_named_by_an_address_is_fetched_when_its_turn_comes(
    server: NatsServer, scribe: Scribe, node: None
) -> None:
    """From this machine it is not."""
    async with client.ingress(server.url, fetch_urls=True) as url, jobs_at(url) as jobs:
        await client.ready(url)
        answer = await jobs.ask("POST", json={"urls": [f"{url}/static/talk.wav"]})
        job = await jobs.until(answer.body["data"][0]["id"], "failed")
    assert job["error"]["code"] == "fetch_failed"
    assert "not on the public internet" in job["error"]["message"]


async def test_the_oldest_of_the_tenant_that_has_fewest_comes_next(bus: Bus, model: SpeechModel) -> None:
    ingress = Ingress(IngressSettings(), bus, FleetView(), model)
    ingress.fleet.apply("n1", stand_in.NODE)
    for id, tenant, state, created in [
        ("a1", "acme", "running", 1.0), ("a2", "acme", "waiting", 2.0), ("a3", "acme", "waiting", 3.0),
        ("o1", "other", "waiting", 5.0), ("o2", "other", "waiting", 4.0), ("o3", "other", "done", 1.0),
    ]:  # fmt: skip
        record = RecordingRecord(id=id, tenant=tenant, state=state, created=created)  # type: ignore[arg-type]
        ingress.recordings._see(id, record, 0.0)
    assert Recorder(ingress)._candidates(time.monotonic()) == ["o2", "o1", "a2", "a3"]
    ingress.fleet.apply("n1", None)
    assert Recorder(ingress)._candidates(time.monotonic()) == []


async def test_of_two_ingresses_one_claims_a_recording(bus: Bus, model: SpeechModel) -> None:
    await left(bus, "rec-1", attempt=0)
    claims = []
    for _ in range(2):
        ingress = Ingress(IngressSettings(), bus, FleetView(), model)
        following = asyncio.ensure_future(ingress.recordings.follow())
        await until(so(lambda recordings=ingress.recordings: "rec-1" in recordings.seen))  # type: ignore[misc]
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        claims.append(Recorder(ingress)._claim("rec-1"))
    first, second = await asyncio.gather(*claims)
    assert (first is None) is not (second is None)


def test_folders_of_the_dead_are_swept_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (f"{PREFIX}999999999-x", f"{PREFIX}{os.getpid()}-x", "other"):
        (tmp_path / name).mkdir()
    recorder._sweep_folders()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{PREFIX}{os.getpid()}-x", "other"])
