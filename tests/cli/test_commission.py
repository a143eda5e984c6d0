"""What is found again and what is not; whole ways are in test_translate.py."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli import commission, recordings
from cli.commission import Commission, Order, Unfinished
from cli.progress import PlainLines
from tests.cli.job_server import JobServer, running


@pytest.fixture
async def server() -> AsyncIterator[JobServer]:
    async with running() as made:
        yield made


async def done(server: JobServer, folder: Path, **wishes: str) -> str:
    """The id of the job that a run came to."""
    file = folder / "talk.mp3"
    file.write_bytes(b"sound")
    view = PlainLines(io.StringIO(), io.StringIO())
    async with recordings.connected(server.url, "") as client:
        order = Order(file, folder / "out", wishes)
        return (await Commission(order, client, asyncio.Semaphore(1), view).run()).id


async def test_a_job_that_is_gone_is_brought_anew(server: JobServer, tmp_path: Path) -> None:
    assert await done(server, tmp_path) == "rec-1"
    server.jobs.clear()
    server.keys.clear()
    assert await done(server, tmp_path) == "rec-1"
    assert server.count("POST") == 2


async def test_another_wish_or_another_server_is_another_job(server: JobServer, tmp_path: Path) -> None:
    assert await done(server, tmp_path) == "rec-1"
    assert await done(server, tmp_path, targets="en") == "rec-2"
    assert await done(server, tmp_path) == "rec-1"
    async with running() as other:
        assert await done(other, tmp_path) == "rec-1"
        assert other.count("POST") == 1


async def test_what_stands_there_and_is_no_place_is_replaced(server: JobServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / commission.PLACE).write_text("{")
    assert await done(server, tmp_path) == "rec-1"
    assert b"rec-1" in (tmp_path / "out" / commission.PLACE).read_bytes()


async def test_a_job_that_somebody_cancels_meanwhile(server: JobServer, tmp_path: Path) -> None:
    server.goes_on = [{"state": "cancelled"}]
    with pytest.raises(Unfinished, match="cancelled"):
        await done(server, tmp_path)
