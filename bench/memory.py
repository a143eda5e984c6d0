"""What a connected session costs in resident memory: ingress and scheduler together, beyond the audio that they hold.

Both processes are warmed by sessions that come and go; then sessions are opened, and the growth of both is divided by
their number. Idle sessions have said nothing since their opening. Streaming sessions send speech in real time, are
answered by a scripted node, and each is at another place of the recording. The audio that a process holds is counted
inside it and taken away: the most that it held at any look, as memory that audio once needed stays with the process.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bench import speech, stack
from bench.crowd import crowd
from bench.rows import Row
from cli import client
from cli.pacing import Pacing

KB = 1000
CHUNK_S = 0.1
PROGRAMS = {"scheduler": "observed scheduler", "ingress": "observed ingress", "node": "node_runtime"}


@dataclass(frozen=True)
class Load:
    idle: int = 400
    streaming: int = 120
    warm: int = 20
    settle_s: float = 4.0
    stream_s: float = 20.0
    looks: int = 10


async def measure(load: Load) -> list[Row]:
    """Rows in KB a session."""
    spoken = next(iter((await speech.usual()).values()))
    idle = await _grown(load, load.idle, None, load.settle_s)
    streaming = await _grown(load, load.streaming, spoken, load.stream_s)
    return [
        Row(f"idle session ({load.idle}): ingress and scheduler", "KB", idle.beyond, None, 40.0),
        Row(f"streaming session ({load.streaming}), beyond its audio", "KB", streaming.beyond, None, 70.0),
        *(Row(f"    idle, {name}", "KB", size) for name, (size, _) in idle.each.items()),
        *(
            Row(f"    streaming, {name}; its audio", "KB", size, audio)
            for name, (size, audio) in streaming.each.items()
        ),
    ]


@dataclass(frozen=True)
class Growth:
    """Process -> KB for each session, and KB of audio in them."""

    each: dict[str, tuple[float, float]]

    @property
    def beyond(self) -> float:
        return sum(size - audio for size, audio in self.each.values())


async def _grown(load: Load, sessions: int, spoken: bytes | None, seconds: float) -> Growth:
    async with stack.running(PROGRAMS, stack.SCRIPTED) as running:
        async with _connected(running.address, load.warm, spoken):
            await asyncio.sleep(seconds / 2)
        before = await _sizes(running)
        most = before
        async with _connected(running.address, sessions, spoken):
            for _ in range(load.looks):
                await asyncio.sleep(seconds / load.looks)
                most = {name: _larger(size, most[name]) for name, size in (await _sizes(running)).items()}
    grown = {name: (most[name][0] - before[name][0], most[name][1] - before[name][1]) for name in most}
    return Growth({name: (size / sessions / KB, audio / sessions / KB) for name, (size, audio) in grown.items()})


def _larger(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])


async def _sizes(running: stack.Stack) -> dict[str, tuple[int, int]]:
    """Resident bytes and bytes of audio held, by process."""
    sizes = {}
    for name in ("ingress", "scheduler"):
        resident = running.process(name).memory_info().rss
        sizes[name] = (resident, (await running.ask(name)).audio_bytes)
    return sizes


def _connected(address: str, sessions: int, spoken: bytes | None) -> AbstractAsyncContextManager[None]:
    """They speak, each from another place, unless `spoken` is None."""
    if spoken is None:
        return crowd(address, sessions)
    chunks = speech.pieces(spoken, CHUNK_S)

    async def speak(session: client.Session, place: int) -> None:
        await _speak(session, chunks, place / sessions)

    return crowd(address, sessions, speak)


async def _speak(session: client.Session, chunks: list[bytes], begin: float) -> None:
    """In real time, for ever, beginning at this share of the recording."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(begin * CHUNK_S)
    pacing, first = Pacing(loop.time()), round(begin * len(chunks))
    for number in itertools.count():
        await asyncio.sleep(max(0.0, pacing.due(number * CHUNK_S) - loop.time()))
        await session.send(chunks[(first + number) % len(chunks)])
