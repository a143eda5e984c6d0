"""Processes are watched, and what generators said becomes series."""

from __future__ import annotations

import asyncio
import os

import pytest

from bench.load import assembling
from bench.load.crew import Gang
from bench.load.plan import Plan, Pulse, Result
from bench.load.watch import EVERY_S, Watch


async def test_processes_are_looked_at_each_second_and_may_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.watch.EVERY_S", EVERY_S / 10)
    there = {"me": [os.getpid()], "nobody": [2**22 - 3]}
    watch, seen = Watch(lambda: there), asyncio.Event()
    watching = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(10):
            while len(watch.busy) < 2:
                await asyncio.wait({watching}, timeout=0.02)
            there["later"] = [os.getppid()]
            while len(watch.busy) < 4:
                await asyncio.wait({watching}, timeout=0.02)
    finally:
        watching.cancel()
    assert not seen.is_set()
    found = {process.name: process for process in watch.processes()}
    assert found["me"].memory_peak > 10
    assert found["nobody"].memory_peak == 0
    assert found["later"].memory[0] == 0
    assert found["later"].memory[-1] > 0
    assert len(found["later"].cpu) == len(found["me"].cpu) == len(watch.busy)


def gang(*pulses: Pulse, kind: str = "speak") -> Gang:
    found = Gang(Plan(kind=kind, count=2, addresses=[], opening=""))  # type: ignore[arg-type]
    found.pulses.append(list(pulses))
    return found


def test_each_second_has_the_last_word_that_was_said_in_it() -> None:
    first = gang(
        Pulse(at=10.2, outside=2), Pulse(at=10.9, inside=2), Pulse(at=12.5, inside=1, finals=3, lags=[1.0, 3.0])
    )
    second = gang(Pulse(at=12.1, line=5, finals=1, lags=[2.0]))
    slow = gang(Pulse(at=11.0, inside=900), kind="mute")
    found = assembling.series([first, second, slow], began=10.0, seconds=4.0)
    assert found.inside == [2, 2, 1, 0]
    assert found.line == [0, 0, 5, 0]
    assert found.finals == [0, 0, 4, 0]
    assert found.lag_p50 == [0.0, 0.0, 2.0, 0.0]
    assert found.lag_p99 == [0.0, 0.0, 3.0, 0.0]


def test_the_worst_generator_counts() -> None:
    one, two = gang(), gang()
    one.results.append(Result(clients=[], late=[0.001] * 99 + [0.2], cpu_s=1.0, seconds=10.0))
    two.results.append(Result(clients=[], late=[0.07] * 100, cpu_s=5.0, seconds=10.0))
    found = assembling.generator([one, two])
    assert (found.late.p99, found.cpu, found.processes) == (0.07, 50.0, 2)
    assert found.saturated
    assert assembling.generator([]).processes == 0


def test_the_machine_and_the_commit_are_told() -> None:
    found = assembling.machine(1.5)
    assert found.cores >= 1
    assert found.memory_mb > 100
    assert found.load_before == 1.5
    assert assembling.version().startswith("0.")
    assert assembling.today().startswith("20")
    assert len(assembling.commit()) in (0, *range(7, 13))
