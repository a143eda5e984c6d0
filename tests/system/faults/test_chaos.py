"""A minute of chaos: faults of every kind, some at once, while people come, speak and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.load import chaos
from bench.load.scenes import Asked


@pytest.mark.timeout(450)
async def test_a_minute_of_chaos_loses_and_repeats_nothing(tmp_path: Path) -> None:
    _, phase, broken = await chaos.rage(Asked("chaos", 20, minutes=1.0), 1, tmp_path, Console(quiet=True))
    assert broken == []
    assert phase.success == phase.clients >= 20
    assert phase.lost == phase.repeated == phase.wrong == 0
