"""What people who speak cost each process and the NATS server: CPU, bytes, memory. `dragoman plan` reckons with these.

    python -m bench.costs [--speakers N] [--seconds S]

The same people send, one run after the other: the sound of a quiet room; speech that becomes text; the same into one
language, written; the same, spoken. What a run costs over the one before it is the cost of what came with it. All is
real but the engines, which are scripted. A second of room is 10 messages for each speaker.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from bench import speech
from bench.fleet import Fleet, Shape, running
from bench.speaker import CHUNK_S, Speaker
from wire import subjects
from wire.protocol import StartRequest, TranscriptFinal

WARM_S = 4.0
PROGRAMS = ("server-1", "scheduler-1", "ingress-1", "node-1")
STREAMS = (subjects.MAILBOX, subjects.EVENTS)


class Traffic(msgspec.Struct, frozen=True):
    """What a NATS server counts since it began."""

    in_bytes: int
    out_bytes: int
    in_msgs: int
    out_msgs: int


@dataclass(frozen=True)
class Look:
    cpu: dict[str, float]
    traffic: Traffic
    stored: dict[str, int]
    finals: int


@dataclass(frozen=True)
class Run:
    """For each speaker and second: milliseconds of CPU by process, KB in and out of the server and into streams,
    utterances. `memory` is MB of each process at the end."""

    name: str
    cpu: dict[str, float]
    kb_in: float
    kb_out: float
    stored: dict[str, float]
    utterances: float
    memory: dict[str, float]


def kinds(room: bytes, spoken: bytes) -> list[tuple[str, bytes, StartRequest]]:
    text = StartRequest(source="en", captions=False, speech=False)
    return [
        ("a quiet room", room, text),
        ("speech", spoken, text),
        ("with live captions", spoken, msgspec.structs.replace(text, captions=True)),
        ("into one language", spoken, msgspec.structs.replace(text, targets=["fr"])),
        ("and spoken", spoken, msgspec.structs.replace(text, targets=["fr"], speech=True)),
    ]


async def measure(speakers: int, seconds: float) -> list[Run]:
    shape = Shape(schedulers=1, ingresses=1, nodes=1, settings={"node": {"slots": "16", "scripted_rtf": "0.02"}})
    spoken = await asyncio.to_thread(speech.spoken)
    with tempfile.TemporaryDirectory() as folder:
        async with running(shape, Path(folder)) as fleet:
            return [await _run(fleet, *kind, speakers, seconds) for kind in kinds(speech.room(6.0), spoken)]


async def _run(fleet: Fleet, name: str, said: bytes, start: StartRequest, speakers: int, seconds: float) -> Run:
    pieces = speech.pieces(said * round(2 + (WARM_S + seconds) / (len(said) / 32_000)), CHUNK_S)
    chunks = round((WARM_S + seconds) / CHUNK_S)
    step = max(1, (len(pieces) - chunks) // speakers)
    talking = [
        Speaker(list(fleet.addresses.values()), pieces[at * step : at * step + chunks], start, random.Random(at))
        for at in range(speakers)
    ]
    async with asyncio.TaskGroup() as group:
        for speaker in talking:
            group.create_task(speaker.run())
        await asyncio.sleep(WARM_S)
        before = await _look(fleet, talking)
        await asyncio.sleep(seconds - 1.0)
        after = await _look(fleet, talking)
        memory = {each: psutil.Process(fleet[each].pid).memory_info().rss / 1e6 for each in PROGRAMS}
    scale = speakers * (seconds - 1.0)
    return Run(
        name,
        {each: 1000 * (after.cpu[each] - before.cpu[each]) / scale for each in PROGRAMS},
        (after.traffic.in_bytes - before.traffic.in_bytes) / 1000 / scale,
        (after.traffic.out_bytes - before.traffic.out_bytes) / 1000 / scale,
        {each: (after.stored[each] - before.stored[each]) / 1000 / scale for each in STREAMS},
        (after.finals - before.finals) / scale,
        memory,
    )


async def _look(fleet: Fleet, talking: list[Speaker]) -> Look:
    async with aiohttp.ClientSession() as client, client.get(fleet.monitors[0] + "/varz") as answer:
        traffic = msgspec.json.decode(await answer.read(), type=Traffic)
    times = {each: psutil.Process(fleet[each].pid).cpu_times() for each in PROGRAMS}
    return Look(
        {each: spent.user + spent.system for each, spent in times.items()},
        traffic,
        {each: (await fleet.bus.stock(each)).bytes for each in STREAMS},
        sum(isinstance(event, TranscriptFinal) for each in talking for _, event in each.heard.events),
    )


def shown(runs: Sequence[Run]) -> Table:
    names = [each.partition("-")[0] for each in PROGRAMS]
    cpu = [f"{name}, ms" for name in names]
    table = Table(
        "for each speaker and second", *cpu, "in, KB", "out, KB", *STREAMS, "utterances", "MB " + " ".join(names)
    )
    for run in runs:
        table.add_row(
            run.name,
            *(f"{run.cpu[each]:.2f}" for each in PROGRAMS),
            f"{run.kb_in:.1f}",
            f"{run.kb_out:.1f}",
            *(f"{run.stored[each]:.1f}" for each in STREAMS),
            f"{run.utterances:.3f}",
            " ".join(f"{run.memory[each]:.0f}" for each in PROGRAMS),
        )
    return table


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__.split("\n")[0])
    parser.add_argument("--speakers", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args(argv)
    Console(width=200).print(shown(uvloop.run(measure(given.speakers, given.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
