from __future__ import annotations

import asyncio

import psutil
import pytest

from ingress.media.spare import Spare, end, launch


async def test_one_waits_and_is_taken_once() -> None:
    async with Spare() as spare:
        await spare.fill()
        await spare.fill()
        first = await spare.take()
        second = await spare.take()
        assert first.pid != second.pid
        assert first.returncode is None
        for each in (first, second):
            await end(each)


async def test_one_that_died_while_it_waited_is_replaced() -> None:
    async with Spare() as spare:
        for ask in (spare.fill, spare.take):
            await spare.fill()
            waiting = await spare.take()
            spare._waiting = waiting
            waiting.kill()
            await waiting.wait()
            fresh = await ask()
            assert (fresh.pid if fresh else await _pid(spare)) != waiting.pid
            if fresh:
                await end(fresh)


async def _pid(spare: Spare) -> int:
    process = await spare.take()
    await end(process)
    return process.pid


async def test_none_is_left_behind() -> None:
    async with Spare() as spare:
        await spare.fill()
        waiting = spare._waiting
    assert waiting is not None
    assert waiting.returncode is not None
    await spare.fill()
    assert spare._waiting is None


async def test_two_that_are_started_at_once_leave_one() -> None:
    others = {each.pid for each in psutil.Process().children()}
    async with Spare() as spare:
        await asyncio.gather(spare.fill(), spare.fill())
        assert spare._waiting is not None
        assert {each.pid for each in psutil.Process().children()} - others == {spare._waiting.pid}


async def test_the_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_NATS_URL", "nats://user:secret@host")
    process = await launch()
    environment = psutil.Process(process.pid).environ()
    await end(process)
    assert "PATH" in environment
    assert "DRAGOMAN_NATS_URL" not in environment
