"""A recording of an hour, and how much faster than it was spoken it comes back: `python -m bench.recordings`.

The hour is made from something that was said, again and again, each time a little louder or softer and after another
pause, so that no two pieces are the same. On scripted nodes, whose work is a set share of the audio's length, it shows
what everything around the models costs: with 1, 2 and 4 nodes the whole is compared with the bare engines' time,
divided among them. Then once more: what nodes found out is remembered. On the real model a shorter one is compared with
the model alone on the same pieces, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
import tempfile
import time
import wave
import zipfile
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from bench import speech, stack
from bench.fleet import Fleet, Shape, running
from bench.rows import HEADINGS, Row
from node_runtime.engines.base import Ask
from node_runtime.loading import load
from node_runtime.pipeline import samples
from wire import subjects
from wire.audio import SAMPLE_RATE
from wire.env import NodeSettings

HOUR_S = 3600.0
SHORT_S = 120.0
RTF = 0.02
"""Of a scripted node: an hour takes one 72 s."""
PATIENCE_S = 1800.0
POLL_S = 0.1
OVER = ("done", "failed", "cancelled")
MIB = 2**20


class Failed(Exception):
    """The job did not come to its end."""


def lengthened(pcm: bytes, seconds: float, seed: int = 1) -> bytes:
    """PCM16 mono 16 kHz, so long: `pcm` again and again, and never twice the same."""
    drawn = np.random.default_rng(seed)
    said = np.frombuffer(pcm, "<i2").astype(np.float32)
    parts: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
    missing = round(seconds * SAMPLE_RATE)
    while missing > 0:
        pause = np.zeros(int(drawn.uniform(0.3, 1.5) * SAMPLE_RATE), np.float32)
        part = np.concatenate([said * drawn.uniform(0.6, 1.0), pause])[:missing]
        parts.append(part + drawn.normal(0, 4, len(part)).astype(np.float32))
        missing -= len(part)
    return np.concatenate(parts).clip(-32768, 32767).astype("<i2").tobytes()


def as_wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(SAMPLE_RATE)
        made.writeframes(pcm)
    return file.getvalue()


async def brought(address: str, recording: Path, **fields: str) -> tuple[float, bytes]:
    """Seconds from the first byte up to the moment when it is done, and the result. Raises Failed, TimeoutError."""
    async with aiohttp.ClientSession(address) as http, asyncio.timeout(PATIENCE_S):
        began = time.monotonic()
        form = aiohttp.FormData(fields)
        with recording.open("rb") as file:
            form.add_field("file", file, filename=recording.name)
            async with http.post("/v1/jobs", data=form, raise_for_status=True) as answer:
                path = f"/v1/jobs/{(await answer.json())['id']}"
        while True:
            async with http.get(path, raise_for_status=True) as answer:
                job = await answer.json()
            if job["state"] in OVER:
                break
            await asyncio.sleep(POLL_S)
        took = time.monotonic() - began
        if job["state"] != "done" or job["failures"]:
            raise Failed(f"{job['state']}, {job['failures']} failures: {job['error']}")
        async with http.get(f"{path}/result", raise_for_status=True) as answer:
            return took, await answer.read()


async def forgotten(fleet: Fleet) -> None:
    """What nodes have found out."""
    for bucket in (subjects.HEARD_KV, subjects.RENDERED_KV):
        stream = f"KV_{bucket}"
        await fleet.bus.purge(stream, ">", await fleet.bus.newest(stream))


def heard_in(result: bytes) -> list[tuple[float, float]]:
    """Where the pieces are that were heard, in seconds of the recording."""
    with zipfile.ZipFile(io.BytesIO(result)) as archive:
        transcript = json.loads(archive.read("transcript.json"))
    return [(each["start"], each["end"]) for each in (*transcript["utterances"], *transcript["empty"])]


async def scripted(seconds: float, workers: Sequence[int] = (1, 2, 4)) -> list[Row]:
    """The whole against the engines' own time, which is known."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        recording = Path(directory) / "recording.wav"
        recording.write_bytes(as_wav(lengthened(speech.spoken(pause_s=0.3), seconds)))
        for count in workers:
            folder = Path(directory) / str(count)
            folder.mkdir()
            settings = {"node": {"scripted_rtf": str(RTF), "slots": "1"}}
            shape = Shape(schedulers=1, ingresses=1, nodes=count, settings=settings)
            async with running(shape, folder) as fleet:
                address, ingress = fleet.addresses["ingress-1"], psutil.Process(fleet["ingress-1"].pid)
                before = ingress.memory_info().rss
                took, result = await brought(address, recording)
                grown = (ingress.memory_info().rss - before) / MIB
                bare = RTF * sum(end - start for start, end in heard_in(result)) / count
                rows.append(Row(f"{seconds:.0f} s, {count} scripted node(s); their engines alone", "s", took, bare))
                if count == max(workers):
                    again, _ = await brought(address, recording)
                    rows.append(Row("  once more, from what is remembered; the first time", "s", again, took))
                    rows.append(
                        Row("  the ingress has grown by; the file", "MB", grown, recording.stat().st_size / MIB)
                    )
    return rows


async def real(seconds: float) -> list[Row]:
    """Whisper behind everything, and then alone on the same pieces: each has the cores for itself."""
    pcm = lengthened(speech.spoken(pause_s=0.3), seconds)
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        recording = Path(directory) / "recording.wav"
        recording.write_bytes(as_wav(pcm))
        programs = {"scheduler": "actors", "ingress": "ingress", "node": "node_runtime"}
        async with stack.running(programs, {"dedicated": "true"}) as started:
            took, result = await brought(started.address, recording, source="en")
            again, _ = await brought(started.address, recording, source="en")
    bare = await asyncio.to_thread(_bare, pcm, heard_in(result))
    return [
        Row(f"{seconds:.0f} s, Whisper base; the model alone", "s", took, bare),
        Row("  once more, from what is remembered; the first time", "s", again, took),
    ]


def _bare(pcm: bytes, heard: Sequence[tuple[float, float]]) -> float:
    ear = load(NodeSettings()).ear
    sound = samples(pcm)
    began = 0.0
    for number, (start, end) in enumerate([heard[0], *heard]):  # the first warms up
        if number == 1:
            began = time.perf_counter()
        piece = sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        ear.listen(piece).transcribe(Ask(source="en", timed=True))
    return time.perf_counter() - began


async def measure(seconds: float, short: float) -> list[Row]:
    return [*(await scripted(seconds) if seconds else []), *(await real(short) if short else [])]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.recordings", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=HOUR_S, help="of the recording for scripted nodes; 0: none")
    parser.add_argument("--short", type=float, default=SHORT_S, help="of the recording for the real model; 0: none")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(f"[dim]load of this machine: {os.getloadavg()[0]:.1f}[/dim]")
    table = Table(*HEADINGS, title="recordings", title_justify="left")
    for row in asyncio.run(measure(given.seconds, given.short)):
        table.add_row(*row.cells(), style="red" if row.kept is False else None)
    console.print(table)


if __name__ == "__main__":
    main()
