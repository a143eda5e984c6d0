"""One house for all tests of its doors; its node runs scripted engines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.system.doors.house import House, open_house


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened
