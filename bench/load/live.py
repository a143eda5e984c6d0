"""What is shown while a run goes on: a table that changes, for people at a terminal; elsewhere a line each 10 s."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.load.plan import Pulse
from bench.load.stage import Stage
from bench.rows import percentile

EVERY_S = 0.5
LINE_EVERY_S = 10.0
RECENT_S = 5.0


class View:
    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._began = time.monotonic()

    async def run(self) -> None:
        """For ever."""
        if not self._console.is_terminal:
            while True:
                await asyncio.sleep(LINE_EVERY_S)
                self._console.print(self._line(), markup=False, highlight=False, soft_wrap=True)
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while True:
                live.update(self._table(), refresh=True)
                await asyncio.sleep(EVERY_S)

    def _now(self) -> tuple[Pulse, list[float], int]:
        """Of the clients that were started last; lags of the last seconds; and how many clients there are to be."""
        stage = self._stage
        if not stage.gangs:
            return Pulse(at=0.0), [], 0
        gang = next((each for each in reversed(stage.gangs) if each.plan.kind in ("speak", "hold")), stage.gangs[-1])
        since = time.monotonic() - RECENT_S
        recent = (pulse for pulses in gang.pulses for pulse in pulses[-20:] if pulse.at >= since)
        return gang.pulse, [lag for pulse in recent for lag in pulse.lags], gang.plan.count

    def _line(self) -> str:
        pulse, lags, count = self._now()
        cpu = "  ".join(f"{name} {cpu:.0f} % {memory:.0f} MB" for name, (cpu, memory) in self._costs())
        told = (
            f": {pulse.inside} in, {pulse.line} in line, {pulse.outside} outside, {pulse.refused} refused, "
            f"{pulse.over} over, {pulse.finals} finals{_lags(lags)}"
        )
        return f"{time.monotonic() - self._began:4.0f} s  {self._stage.name}{told if count else ''}; {cpu}"

    def _table(self) -> Group:
        pulse, lags, count = self._now()
        counts = Table(
            "in", "in line", "outside", "refused", "over", "finals", f"lag, last {RECENT_S:.0f} s", "own lateness"
        )
        counts.add_row(
            *map(str, (pulse.inside, pulse.line, pulse.outside, pulse.refused, pulse.over, pulse.finals)),
            _lags(lags).removeprefix("; lag ") or "-", f"{1000 * pulse.late:.0f} ms",
        )  # fmt: skip
        costs = Table("process", "CPU", "", "memory")
        for name, (cpu, memory) in self._costs():
            costs.add_row(name, f"{cpu:.0f} %", ProgressBar(100, min(100.0, cpu), width=20), f"{memory:.0f} MB")
        title = Text(f"{self._stage.name}, {time.monotonic() - self._began:.0f} s", style="bold")
        return Group(title, counts, costs) if count else Group(title, costs)

    def _costs(self) -> Iterable[tuple[str, tuple[float, float]]]:
        return sorted(self._stage.watch.latest.items())


def _lags(lags: list[float]) -> str:
    return f"; lag p50 {percentile(lags, 0.5):.2f} s, p99 {percentile(lags, 0.99):.2f} s" if lags else ""
