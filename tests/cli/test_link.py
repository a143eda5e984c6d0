"""One connection. The addresses are tested in test_client.py, where programs use them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli import link
from tests.cli.scripted_server import Conversation, serving
from wire.protocol import SessionAlive


async def test_nobody_there_is_a_refusal() -> None:
    with pytest.raises(link.Refused, match="cannot be reached") as refused:
        await link.opened("ws://127.0.0.1:1")
    assert refused.value.retryable


async def test_the_key_is_shown_and_a_refusal_is_final_and_does_not_repeat_it() -> None:
    shown = []

    async def refuse(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    app = web.Application()
    app.router.add_get("/v1/stream", refuse)
    async with TestServer(app) as server:
        with pytest.raises(link.Refused, match="DRAGOMAN_KEY") as refused:
            await link.opened(str(server.make_url("")), "dk-secret")
        with pytest.raises(link.Refused):
            await link.opened(str(server.make_url("")))
    assert shown == ["Bearer dk-secret", None]
    assert not refused.value.retryable
    assert "secret" not in str(refused.value)


async def test_the_close_code_is_kept() -> None:
    async def end(conversation: Conversation) -> None:
        await conversation.close(4404, "unknown")

    async with serving(end) as url:
        opened = await link.opened(url)
        with pytest.raises(link.ConnectionLost, match="4404: unknown") as lost:
            await opened.receive(5)
        assert lost.value.close == 4404
        await opened.leave()


async def test_letting_go_frees_whoever_waits_until_all_is_sent() -> None:
    """As with a half-open connection: nobody reads at the other end, and nothing tells that."""
    reached, over = asyncio.Event(), asyncio.Event()

    async def stand_still(conversation: Conversation) -> None:
        reached.set()
        await over.wait()

    async with serving(stand_still) as url:
        opened = await link.opened(url)
        await reached.wait()

        async def put_for_ever() -> None:
            while True:
                await opened.put(bytes(1_000_000))

        putting = asyncio.create_task(put_for_ever())
        done, _ = await asyncio.wait([putting], timeout=0.5)
        assert not done
        async with asyncio.timeout(3):
            await opened.abandon()
            with pytest.raises(link.ConnectionLost):
                await putting
        over.set()


async def test_a_server_that_falls_silent_is_left_and_a_busy_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never receives, so it answers no ping: the one because it holds its client back, the other for ever."""
    assert link.HEARTBEAT_S * 1.5 <= 6
    monkeypatch.setattr(link, "HEARTBEAT_S", 0.4)
    over = asyncio.Event()

    async def live_and_stop(conversation: Conversation) -> None:
        for _ in range(6):
            await conversation.tell_live("session.alive")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.25):
                    await over.wait()
        await over.wait()

    async with serving(live_and_stop) as url:
        opened = await link.opened(url)
        for _ in range(6):
            assert await opened.receive(5) == SessionAlive()
        async with asyncio.timeout(1.5):
            with pytest.raises(link.ConnectionLost):
                await opened.receive(5)
        over.set()
        await opened.abandon()
