"""Forms that cannot be taken in, and what is said of them."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest

from ingress.recordings import upload
from tests.ingress import client
from tests.ingress.recordings.caller import Jobs, jobs_at
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import RecordingRecord

FILE = "--b\r\nContent-Disposition: form-data; name=file; filename=a.wav\r\n"
FIELD = "--b\r\nContent-Disposition: form-data; name={}\r\n"
END = "\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (END, 400, "missing_field", "file"),
        (FIELD.format("targets") + "\r\nen" + END, 400, "missing_field", "file"),
        (FILE + "\r\n" + END, 400, "bad_field", "file"),
        (FILE + "\r\nx\r\n" + FILE + "\r\ny" + END, 400, "bad_field", "file"),
        (FIELD.format("nonsense") + "\r\n1" + END, 400, "unknown_field", "nonsense"),
        (FIELD.format("source") + "Content-Transfer-Encoding: base64\r\n\r\nZW4=" + END, 400, "bad_field", "source"),
        ("--b\r\nContent-Type: text/plain\r\n\r\nx" + END, 400, "bad_request", None),
        (
            FILE + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--" + END,
            400,
            "bad_request",
            None,
        ),
        ("nothing of the kind", 400, "bad_request", None),
        (FILE + "\r\nno end", 400, "bad_request", None),
        (FIELD.format("reference") + "\r\n" + "x" * 2_000_001 + END, 400, "bad_field", "reference"),
        ((FIELD.format("targets") + "\r\nen\r\n") * 201 + END, 400, "bad_request", None),
        ((FIELD.format("reference") + "\r\n" + "x" * 2_000_000 + "\r\n") * 2 + END, 400, "bad_field", "reference"),
    ],
)
async def test_forms_that_are_wrong(idle: Jobs, bus: Bus, body: str, status: int, code: str, param: str | None) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await idle.ask("POST", data=io.BytesIO(body.encode("latin-1")), headers=headers)
    assert (answer.status, answer.code, answer.body["error"]["param"]) == (status, code, param)
    assert await Bucket(bus, subjects.RECORDINGS_KV, RecordingRecord).items() == {}
    assert await bus.subjects("OBJ_uploads", "$O.uploads.C.*") == []


async def test_a_reference_may_be_a_file_and_fields_may_come_last(idle: Jobs) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"x", filename="../a\tb.wav")
    form.add_field("reference", "\ufeffÇa va ?".encode(), filename="said.txt")
    form.add_field("targets[]", "en")
    answer = await idle.ask("POST", data=form)
    assert (answer.status, answer.body["targets"]) == (202, ["en"])
    assert answer.body["name"].endswith("b.wav")
    assert "/" not in answer.body["name"]


async def test_text_that_is_no_utf_8_is_refused(idle: Jobs) -> None:
    form = aiohttp.FormData()
    form.add_field("reference", b"\xff\xfe", filename="said.txt")
    assert (await idle.ask("POST", data=form)).code == "bad_field"


@pytest.mark.parametrize("announced", [True, False])
async def test_too_much_is_refused_as_soon_as_it_is_known(server: NatsServer, announced: bool) -> None:
    async with client.ingress(server.url, max_upload_mb=1) as url, jobs_at(url) as jobs:
        pieces = 200 if announced else 17
        body = FILE.encode() + b"\r\n" + b"x" * 64 * 1024 * pieces + END.encode()
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await jobs.ask("POST", data=io.BytesIO(body), headers=headers)
        assert (answer.status, answer.code, answer.body["error"]["param"]) == (413, "too_large", "file")


async def test_who_sends_nothing_for_long_is_told(idle: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PATIENCE_S", 0.2)
    host, port = idle.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + FILE.encode() + b"\r\nsome"
    )
    assert b"408" in await reader.readline()
    writer.close()
    await writer.wait_closed()
