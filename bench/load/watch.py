"""What each process of this machine costs while it is under load: CPU and memory, once a second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

import psutil

from bench.load.report import Process

EVERY_S = 1.0
MB = 1_000_000

Pids = Callable[[], Mapping[str, Sequence[int]]]


class Watch:
    """`pids` says at each look which processes there are: some are killed and started again. `latest` is
    name -> (percent of a core, MB)."""

    def __init__(self, pids: Pids) -> None:
        self._pids = pids
        self._known: dict[int, psutil.Process] = {}
        self._used: dict[int, float] = {}
        self._cpu: dict[str, list[float]] = {}
        self._memory: dict[str, list[float]] = {}
        self._looks = 0
        self._at = time.monotonic()
        self.began = self._at
        self.busy: list[float] = []
        self.latest: dict[str, tuple[float, float]] = {}

    async def run(self) -> None:
        """For ever."""
        self._look()
        self._looks, self.busy = 0, []
        self._cpu.clear()
        self._memory.clear()
        self.began = self._at
        while True:
            self._looks += 1
            await asyncio.sleep(max(0.0, self.began + self._looks * EVERY_S - time.monotonic()))
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        passed, self._at = max(now - self._at, 1e-6), now
        self.busy.append(psutil.cpu_percent())
        self.latest = {}
        for name, pids in self._pids().items():
            cpu, memory = 0.0, 0.0
            for pid in pids:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    process = self._known.setdefault(pid, psutil.Process(pid))
                    used = sum(process.cpu_times()[:2])
                    cpu += used - self._used.get(pid, used)
                    self._used[pid] = used
                    memory += process.memory_info().rss
            self.latest[name] = (round(100 * cpu / passed, 1), round(memory / MB, 1))
        for name in self._cpu.keys() | self.latest.keys():
            before = [0.0] * (self._looks - 1)
            used, held = self.latest.get(name, (0.0, 0.0))
            self._cpu.setdefault(name, list(before)).append(used)
            self._memory.setdefault(name, list(before)).append(held)

    def processes(self) -> list[Process]:
        found = []
        for name in sorted(self._cpu):
            cpu, memory = self._cpu[name], self._memory[name]
            lived = [place for place, held in enumerate(memory) if held] or [0]
            found.append(
                Process(
                    name=name, cpu=cpu, memory=memory, cpu_peak=max(cpu), memory_peak=max(memory),
                    cpu_mean=round(sum(cpu[place] for place in lived) / len(lived), 1),
                    memory_mean=round(sum(memory[place] for place in lived) / len(lived), 1),
                )
            )  # fmt: skip
        return found
