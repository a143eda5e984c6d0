"""A minute of chaos: faults of every kind, some at once, while people come, speak and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.chaos import chaos


@pytest.mark.timeout(450)
async def test_a_minute_of_chaos_loses_and_repeats_nothing(tmp_path: Path) -> None:
    console = Console(width=110, record=True)
    assert await chaos(1.0, 1, 20, console, tmp_path) == 0, console.export_text()
