from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ingress.media.spare import Spare


@pytest.fixture
async def spare() -> AsyncIterator[Spare]:
    async with Spare() as made:
        yield made
