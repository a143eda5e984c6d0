"""Chunks of audio through ingress -> MAILBOX -> scheduler, beside bare nats-py through a stream of the same kind.

WebSocket clients push 100 ms chunks of a quiet room as fast as the ingress takes them, each at most `AHEAD` before what
was acknowledged to it (and never slower than real time). What the actors have had counts, not what was sent. Bare
nats-py carries messages of the same size between two processes. Silero's inference is model time and most of the
ingress's work: the path is measured with it and, in an ingress that takes every frame for silence, without it. The
parts take turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import numpy as np

from bench import bare, stack
from bench.crowd import crowd
from bench.rows import Row
from bench.speech import pieces, room
from cli import client
from cli.events import Event
from ingress.vad import SpeechMeter, SpeechModel, find_model
from wire import subjects
from wire.bus import Bus
from wire.messages import AudioChunk, encode
from wire.protocol import AudioAck

CHUNK_S = 0.1
AHEAD = 40
BARE_RATE = 8000
"""Messages a second that bare nats-py is expected to carry: only sets how many it is given."""
UNLIMITED = {"max_speed": "1000000"}


@dataclass(frozen=True)
class Load:
    """`sessions` push for `seconds` in each of `turns`, after `warm_s`; more where Silero does not hold them up."""

    sessions: int = 150
    deaf_sessions: int = 500
    seconds: float = 8.0
    warm_s: float = 4.0
    turns: int = 3


@dataclass
class Carried:
    """In all turns together: chunks that arrived, messages that the stream stored for them, seconds, and CPU seconds of
    each process."""

    chunks: int = 0
    stored: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    def add(self, chunks: int, seconds: float, cpu: dict[str, float]) -> None:
        self.chunks += chunks
        self.seconds += seconds
        for name, used in cpu.items():
            self.cpu[name] = self.cpu.get(name, 0.0) + used

    @property
    def rate(self) -> float:
        return self.chunks / self.seconds

    def microseconds(self, *names: str) -> float:
        """CPU time of these processes for each chunk."""
        return 1e6 * sum(self.cpu[name] for name in names) / self.chunks


async def measure(load: Load) -> list[Row]:
    """Rows in chunks a second with the budget, then rows that say what each process spends on a chunk."""
    chunk = pieces(room(CHUNK_S), CHUNK_S)[0]
    frames = round(CHUNK_S / 0.032)
    size = len(encode(AudioChunk(first=1000, last=1000, pcm=chunk, speech=bytes(frames))))
    whole, deaf, plain = Carried(), Carried(), Carried()
    for _ in range(load.turns):
        await _path("observed ingress", load, load.sessions, chunk, whole)
        await _path("observed ingress-without-silero", load, load.deaf_sessions, chunk, deaf)
        await _plain(load, size, plain)
    silero = await asyncio.to_thread(silero_seconds)
    carrying, merely = ("ingress", "nats", "scheduler"), ("publisher", "nats", "consumer")
    rows = [
        Row("ingress -> mailbox -> actor; bare nats-py", "chunks/s", whole.rate, plain.rate, 0.5, "at least", "ratio"),
        Row("  without Silero's inference; bare nats-py", "chunks/s", deaf.rate, plain.rate, 0.5, "at least", "ratio"),
        Row("  CPU for a chunk, Silero's and the clients' left out", "µs", deaf.microseconds(*carrying),
            plain.microseconds(*merely)),
        Row("  stored in the mailbox for each chunk (over 1: sent again)", "", whole.stored / whole.chunks),
        Row("  the same without Silero", "", deaf.stored / deaf.chunks),
        Row("  Silero's inference on a chunk, in the ingress; alone", "µs",
            whole.microseconds("ingress") - deaf.microseconds("ingress"), 1e6 * silero),
        Row("    CPU for a chunk: clients", "µs", deaf.microseconds("clients")),
    ]  # fmt: skip
    for ours, theirs in zip(carrying, merely, strict=True):
        what = ours if ours == theirs else f"{ours}; bare {theirs}"
        rows.append(Row(f"    CPU for a chunk: {what}", "µs", deaf.microseconds(ours), plain.microseconds(theirs)))
    return rows


async def _path(ingress: str, load: Load, sessions: int, chunk: bytes, carried: Carried) -> None:
    """One turn, on processes of its own."""
    programs = {"scheduler": "observed scheduler", "ingress": ingress, "node": "node_runtime"}
    pushers: dict[int, Pusher] = {}

    async def push(session: client.Session, place: int) -> None:
        pushers[place] = Pusher(session, chunk)
        await pushers[place].push()

    def listen(place: int, event: Event) -> None:
        if isinstance(event, AudioAck):
            pushers[place].acknowledged(event.chunk)

    async with (
        stack.running(programs, {**stack.SCRIPTED, **UNLIMITED}) as running,
        Bus.connect(running.nats_url, "bench") as bus,
        crowd(running.address, sessions, push, listen),
    ):
        await asyncio.sleep(load.warm_s)
        first, before, old = await running.ask("scheduler"), _cpu(running), await bus.newest(subjects.MAILBOX)
        await asyncio.sleep(load.seconds)
        last, after, new = await running.ask("scheduler"), _cpu(running), await bus.newest(subjects.MAILBOX)
    carried.add(last.chunks - first.chunks, last.at - first.at, {name: after[name] - before[name] for name in after})
    carried.stored += new - old


def _cpu(running: stack.Stack) -> dict[str, float]:
    return {**running.cpu_seconds(), "clients": time.process_time()}


class Pusher:
    """What one client sends: as much as is allowed at once, then at least a chunk in the time that it lasts."""

    def __init__(self, session: client.Session, chunk: bytes) -> None:
        self._session = session
        self._chunk = chunk
        self._acknowledged = -1
        self._stirred = asyncio.Event()

    def acknowledged(self, chunk: int) -> None:
        self._acknowledged = chunk
        self._stirred.set()

    async def push(self) -> None:
        """For ever."""
        while True:
            if self._session.next_chunk - self._acknowledged > AHEAD:
                self._stirred.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stirred.wait(), CHUNK_S)
            await self._session.send(self._chunk)


async def _plain(load: Load, size: int, carried: Carried) -> None:
    """One turn of bare nats-py."""
    async with stack.running({}, {}) as running:
        before = running.cpu_seconds()
        found = await bare.carry(running.nats_url, round(load.seconds * BARE_RATE), size)
        nats = running.cpu_seconds()["nats"] - before["nats"]
    cpu = {"nats": nats, "publisher": found.publisher_cpu, "consumer": found.consumer_cpu}
    carried.add(found.messages, found.seconds, cpu)


def silero_seconds(chunks: int = 1000) -> float:
    """CPU seconds of inference on one chunk."""
    meter = SpeechMeter(SpeechModel(find_model()))
    each = [np.frombuffer(chunk, "<i2") for chunk in pieces(room(chunks * CHUNK_S), CHUNK_S)]
    since = time.thread_time()
    for samples in each:
        meter.measure(samples)
    return (time.thread_time() - since) / len(each)
