"""One request is one job, however often it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from ingress.recordings import register
from tests.ingress import client
from tests.ingress.access.doors import given, limit
from tests.ingress.recordings.caller import Jobs, jobs_at
from tests.ingress.recordings.scribe import recording
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.objects import Objects
from wire.records import RecordingRecord

ONE, OTHER = recording(1), recording(2)


async def records(bus: Bus) -> dict[str, RecordingRecord]:
    return await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).items()


async def test_the_same_request_twice_is_one_job(idle: Jobs, bus: Bus) -> None:
    first = await idle.bring(ONE, key="k1", targets="en")
    again = await idle.bring(ONE, key="k1", targets="en")
    assert (first.status, again.status) == (202, 202)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.body, again.headers["location"]) == (first.body, first.headers["location"])
    assert list(await records(bus)) == [first.body["id"]]
    assert (await idle.bring(ONE, key="k2", targets="en")).body["id"] != first.body["id"]


@pytest.mark.parametrize("different", [{"data": OTHER}, {"name": "other.wav"}, {"targets": "es"}, {"reference": "x"}])
async def test_another_request_under_the_same_key_is_refused(idle: Jobs, different: dict[str, str]) -> None:
    await idle.bring(ONE, key="k1", targets="en")
    answer = await idle.bring(**{"data": ONE, "key": "k1", "targets": "en", **different})  # type: ignore[arg-type]
    assert (answer.status, answer.code) == (409, "idempotency_key_reused")


class Slow:
    """An upload that goes on when it may."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def body(self) -> AsyncIterator[bytes]:
        yield b"--b\r\nContent-Disposition: form-data; name=file; filename=a.wav\r\n\r\n" + ONE[:20_000]
        await self.go.wait()
        yield ONE[20_000:] + b"\r\n--b--\r\n"

    async def bring(self, jobs: Jobs, key: str) -> int:
        headers = {"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": key}
        return (await jobs.ask("POST", data=self.body(), headers=headers)).status


async def test_of_two_at_once_the_second_is_told_to_wait(idle: Jobs, bus: Bus) -> None:
    slow = Slow()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(slow.bring(idle, "k1"))

        async def begun() -> bool:
            return len(await records(bus)) == 1

        await until(begun)
        second = await idle.bring(ONE, key="k1", name="a.wav")
        assert (second.status, second.code) == (409, "idempotency_key_in_use")
        assert int(second.headers["retry-after"]) > 0
        slow.go.set()
    assert first.result() == 202
    assert (await idle.bring(ONE, key="k1", name="a.wav")).headers["idempotent-replayed"] == "true"


async def test_an_upload_that_breaks_off_leaves_nothing_and_its_key_free(idle: Jobs, bus: Bus) -> None:
    async with aiohttp.ClientSession() as http:
        slow = asyncio.ensure_future(Slow().bring(Jobs(http, idle.url), "k1"))

        async def begun() -> bool:
            return bool(await bus.subjects("OBJ_uploads", "$O.uploads.C.*")) or bool(await records(bus))

        await until(begun)
        slow.cancel()
        await asyncio.wait({slow})

    async def gone() -> bool:
        return not await records(bus) and not await bus.subjects("OBJ_uploads", "$O.uploads.C.*")

    await until(gone)
    assert (await idle.bring(ONE, key="k1")).status == 202


async def test_an_upload_whose_ingress_died_is_cleared_away(
    idle: Jobs, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record stays as the dead one left it, and nobody renews it."""
    monkeypatch.setattr(register, "LEASE_S", 0.5)
    left = RecordingRecord(id="rec-left", tenant="default", state="receiving", created=1.0, owner="dead")
    await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).create(left.id, left)
    await bus.store(subjects.object_chunks("uploads", "rec-left-0123456789abcdef"), b"a part of it")

    async def gone() -> bool:
        return not await records(bus) and not await bus.subjects("OBJ_uploads", "$O.uploads.C.*")

    await until(gone)


async def test_a_key_is_free_again_after_its_job_was_cancelled(idle: Jobs, bus: Bus) -> None:
    first = await idle.bring(ONE, key="k1")
    await idle.ask("DELETE", f"/{first.body['id']}")
    again = await idle.bring(OTHER, key="k1")
    assert (again.status, again.body["id"], again.body["state"]) == (202, first.body["id"], "waiting")
    assert again.body["created"] > first.body["created"]
    info = await Objects(bus, subjects.UPLOADS).info(first.body["id"])
    assert info is not None
    assert info.size == len(OTHER)


async def test_who_is_cancelled_while_it_uploads_is_told(idle: Jobs, bus: Bus) -> None:
    slow = Slow()
    async with asyncio.TaskGroup() as group:
        bringing = group.create_task(slow.bring(idle, ""))

        async def begun() -> bool:
            return len(await records(bus)) == 1

        await until(begun)
        (id,) = await records(bus)
        assert (await idle.show(id))["state"] == "receiving"
        assert (await idle.ask("DELETE", f"/{id}")).status == 200
        slow.go.set()
    assert bringing.result() == 409


async def test_a_language_that_nobody_serves_is_refused_when_nodes_are_there(jobs: Jobs, bus: Bus) -> None:
    answer = await jobs.bring(ONE, targets="xx")
    assert (answer.status, answer.code) == (400, "language_unsupported")
    assert await records(bus) == {}


async def test_uploads_count_for_their_tenant(server: NatsServer, bus: Bus) -> None:
    key = await given(bus, tenant="acme")
    await limit(bus, "acme", bytes=100_000)
    async with client.ingress(server.url) as url, jobs_at(url) as nobody:
        answer = await nobody.as_tenant(key).bring(recording(9))
    assert (answer.status, answer.code) == (429, "quota_exceeded")
    assert "retry-after" in answer.headers
    assert await records(bus) == {}
