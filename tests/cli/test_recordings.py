"""The exchanges themselves; what becomes of them all together is in test_translate.py."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli import recordings
from cli.recordings import Denied, Download, Recordings, Unreachable
from tests.cli.job_server import JobServer, running
from wire.errors import ClientError, ProtocolViolation

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Recordings]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, recordings.connected(str(server.make_url("")).rstrip("/"), "") as made:
        yield made


@pytest.fixture
async def server() -> AsyncIterator[JobServer]:
    async with running() as made:
        yield made


def test_addresses() -> None:
    assert recordings.address("ws://host:8080/") == "http://host:8080"
    assert recordings.address("https://host/dragoman/?x=1") == "https://host/dragoman"
    for url in ("nonsense", "ftp://host", "http://", "http://host:port", "http://host:0"):
        with pytest.raises(ClientError, match="no address"):
            recordings.address(url)


@pytest.mark.parametrize(
    "body", ["", "[]", '{"id":3,"state":"x"}', '{"id":"../../admin","state":"done"}', '{"id":"x"}']
)
async def test_an_answer_that_cannot_be(body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    async with answering(answer) as made:
        with pytest.raises(ProtocolViolation):
            await made.look("rec-1")


async def test_an_event_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_LINE_BYTES", 1000)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"data: " + bytes(2000))

    async with answering(answer) as made:
        with pytest.raises(ProtocolViolation, match="no end"):
            await anext(made.watch("rec-1"))


async def test_a_refusal_comes_before_all_is_sent(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(bytes(50_000_000))

    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "too much", "code": "too_large"}}, status=413)

    async with answering(refuse) as made:
        with pytest.raises(Denied, match="too much") as denied:
            await made.begin(tmp_path / "long.wav", {}, "k", lambda done: None)
    assert (denied.value.status, denied.value.code, denied.value.retryable) == (413, "too_large", False)


async def test_an_address_that_leads_elsewhere_is_not_followed() -> None:
    """Whoever answers there would be shown the key."""

    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with answering(elsewhere) as made:
        with pytest.raises(Denied, match=r"not as Dragoman \(HTTP 302\)"):
            await made.knock()


async def test_what_was_sent_is_told_as_it_goes(server: JobServer, tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(bytes(3 * recordings.PIECE_BYTES + 5))
    told: list[int] = []
    async with recordings.connected(server.url, "") as made:
        job = await made.begin(tmp_path / "long.wav", {"targets": "en"}, "k", told.append)
    assert told == [recordings.PIECE_BYTES * count for count in (1, 2, 3)] + [3 * recordings.PIECE_BYTES + 5]
    assert len(server.jobs[job.id].sound) == told[-1]


async def test_a_download_that_broke_off_goes_on_unless_it_is_another(server: JobServer, tmp_path: Path) -> None:
    server.result, server.broken_results = bytes(range(256)) * 1000, 1
    path = tmp_path / "x.zip"
    path.write_bytes(b"of yesterday")
    async with recordings.connected(server.url, "") as made:
        download = Download(path)
        told: list[tuple[int, int | None]] = []
        with pytest.raises(Unreachable):
            await made.fetch("rec-1", download, lambda done, total: told.append((done, total)))
        half = download.size
        assert 0 < half <= len(server.result) // 2
        await made.fetch("rec-1", download, lambda done, total: told.append((done, total)))
        assert path.read_bytes() == server.result
        assert told[-1] == (len(server.result), len(server.result))
        download.etag = '"another"'
        await made.fetch("rec-1", download, lambda done, total: None)
        assert path.read_bytes() == server.result
