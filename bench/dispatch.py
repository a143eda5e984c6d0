"""An utterance's end is decided -> its job is stored, beside a bare JetStream publish of the same bytes.

Audio with made-up speech probabilities goes straight into the mailboxes of many sessions, in real time: 2 s of speech,
1 s of silence, and again. The scheduler measures itself (Host.dispatch_seconds); a scripted node does the jobs. Now and
then, as often as a job is due, a message of a job's size is stored in a stream that is configured like JOBS.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass

from bench import bare, stack
from bench.rows import Row, percentile
from wire import subjects
from wire.audio import FRAME_BYTES, FRAME_SECONDS
from wire.bus import Bus
from wire.messages import AudioChunk, Job, SessionOpened

FRAMES = 3
TICK_S = FRAMES * FRAME_SECONDS
SPEECH_TICKS, SILENCE_TICKS = 21, 10
CYCLE = SPEECH_TICKS + SILENCE_TICKS
JOB_S = 2.7
PCM = b"\x10\x00" * (FRAMES * FRAME_BYTES // 2)
VOICED, SILENT = b"\xfa" * FRAMES, b"\x00" * FRAMES
PATIENCE_S = 15.0
PROGRAMS = {"scheduler": "observed scheduler", "ingress": "ingress", "node": "node_runtime"}
"""The ingress has nothing to do here but to say when the node is ready."""


@dataclass(frozen=True)
class Load:
    sessions: int = 48
    seconds: float = 35.0


async def measure(load: Load) -> list[Row]:
    """Two rows with budgets, in ms."""
    async with stack.running(
        PROGRAMS, stack.SCRIPTED
    ) as running, Bus.connect(running.nats_url, "bench") as bus:  # fmt: skip
        await bus.declare()
        await bare.make_stream(bus, subjects.JOBS, bare.JOB_STREAM, bare.JOBS)
        stored = await _speak(bus, load)
        decided = (await running.ask("scheduler")).dispatch_seconds
    if not decided:
        raise stack.Void("the scheduler dispatched nothing")
    rows = [
        Row("utterances dispatched, beside bare publishes of a job's size", "", len(decided), len(stored)),
    ]
    for name, share, budget in (("p50", 0.5, 2.0), ("p99", 0.99, 10.0)):
        measured, reference = 1000 * percentile(decided, share), 1000 * percentile(stored, share)
        rows.append(
            Row(f"end decided -> job stored, {name}; bare: one JetStream publish", "ms", measured, reference, budget)
        )
    return rows


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
    due = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for tick in range(round(load.seconds / TICK_S)):
            for place, name in enumerate(names):
                phase = (tick + place * CYCLE // len(names)) % CYCLE
                speech = VOICED if phase < SPEECH_TICKS else SILENT
                await bus.publish(where[name], AudioChunk(first=tick, last=tick, pcm=PCM, speech=speech))
                if phase == CYCLE - 1:
                    group.create_task(_store(bus, job, stored))
            due += TICK_S
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    return stored


async def _open(bus: Bus, names: list[str]) -> None:
    """Open a session under each name, and wait until the scheduler has said so of each."""
    opened, waiting = asyncio.Event(), set(names)

    def heard(message: object) -> None:
        waiting.discard(subjects.addressee(subjects.unstored(message.subject))[0])  # type: ignore[attr-defined]
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
