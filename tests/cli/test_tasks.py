from __future__ import annotations

import asyncio

import pytest

from cli.tasks import first_of


async def test_the_first_to_end_ends_the_others() -> None:
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def pass_by() -> None:
        return

    async with asyncio.timeout(5):
        await first_of(wait(), pass_by())
    assert ended.is_set()


async def test_what_one_raises_is_raised() -> None:
    async def fail() -> None:
        raise KeyError("x")

    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as group:
            await first_of(asyncio.Event().wait(), fail())
    assert group.group_contains(KeyError)
