"""A process that is many clients: `python -m bench.load.generator`, started by `bench.load.crew`.

Its plan is a line on stdin, as JSON; what it says are lines on stdout: a Pulse twice a second, and a Result in the end.
When its stdin ends, all who are still there leave.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.load import limits
from bench.load.client import Client
from bench.load.plan import CHUNK_S, Line, Plan, Pulse, Result
from bench.load.slow import Slow
from bench.load.wheel import Wheel
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE

PULSE_S = 0.5
STATES = ("outside", "line", "inside", "over", "refused")


class Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._wheel = Wheel()
        self._audio = _audio(Path(plan.scripts)) if plan.scripts else []
        self._clients: list[Client | Slow] = []
        self._leaving = asyncio.Event()

    async def run(self) -> None:
        """Until all have ended."""
        began, cpu = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(each) for each in (self._wheel.run(), self._pulses(), self._until_told())]
            async with asyncio.TaskGroup() as clients:
                for number in range(self._plan.count):
                    clients.create_task(self._place(number))
            for task in beside:
                task.cancel()
        self._pulse()
        late = self._wheel.late
        result = Result(
            clients=[client.told for client in self._clients], late=late[:: 1 + len(late) // 4000],
            cpu_s=time.process_time() - cpu, seconds=time.monotonic() - began,
        )  # fmt: skip
        _print(result)

    async def _place(self, number: int) -> None:
        """One client; and, where that is asked for, others after it."""
        plan = self._plan
        await asyncio.sleep(max(0.0, plan.begin + plan.ramp_s * number / plan.count - time.monotonic()))
        again = 0
        while not self._leaving.is_set():
            client = self._made(plan.first + number, again)
            self._clients.append(client)
            await client.run()
            again += 1
            if time.monotonic() >= plan.again_until:
                return

    def _made(self, place: int, again: int) -> Client | Slow:
        if self._plan.kind in ("dribble", "mute"):
            return Slow(self._plan, place)
        script = (place + again) % len(self._audio) if self._audio else 0
        return Client(self._plan, place, script, self._audio[script] if self._audio else [], self._wheel)

    async def _until_told(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        self._leaving.set()
        for client in self._clients:
            client.leave()

    async def _pulses(self) -> None:
        while True:
            await asyncio.sleep(PULSE_S)
            self._pulse()

    def _pulse(self) -> None:
        counts = dict.fromkeys(STATES, 0)
        counts["outside"] = self._plan.count - len(self._clients) if not self._plan.again_until else 0
        lags: list[float] = []
        finals = 0
        for client in self._clients:
            counts[client.state] += 1
            finals += len(client.told.finals)
            if client.lags:
                lags += client.lags
                client.lags.clear()
        _print(Pulse(at=time.monotonic(), finals=finals, lags=lags, late=self._wheel.take_worst(), **counts))


def _audio(folder: Path) -> list[list[bytes]]:
    """Of each script, its chunks."""
    size = round(CHUNK_S * SAMPLE_RATE) * BYTES_PER_SAMPLE
    files = sorted(folder.glob("*.pcm"), key=lambda file: int(file.stem))
    return [[pcm[at : at + size] for at in range(0, len(pcm), size)] for pcm in map(Path.read_bytes, files)]


def _print(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


async def main() -> None:
    limits.raise_files()
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    generator = Generator(plan)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    await generator.run()


if __name__ == "__main__":
    uvloop.run(main())
