"""`dragoman bench chaos`: people speak while processes are killed, paused, drained and cut off. See bench/chaos.py.

An utterance may be late then, by as long as a failure takes; what must never be is that one is lost, told twice or out
of order, that somebody is never told the end, or that anything is left over when nobody speaks any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from bench.chaos import SHAPE, Crowd, Storm
from bench.drill import Drill, prepared
from bench.fleet import running
from bench.load.live import View
from bench.load.report import Phase, Summary, summary
from bench.load.scenes import Asked
from bench.load.stage import Stage
from bench.observer import settled

CALM_S = 5.0
"""Before the end nothing is broken any more."""
FLEET = "a fleet of its own: 3 nats-servers, 3 schedulers, 2 ingresses, 6 scripted nodes"
NOTES = 40


async def rage(asked: Asked, seed: int, logs: Path | None, console: Console) -> tuple[Stage, Phase, list[str]]:
    """Returns where it was, what became of those who spoke, and what must not be. Logs and stores of the servers are
    kept in `logs`, if it is given."""
    with contextlib.ExitStack() as stack:
        folder = logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-chaos-")))
        folder.mkdir(parents=True, exist_ok=True)
        async with running(SHAPE, folder) as fleet:
            drill = await prepared(fleet, seed)
            stage = Stage(list(fleet.addresses.values()), "", fleet)
            storm, crowd = Storm(fleet, random.Random(seed)), Crowd(drill, asked.count)
            end = time.monotonic() + 60 * asked.minutes
            async with asyncio.TaskGroup() as group:
                told = _tells(stage, storm, crowd, seed)
                beside = [group.create_task(each) for each in (stage.watch.run(), View(stage, console).run(), told)]
                async with asyncio.TaskGroup() as both:
                    both.create_task(storm.blow(end - CALM_S))
                    both.create_task(crowd.talk(end))
                for task in beside:
                    task.cancel()
            phase, broken = await _judged(drill, storm, crowd)
            stage.notes += [f"usual delay {drill.usual_s:.2f} s", *_faults(drill, storm, crowd)]
            return stage, phase, broken


async def _tells(stage: Stage, storm: Storm, crowd: Crowd, seed: int) -> None:
    """For ever: how far it is."""
    while True:
        spoken, over = len(crowd.speakers), sum(each.heard.closed for each in crowd.speakers)
        stage.name = f"chaos, seed {seed}: {len(storm.happened)} faults, {spoken} people, {over} of them over"
        await asyncio.sleep(1)


async def _judged(drill: Drill, storm: Storm, crowd: Crowd) -> tuple[Phase, list[str]]:
    report = drill.judge(crowd.speakers)
    report.settling = await settled(drill.fleet, {each.heard.session for each in crowd.speakers}, drill.idle)
    clean = sum(verdict.clean for verdict in report.verdicts) - crowd.stuck
    lags = sorted(delay for verdict in report.verdicts for _, delay in verdict.delays)
    phase = Phase(
        name="chaos", clients=len(crowd.speakers), success=clean, failed=len(crowd.speakers) - clean,
        admitted=sum(bool(speaker.heard.session) for speaker in crowd.speakers), utterances=report.utterances,
        lag=summary(lags), lags=lags[:: 1 + len(lags) // 1000],
    )  # fmt: skip
    for name, field in (("lost", "lost"), ("repeated", "repeated"), ("disordered", "wrong")):
        setattr(phase, field, sum(getattr(verdict, name) for verdict in report.verdicts))
    broken = [*storm.died, *report.notes[:NOTES]]
    if crowd.stuck:
        broken.append(f"{crowd.stuck} sessions without an end")
    if report.settling.left:
        broken.append(f"left over: {report.settling.left}")
    phase.reasons = dict(Counter(note.partition(": ")[2].partition(":")[0] for note in report.notes).most_common(10))
    return phase, broken


def _faults(drill: Drill, storm: Storm, crowd: Crowd) -> list[str]:
    """How late utterances were beside which fault. One belongs to every fault that went on between the end of its voice
    and the last that was told of it; to none of them, where the fleet was whole."""
    delays: dict[str, list[float]] = {fault.what: [] for fault in sorted(storm.happened, key=lambda each: each.what)}
    quiet: list[float] = []
    for verdict in drill.judge(crowd.speakers).verdicts:
        for said_at, delay in verdict.delays:
            hit = {fault.what for fault in storm.happened if fault.began < said_at + delay and said_at < fault.ended}
            for what in hit:
                delays[what].append(delay)
            if not hit:
                quiet.append(delay)
    times = Counter(fault.what for fault in storm.happened)
    found = [f"{len(storm.happened)} faults, {storm.supervised} restarts by the supervisor"]
    for what, each in [*delays.items(), ("no fault", quiet)]:
        found.append(f"{what}: {times[what]} times, {len(each)} utterances{_told(summary(each))}")
    return found


def _told(lag: Summary) -> str:
    return f", lag p50 {lag.p50:.2f} s, p99 {lag.p99:.2f} s, max {lag.max:.2f} s" if lag.count else ""
