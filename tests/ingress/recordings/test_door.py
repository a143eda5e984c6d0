"""`/v1/jobs` as its callers see it, with a real ingress and an actor that makes an utterance of every two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ingress.recordings import door
from tests.ingress import client
from tests.ingress.access.doors import given, revoke
from tests.ingress.recordings.caller import Jobs, jobs_at, unpacked
from tests.ingress.recordings.scribe import Scribe, recording
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.objects import Objects
from wire.records import RecordingRecord

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "recordings.md").read_text(encoding="utf-8")


async def test_a_recording_becomes_a_result(jobs: Jobs, bus: Bus) -> None:
    answer = await jobs.bring(targets="en,es", speech="es", reference="Spoken words1 spoken words2.")
    assert answer.status == 202
    id = answer.body["id"]
    assert answer.headers["location"] == f"/v1/jobs/{id}"
    assert (answer.body["state"], answer.body["name"], answer.body["speech"]) == ("waiting", "talk.wav", ["es"])
    job = await jobs.until(id, "done")
    assert job["duration"] == 9.0
    assert job["progress"] == {
        "uploaded": len(recording(9)), "decoded": 9.0, "heard": 9.0, "translated": {"en": 9.0, "es": 9.0},
        "spoken": {"es": 9.0},
    }  # fmt: skip
    assert (job["utterances"], job["failures"], job["seconds_left"], job["error"]) == (5, 0, 0, None)
    assert job["created"] <= job["started"] <= job["finished"] < job["expires"]
    files = unpacked(await jobs.result(id))
    transcript = json.loads(files["transcript.json"])
    assert [each["text"] for each in transcript["utterances"]] == [f"Spoken words{n}." for n in (1, 2, 4, 5)]
    assert transcript["utterances"][3]["speech"]["es"]["start"] == 8.0
    assert transcript["empty"] == [{"utterance": 3, "start": 4.0, "end": 6.0, "reason": "noise"}]
    assert files["es.txt"].decode() == "es 1. es 2.\n\nes 4. es 5.\n"
    assert json.loads(files["accuracy.json"])["words"]["insertions"] == 4

    async def upload_is_gone() -> bool:
        return await Objects(bus, subjects.UPLOADS).info(id) is None

    await until(upload_is_gone)  # its room is wanted for others


async def test_jobs_are_listed_page_by_page_the_newest_first(idle: Jobs) -> None:
    ids = [await idle.new(b"x") for _ in range(3)]

    async def listed() -> bool:
        return len((await idle.ask("GET")).body["data"]) == 3

    await until(listed)
    first = (await idle.ask("GET", "?limit=2")).body
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    last = (await idle.ask("GET", f"?limit=2&after={ids[1]}")).body
    assert ([each["id"] for each in last["data"]], last["has_more"]) == (ids[:1], False)
    for wrong in ("limit=0", "limit=101", "limit=x", "limit=%C2%B2", "after=nobody"):
        answer = await idle.ask("GET", f"?{wrong}")
        assert (answer.status, answer.code, answer.body["error"]["param"]) == (400, "bad_field", wrong.split("=")[0])


async def test_who_cancels_ends_the_session_and_leaves_nothing(jobs: Jobs, scribe: Scribe, bus: Bus) -> None:
    scribe.halts = 2
    id = await jobs.new(targets="en")
    await scribe.until(lambda: bool(scribe.sessions))
    cancelled = await jobs.ask("DELETE", f"/{id}")
    assert (cancelled.status, cancelled.body["state"], cancelled.body["name"]) == (200, "cancelled", "")
    session, _ = scribe.only()
    scribe.go()
    await scribe.until(lambda: session in scribe.terminated)
    assert (await jobs.ask("DELETE", f"/{id}")).body == cancelled.body
    assert (await jobs.ask("GET", f"/{id}/result")).code == "no_result"
    for store in (subjects.UPLOADS, subjects.RESULTS):
        assert await bus.subjects(subjects.object_store(store), subjects.object_chunks(store, "*")) == []
    assert await bus.last(subjects.RECORDED, subjects.recording(id)) is None


async def test_a_result_goes_with_its_job(jobs: Jobs, bus: Bus) -> None:
    id = await jobs.new(recording(3))
    await jobs.until(id, "done")
    assert (await jobs.ask("DELETE", f"/{id}")).body["state"] == "cancelled"
    assert (await jobs.ask("GET", f"/{id}/result")).status == 409
    assert await bus.subjects("OBJ_results", subjects.object_chunks("results", "*")) == []


async def test_to_another_tenant_a_job_is_not_there(server: NatsServer, bus: Bus) -> None:
    mine, theirs = await given(bus, tenant="acme"), await given(bus, tenant="other")
    async with client.ingress(server.url) as url, jobs_at(url) as nobody:
        assert (await nobody.ask("GET")).status == 401
        owner, stranger = nobody.as_tenant(mine), nobody.as_tenant(theirs)
        id = (await owner.bring(key="k1")).body["id"]
        for method, path in [("GET", ""), ("GET", "/events"), ("GET", "/result"), ("HEAD", "/result"), ("DELETE", "")]:
            there, not_there = [await stranger.ask(method, f"/{each}{path}") for each in (id, "rec-nobody")]
            assert there.status == not_there.status == 404
            assert method == "HEAD" or (there.code, there.body) == ("not_found", not_there.body)
        assert (await stranger.ask("GET", f"?after={id}")).code == "bad_field"
        assert (await stranger.ask("GET")).body["data"] == []
        assert (await stranger.bring(key="k1")).body["id"] != id
        assert (await owner.show(id))["state"] == "waiting"


@pytest.mark.parametrize("id", ["x" * 65, "a.b", "*", "%3E", "..%2f..", "%00", "a%20b"])
async def test_what_can_be_no_id_is_not_there(idle: Jobs, id: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await idle.ask(method, f"/{id}")
        assert (answer.status, answer.code) == (404, "not_found")


async def test_a_result_that_is_not_there_yet(idle: Jobs) -> None:
    id = await idle.new()
    answer = await idle.ask("GET", f"/{id}/result")
    assert (answer.status, answer.code) == (409, "not_finished")


async def test_addresses_are_fetched_only_where_the_operator_says_so(idle: Jobs) -> None:
    answer = await idle.ask("POST", json={"urls": ["https://example.com/a.mp3"]})
    assert (answer.status, answer.code, answer.body["error"]["param"]) == (403, "fetching_is_off", "urls")


async def test_addresses_become_a_job_each(server: NatsServer) -> None:
    async with client.ingress(server.url, fetch_urls=True) as url, jobs_at(url) as jobs:
        named = [f"https://example.com/{n}.mp3" for n in "ab"]
        answer = await jobs.ask("POST", json={"urls": named, "targets": ["en"]}, headers={"Idempotency-Key": "k"})
        assert answer.status == 202
        assert [each["name"] for each in answer.body["data"]] == ["a.mp3", "b.mp3"]
        assert "location" not in answer.headers
        again = await jobs.ask("POST", json={"urls": named, "targets": ["en"]}, headers={"Idempotency-Key": "k"})
        assert [each["id"] for each in again.body["data"]] == [each["id"] for each in answer.body["data"]]
        one = await jobs.ask("POST", json={"urls": named[:1]})
        assert one.headers["location"] == f"/v1/jobs/{one.body['data'][0]['id']}"
        for wrong in ("file:///etc/passwd", "https://me:secret@example.com/", "gopher://example.com/", "nothing"):
            assert (await jobs.ask("POST", json={"urls": [wrong]})).code == "fetch_failed"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        (
            {"data": b"", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            415,
            "unsupported_media_type",
        ),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
        ({"json": {"urls": ["https://example.com"], "nonsense": 1}}, 400, "unknown_field"),
        ({"data": io.BytesIO(b"x" * 4_000_001), "headers": {"Content-Type": "application/json"}}, 413, "too_large"),
        ({"json": {}, "headers": {"Idempotency-Key": "a b"}}, 400, "bad_idempotency_key"),
        ({"json": {}, "headers": {"Idempotency-Key": "x" * 256}}, 400, "bad_idempotency_key"),
    ],
)
async def test_what_is_no_such_request_is_refused(idle: Jobs, given: dict[str, Any], status: int, code: str) -> None:
    answer = await idle.ask("POST", **given)
    assert (answer.status, answer.code) == (status, code)


async def test_a_full_store_is_said_to_be_full(idle: Jobs, bus: Bus) -> None:
    config = (await bus._js.stream_info("OBJ_uploads")).config
    config.max_bytes = 100_000
    await bus._js.update_stream(config)
    answer = await idle.bring()
    assert (answer.status, answer.code) == (507, "storage_full")
    assert await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).items() == {}


async def test_who_is_about_to_go_takes_nothing_in(server: NatsServer) -> None:
    async with client.ingress(server.url) as url, jobs_at(url) as jobs:
        assert (await jobs.bring()).status == 202
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(url + "/v1/jobs")


def test_every_path_and_code_is_documented() -> None:
    folder = Path(door.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    codes = set(re.findall(r'code="([a-z_]+)"', source)) - {"speech_unavailable", "stale_owner"}
    assert [code for code in sorted(codes) if f"`{code}`" not in PAGE] == []
    for method, path in (("GET", door.JOBS), ("GET", door.JOB), ("DELETE", door.JOB), ("POST", door.JOBS)):
        assert f"## {method} {path}" in PAGE


@pytest.mark.parametrize("path", ["/events", ""])
async def test_what_takes_long_breaks_off_when_its_key_is_revoked(server: NatsServer, bus: Bus, path: str) -> None:
    """The events of a job that waits, and an upload that does not end."""
    key = await given(bus, "acme")
    async with client.ingress(server.url) as url, jobs_at(url) as any_jobs:
        jobs = any_jobs.as_tenant(key)
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /v1/jobs/{await jobs.new(b'x')}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
            if path
            else b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n"
        )
        writer.write(f"Authorization: Bearer {key}\r\n\r\n".encode())
        if path:
            assert b"200" in await reader.readline()
        else:
            records = Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord)

            async def begun() -> bool:
                return bool(await records.items())

            await until(begun)
        await revoke(bus, key)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 5)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
