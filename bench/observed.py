"""The scheduler and the ingress as they are, but able to say on SIGUSR1 what cannot be seen from outside.

    python -m bench.observed scheduler|ingress|ingress-without-silero FILE [flags of the process]

FILE then has, as JSON, what `Report` says.
`ingress-without-silero` computes no speech probabilities: every frame is silence, and all else is done.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec
import numpy as np

import actors.main
import ingress.main
from actors.audio import AudioBuffer
from actors.dispatcher import Dispatcher
from actors.lag import Lags
from ingress.silero import Floats
from ingress.vad import SpeechModel
from ingress.window import Window
from wire import process
from wire.env import IngressSettings, SchedulerSettings


class Report(msgspec.Struct, frozen=True):
    """`at` is of the monotonic clock. `audio_bytes` are held by sessions; `chunks` are what their actors have had;
    `dispatch_seconds` are the latest times from an utterance's end being decided to its job being stored; `dispatches`
    are the dispatcher's counters; `tasks` those that have not ended."""

    at: float
    audio_bytes: int
    chunks: int
    dispatch_seconds: list[float]
    dispatches: dict[str, int]
    tasks: int = 0


def look() -> Report:
    """At all sessions of this process."""
    at, held, chunks, tasks = time.monotonic(), 0, 0, 0
    times: list[float] = []
    dispatches: dict[str, int] = {}
    for each in gc.get_objects():
        if isinstance(each, AudioBuffer):
            held += sum(len(chunk.pcm) for _, chunk in each._held)
            chunks += each.next_chunk
        elif isinstance(each, Window):
            held += each._bytes + len(each._pcm)
        elif isinstance(each, Lags):
            times += each.dispatch_seconds
        elif isinstance(each, Dispatcher):
            dispatches |= each.counters
        elif isinstance(each, asyncio.Task):
            tasks += not each.done()
    return Report(at, held, chunks, times, dispatches, tasks)


def answer(file: Path) -> None:
    """Report into `file` at each SIGUSR1; it appears whole."""

    def report(number: int, frame: FrameType | None) -> None:
        written = file.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(look()))
        written.rename(file)

    signal.signal(signal.SIGUSR1, report)


def without_silero(
    self: SpeechModel, streams: list[tuple[Floats, Floats, Floats]]
) -> list[tuple[Floats, Floats, Floats]]:
    """In place of `SpeechModel.run`."""
    return [(np.zeros(len(frames), np.float32), h, c) for frames, h, c in streams]


def main() -> int:
    program, file, *flags = sys.argv[1:]
    answer(Path(file))
    if program == "scheduler":
        return process.main(SchedulerSettings, program, "", actors.main.serve, flags)
    if program == "ingress-without-silero":
        SpeechModel.run = without_silero  # type: ignore[method-assign]
    return process.main(IngressSettings, program, "", ingress.main.serve, flags)


if __name__ == "__main__":
    sys.exit(main())
