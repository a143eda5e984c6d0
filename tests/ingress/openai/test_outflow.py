from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from ingress.openai.outflow import EVENTS, ClientGone, Outflow, attend
from tests.ingress.openai.conftest import serving
from wire.errors import EngineError

Door = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def asking(door: Door) -> AsyncIterator[Callable[[], Awaitable[aiohttp.ClientResponse]]]:
    async with serving(door) as url, aiohttp.ClientSession() as http:
        yield lambda: http.get(url)


async def test_events_and_a_failure() -> None:
    async def door(request: web.Request) -> web.StreamResponse:
        out = Outflow(request, EVENTS, 5)
        assert not out.begun
        await out.write(b"")
        assert not out.begun
        await out.event({"type": "one", "text": "ä\n"})
        assert out.begun
        await out.failed(EngineError("it broke"))
        return out.response

    async with asking(door) as ask, await ask() as answer:
        assert answer.content_type == EVENTS
        one, other, end = (await answer.text()).split("\n\n")
    assert json.loads(one.removeprefix("data: ")) == {"type": "one", "text": "ä\n"}
    assert json.loads(other.removeprefix("data: "))["error"]["code"] == "engine_failed"
    assert end == ""


async def test_what_is_broken_off_is_incomplete() -> None:
    async def door(request: web.Request) -> web.StreamResponse:
        out = Outflow(request, "audio/pcm", 5)
        await out.write(b"some")
        out.break_off()
        with pytest.raises(ClientGone):
            await out.write(b"more")
        return out.response

    async with asking(door) as ask:
        with pytest.raises(aiohttp.ClientError):
            async with await ask() as answer:
                await answer.read()


async def test_who_reads_nothing_is_given_up() -> None:
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def door(request: web.Request) -> web.StreamResponse:
        out = Outflow(request, "audio/pcm", 0.3)
        try:
            while True:
                await out.write(bytes(1_000_000))
        except ClientGone as error:
            ended.set_result(error)
        return out.response

    async with asking(door) as ask, await ask():
        assert "not read" in str(await asyncio.wait_for(ended, 10))


async def test_it_is_noticed_when_whoever_asked_hangs_up() -> None:
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    begun = asyncio.Event()

    async def door(request: web.Request) -> web.StreamResponse:
        begun.set()
        try:
            await attend(request)
        except ClientGone as error:
            ended.set_result(error)
        return web.Response(status=499)

    async with asking(door) as ask:
        asked = asyncio.ensure_future(ask())
        await begun.wait()
        assert not ended.done()
        asked.cancel()
        assert "hung up" in str(await asyncio.wait_for(ended, 10))
