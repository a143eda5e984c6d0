"""An utterance's end is decided -> its job is stored, beside a bare JetStream publish of the same bytes.

    python -m bench.dispatch [--seconds S]       # 1 and 4 schedulers, for 8 slots and for 200

Audio with made-up speech probabilities goes straight into the mailboxes of many sessions, in real time: 2 s of speech,
1 s of silence, and again. The sessions are out of step with each other, as people are. Schedulers are processes of
their own and measure themselves (Lags.dispatch_seconds); `bench.nodes` takes the jobs and holds each slot for as long
as keeps three of four slots busy. As often as a job is due, but at another moment, a message of a job's size is stored
in a stream that is configured like JOBS.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop
from rich.console import Console
from rich.table import Table

from bench import bare, stack
from bench.rows import HEADINGS, Row, percentile
from wire import subjects
from wire.audio import FRAME_BYTES, FRAME_SECONDS
from wire.bus import Bus, Delivered
from wire.jobs import Job
from wire.kv import Bucket
from wire.messages import AudioChunk, SessionOpened
from wire.records import LeaseRecord, NodeRecord

FRAMES = 3
TICK_S = FRAMES * FRAME_SECONDS
SPEECH_TICKS, SILENCE_TICKS = 21, 10
CYCLE = SPEECH_TICKS + SILENCE_TICKS
JOB_S = 2.7
PCM = b"\x10\x00" * (FRAMES * FRAME_BYTES // 2)
VOICED, SILENT = b"\xfa" * FRAMES, b"\x00" * FRAMES
BUSY = 0.75
SLOTS_OF_NODE = 8
PATIENCE_S = 20.0
POLL_S = 0.1


@dataclass(frozen=True)
class Load:
    sessions: int = 48
    seconds: float = 35.0
    schedulers: int = 1
    slots: int = 8

    @property
    def nodes(self) -> int:
        return self.slots // SLOTS_OF_NODE

    @property
    def held_s(self) -> float:
        """How long a job has its slot."""
        return BUSY * self.slots * CYCLE * TICK_S / self.sessions

    @property
    def budgets(self) -> tuple[float | None, float]:
        """(p50, p99) in ms."""
        return (2.0, 10.0) if self.schedulers == 1 else (None, 20.0)


FOUR = tuple(Load(schedulers=schedulers, slots=slots) for slots in (8, 200) for schedulers in (1, 4))


@dataclass(frozen=True)
class Outcome:
    """Seconds of each dispatch and of each bare publish, and the dispatchers' counters."""

    load: Load
    decided: list[float]
    stored: list[float]
    counters: Counter[str]

    def latency(self) -> list[Row]:
        """How many, then p50 and p99 in ms."""
        what = "utterances dispatched, beside bare publishes of a job's size"
        rows = [Row(what, "", len(self.decided), len(self.stored))]
        for name, share, budget in zip(("p50", "p99"), (0.5, 0.99), self.load.budgets, strict=True):
            measured, reference = 1000 * percentile(self.decided, share), 1000 * percentile(self.stored, share)
            what = f"end decided -> job stored, {name}; bare: one JetStream publish"
            rows.append(Row(what, "ms", measured, reference, budget))
        return rows

    def places(self) -> list[Row]:
        """Where the jobs went, and what schedulers took from under each other."""
        jobs = self.counters["jobs"]
        return [
            Row("jobs to nodes' lanes, of all; the rest to the pool's", "", self.counters["jobs_to_lane"], jobs),
            Row("slots that another took first, beside jobs", "", self.counters["slot_conflicts"], jobs),
        ]


async def measure(load: Load) -> list[Row]:
    return (await outcome(load)).latency()


