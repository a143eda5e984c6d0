from __future__ import annotations

import asyncio
import time

import pytest

from bench.load.plan import CHUNK_S
from bench.load.wheel import TICK_S, Wheel


async def test_each_is_called_once_a_turn_at_its_own_moment() -> None:
    wheel, calls, enough = Wheel(), dict[int, list[float]](), asyncio.Event()

    def beat(client: int, due: float) -> None:
        calls.setdefault(client, []).append(due)
        assert time.monotonic() >= due
        if len(calls.get(1, ())) == 4:
            enough.set()

    turning = asyncio.create_task(wheel.run())
    try:
        first = wheel.enter(1, lambda due: beat(1, due))
        wheel.enter(2, lambda due: beat(2, due))
        wheel.leave(2)
        async with asyncio.timeout(5):
            await enough.wait()
    finally:
        turning.cancel()
    assert calls == {1: [pytest.approx(first + turn * CHUNK_S) for turn in range(4)]}
    assert wheel.late
    assert 0 <= wheel.take_worst() < 5
    assert wheel.take_worst() == 0.0


async def test_work_that_takes_long_is_seen_as_lateness() -> None:
    wheel, done = Wheel(), asyncio.Event()

    def beat(due: float) -> None:
        end = time.monotonic() + 6 * TICK_S
        while time.monotonic() < end:
            pass
        done.set()

    turning = asyncio.create_task(wheel.run())
    try:
        wheel.enter(1, beat)
        async with asyncio.timeout(5):
            await done.wait()
            while wheel.take_worst() < 4 * TICK_S:
                await asyncio.wait({turning}, timeout=TICK_S)
    finally:
        turning.cancel()
