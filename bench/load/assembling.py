"""A finished run becomes a report: series from what generators said now and then, figures of processes, the machine."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil

from bench.load.crew import Gang
from bench.load.plan import Pulse
from bench.load.report import Generator, Machine, Series, summary
from bench.rows import percentile
from cli import host

ROOT = Path(__file__).resolve().parents[2]


def series(gangs: Sequence[Gang], began: float, seconds: float) -> Series:
    """Second by second, of all who speak or hold; slow ones are left out."""
    length = max(1, round(seconds))
    found = Series()
    for name in ("outside", "line", "inside", "refused", "finals"):
        setattr(found, name, [0] * length)
    lags: dict[int, list[float]] = defaultdict(list)
    for gang in gangs:
        if gang.plan.kind not in ("speak", "hold"):
            continue
        for pulses in gang.pulses:
            _add(found, lags, pulses, began, length)
    found.lag_p50 = [round(percentile(lags[at], 0.5), 3) if lags[at] else 0.0 for at in range(length)]
    found.lag_p99 = [round(percentile(lags[at], 0.99), 3) if lags[at] else 0.0 for at in range(length)]
    return found


def _add(found: Series, lags: dict[int, list[float]], pulses: Sequence[Pulse], began: float, length: int) -> None:
    """Of one process: each second has the last word that was said in it, and a second without one the one before."""
    latest: dict[int, Pulse] = {}
    for pulse in pulses:
        second = min(length - 1, max(0, int(pulse.at - began)))
        latest[second] = pulse
        lags[second] += pulse.lags
    before = Pulse(at=0.0)
    for second in range(length):
        now = latest.get(second, before)
        over = second > max(latest, default=-1)
        if not over:
            for name in ("outside", "line", "inside", "refused"):
                getattr(found, name)[second] += getattr(now, name)
        found.finals[second] += now.finals - before.finals
        before = now


def generator(gangs: Sequence[Gang]) -> Generator:
    """The worst of them."""
    results = [result for gang in gangs for result in gang.results]
    if not results:
        return Generator()
    slowest = max(results, key=lambda result: percentile(result.late, 0.99) if result.late else 0.0)
    busiest = max(100 * result.cpu_s / max(result.seconds, 1e-6) for result in results)
    return Generator(late=summary(slowest.late), cpu=round(busiest, 1), processes=len(results))


def machine(load_before: float) -> Machine:
    return Machine(
        cpu=_processor(), cores=os.cpu_count() or 1, memory_mb=round(psutil.virtual_memory().total / 1e6),
        system=f"{platform.system()} {platform.release()}", python=platform.python_version(),
        nats=_nats(), load_before=round(load_before, 2),
    )  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _nats() -> str:
    try:
        return _said(host.nats_binary(), "--version").removeprefix("nats-server: ")
    except host.HostLacks:
        return ""


def commit() -> str:
    """Of a checkout, or empty."""
    return _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") if (ROOT / ".git").exists() else ""


def version() -> str:
    return importlib.metadata.version("dragoman")


def today() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except OSError:
        return ""
