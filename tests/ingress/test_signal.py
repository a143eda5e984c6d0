from __future__ import annotations

import asyncio

from ingress.signal import Signal


async def test_a_signal_is_taken_once() -> None:
    signal = Signal()
    signal.set()
    signal.set()
    async with asyncio.timeout(5):
        await signal.wait()
    assert not await signal.wait_for(0.01)


async def test_the_waiter_is_woken() -> None:
    signal = Signal()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(signal.wait_for(60))
        asyncio.get_running_loop().call_later(0.01, signal.set)
        asyncio.get_running_loop().call_later(0.01, signal.set)
    assert waiting.result()
    assert not await signal.wait_for(0)


async def test_a_waiter_that_gives_up_leaves_the_signal_to_the_next() -> None:
    signal = Signal()
    assert not await signal.wait_for(0.01)
    signal.set()
    assert await signal.wait_for(5)
