from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from ingress.access import answers
from ingress.openai.outflow import ClientGone
from ingress.openai.refusals import Refused
from ingress.openai.upload import MAX_TEXT_BYTES, received
from tests.ingress.openai.conftest import serving
from tests.waiting import until
from wire.errors import DragomanError

MAX = 100_000


class Door:
    """Takes uploads of at most MAX bytes."""

    def __init__(self) -> None:
        self.counted: list[int] = []
        self.errors: list[DragomanError] = []
        self.url = ""
        self.count: Callable[[int], None] = self.counted.append

    async def take(self, request: web.Request) -> web.Response:
        try:
            async with received(request, MAX, self.count, 0.5) as upload:
                content = await asyncio.to_thread(upload.path.read_bytes)
                assert len(content) == upload.size
                return web.json_response({"size": upload.size, "model": upload.fields.one("model")})
        except Refused as error:
            self.errors.append(error)
            return answers.error(error.status, str(error), code=error.code, param=error.param)
        except DragomanError as error:
            self.errors.append(error)
            return answers.of(error)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    async with serving(made.take) as made.url:
        before = unnamed()
        yield made

        async def closed() -> bool:
            return unnamed() <= before

        await until(closed)


def unnamed() -> set[str]:
    """Descriptors of files without a name."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it was that of looking
            if "(deleted)" in os.readlink(path):
                found.add(path.name)
    return found


def form(content: bytes = b"sound", *texts: tuple[str, str]) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in texts:
        data.add_field(name, value)
    data.add_field("file", content, filename="a.wav")
    return data


async def post(door: Door, data: object, **headers: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as http, http.post(door.url, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_file_and_its_fields(door: Door) -> None:
    content = os.urandom(MAX)
    assert await post(door, form(content, ("model", "whisper-1"))) == (200, {"size": MAX, "model": "whisper-1"})
    assert sum(door.counted) == MAX


async def test_packed_on_the_way_it_is_as_large_as_it_is(door: Door) -> None:
    packed = gzip.compress(multipart(b"sound"))
    assert len(packed) < 1000
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"}
    assert (await post(door, packed, **headers))[0] == 200
    status, answer = await post(door, gzip.compress(multipart(bytes(10 * MAX))), **headers)
    assert (status, door.errors[-1].code) == (413, "too_large"), answer


def multipart(content: bytes, head: str = 'form-data; name="file"; filename="a.wav"', extra: str = "") -> bytes:
    return f"--b\r\nContent-Disposition: {head}\r\n{extra}\r\n".encode() + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (multipart(b"a", 'form-data; name="model"'), 400, "file"),
        (multipart(b"a", 'form-data; name="file"'), 400, "file"),
        (multipart(b"a", 'form-data; name="other"; filename="x"'), 400, "other"),
        (multipart(b"YQ==", extra="Content-Transfer-Encoding: base64\r\n"), 415, "file"),
        (multipart(b"a", "form-data"), 400, None),
        (multipart(b"a", extra="Content-Type: multipart/mixed; boundary=c\r\n"), 400, None),
        (multipart(b"\xff\xfe", 'form-data; name="model"'), 400, "model"),
        (multipart(b"a" * (MAX_TEXT_BYTES + 1), 'form-data; name="model"'), 413, "model"),
        (multipart(b"a").removesuffix(b"--b--\r\n"), 400, None),
        (b"no form at all", 400, None),
        (b"", 400, None),
        (b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n" * 301 + b"--b--\r\n", 413, "model"),
        (multipart(bytes(MAX + 1)), 413, "file"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said(door: Door, body: bytes, status: int, param: str | None) -> None:
    found, answer = await post(door, body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert found == status, answer
    assert getattr(door.errors[-1], "param", None) == param


async def test_two_files_are_one_too_many(door: Door) -> None:
    data = form()
    data.add_field("file", b"more", filename="b.wav")
    assert (await post(door, data))[0] == 400


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
async def test_only_a_form_is_one(door: Door, kind: str) -> None:
    assert (await post(door, b"{}", **{"Content-Type": kind}))[0] == 415
    status, _ = await post(door, b"--b--", **{"Content-Type": "multipart/form-data"})
    assert status == 400


async def test_what_announces_itself_as_too_large_is_not_read(door: Door) -> None:
    assert (await post(door, form(bytes(MAX + MAX_TEXT_BYTES))))[0] == 413
    assert door.counted == []


async def test_who_may_not_send_more_is_stopped_at_once(door: Door) -> None:
    def count(size: int) -> None:
        raise Refused("enough", status=429)

    door.count = count
    assert (await post(door, form()))[0] == 429


async def test_who_sends_nothing_more_is_given_up(door: Door) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield multipart(b"a")[:80]
        await asyncio.Event().wait()

    status, _ = await post(door, slowly(), **{"Content-Type": "multipart/form-data; boundary=b"})
    assert status == 408


async def test_who_sends_drop_by_drop_is_given_up_too(door: Door) -> None:
    sent = 0

    async def dripping() -> AsyncIterator[bytes]:
        nonlocal sent
        head = multipart(b"a")
        yield head[: head.index(b"\r\n\r\n") + 4]
        pace = asyncio.Event()
        while sent < 1000:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pace.wait(), 0.05)
            sent += 1
            yield b"a"

    with contextlib.suppress(aiohttp.ClientConnectionError):  # it is told while it still sends
        await post(door, dripping(), **{"Content-Type": "multipart/form-data; boundary=b"})
    (error,) = door.errors
    assert isinstance(error, Refused)
    assert error.status == 408
    assert sent < 500


async def test_who_hangs_up_leaves_nothing(door: Door) -> None:
    host = door.url.removeprefix("http://").rstrip("/").split(":")
    _, writer = await asyncio.open_connection(host[0], int(host[1]))
    writer.write(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + multipart(bytes(2000))[:1000]
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async def noticed() -> bool:
        return bool(door.errors)

    await until(noticed)
    assert isinstance(door.errors[0], ClientGone | Refused)