async def outcome(load: Load) -> Outcome:
    """Raises Void where nothing was dispatched, or a process died."""
    schedulers = [f"scheduler-{number}" for number in range(load.schedulers)]
    programs = {name: f"observed scheduler --instance {name}" for name in schedulers}
    programs["nodes"] = f"bench.nodes {load.nodes} {SLOTS_OF_NODE} {load.held_s}"
    async with stack.running(programs, {}) as running, Bus.connect(running.nats_url, "bench") as bus:
        await bus.declare()
        await bare.make_stream(bus, subjects.JOBS, bare.JOB_STREAM, bare.JOBS)
        await _settled(bus, load)
        stored = await _speak(bus, load)
        reports = [await running.ask(name) for name in schedulers]
    decided = [seconds for report in reports for seconds in report.dispatch_seconds]
    counters: Counter[str] = Counter()
    for report in reports:
        counters.update(report.dispatches)
    if not decided:
        raise stack.Void("the schedulers dispatched nothing")
    return Outcome(load, decided, stored, counters)


async def _settled(bus: Bus, load: Load) -> None:
    """Until each scheduler has its share of the partitions, and all nodes are there."""
    leases = Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord)
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)
    even = subjects.PARTITIONS // load.schedulers
    async with asyncio.timeout(PATIENCE_S):
        while True:
            owned = Counter(lease.instance for lease in (await leases.items()).values())
            if sorted(owned.values()) == [even] * load.schedulers and len(await nodes.items()) == load.nodes:
                return
            await asyncio.sleep(POLL_S)


async def _speak(bus: Bus, load: Load) -> list[float]:
    """All sessions at once. Returns the seconds that each bare publish took."""
    names = ["b" + secrets.token_hex(6) for _ in range(load.sessions)]
    await _open(bus, names)
    job = Job(
        job="bare", session="bare", utterance=1, attempt=1, pool="default", source="en", start=0.0,
        pcm=b"\x10\x00" * round(JOB_S * 16_000),
    )  # fmt: skip
    stored: list[float] = []
    where = {name: subjects.mailbox(name, "client") for name in names}
    clock = asyncio.get_running_loop().time
    chance = random.Random(1)
    offsets = [chance.randrange(CYCLE) for _ in names]
    due = clock()
    async with asyncio.TaskGroup() as group:
        for tick in range(round(load.seconds / TICK_S)):
            for name, offset in zip(names, offsets, strict=True):
                phase = (tick + offset) % CYCLE
                speech = VOICED if phase < SPEECH_TICKS else SILENT
                await bus.publish(where[name], AudioChunk(first=tick, last=tick, pcm=PCM, speech=speech))
                if phase == CYCLE // 2:
                    group.create_task(_store(bus, job, stored))
                due += TICK_S / len(names)
                if (left := due - clock()) > 0:
                    await asyncio.sleep(left)
    return stored


async def _open(bus: Bus, names: list[str]) -> None:
    """Open a session under each name, and wait until a scheduler has said so of each."""
    opened, waiting = asyncio.Event(), set(names)

    def heard(message: Delivered) -> None:
        waiting.discard(subjects.addressee(subjects.unstored(message.subject))[0])
        if not waiting:
            opened.set()

    await bus.subscribe(subjects.STORED_ALL, heard)
    for name in names:
        mail = SessionOpened(session=name, ingress="bench", source="en", targets=[], speech=False)
        await bus.store(subjects.mailbox(name, "client"), mail)
    async with asyncio.timeout(PATIENCE_S):
        await opened.wait()


async def _store(bus: Bus, job: Job, stored: list[float]) -> None:
    since = time.monotonic()
    await bus.store(bare.JOBS, job)
    stored.append(time.monotonic() - since)


async def run(loads: Sequence[Load]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    for load in loads:
        title = f"schedulers: {load.schedulers}, slots: {load.slots}, each held for {load.held_s:.2f} s"
        console.print(f"[dim]measuring (load of this machine: {os.getloadavg()[0]:.1f}) …[/dim]")
        table = Table(*HEADINGS, title=title, title_justify="left")
        found = await outcome(load)
        for row in (*found.latency(), *found.places()):
            table.add_row(*row.cells(), style="red" if row.kept is False else None)
        console.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.dispatch", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=Load.seconds, help="for each of the four")
    seconds = parser.parse_args(argv).seconds
    uvloop.run(run([Load(seconds=seconds, schedulers=load.schedulers, slots=load.slots) for load in FOUR]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
