"""nats-py with nothing of ours on top: what the path of audio chunks is compared with.

    python -m bench.bare publish|consume URL MESSAGES BYTES

Two processes on one server: one publishes messages of so many bytes, unacknowledged, into a stream configured like
MAILBOX; the other reads them by an ordered consumer and prints how many came in how many seconds. The server drops what
it cannot store in time, so the publisher stays at most `WINDOW` messages ahead of the reader, which tells its progress.
The client is the one that wire.connection configures, on uvloop, as in Dragoman's processes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from wire import declare, subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable

ROOT = Path(__file__).resolve().parents[1]
WINDOW = 2000
TELL_EVERY = 250
PATIENCE_S = 60.0
CHUNKS, CHUNK_STREAM = "bench.chunks", "BENCH_CHUNKS"
JOBS, JOB_STREAM = "bench.jobs", "BENCH_JOBS"
PROGRESS = "bench.progress"


class Carried(msgspec.Struct, frozen=True):
    """What the consumer saw, from its first message to its last, and the CPU seconds that both processes used."""

    messages: int
    seconds: float
    publisher_cpu: float = 0.0
    consumer_cpu: float = 0.0


async def make_stream(bus: Bus, like: str, name: str, subject: str) -> None:
    """A stream of `subject`, empty, configured like one of ours."""
    config = next(each for each in declare.streams() if each.name == like)
    js: Any = bus._js
    await js.add_stream(config.evolve(name=name, subjects=[subject]))
    await js.purge_stream(name)


async def publish(url: str, messages: int, size: int) -> float:
    """Returns the CPU seconds that it took."""
    async with Bus.connect(url, "bench-publish") as bus:
        payload, seen, stirred = b"\0" * size, 0, asyncio.Event()

        async def progress(message: Any) -> None:
            nonlocal seen
            seen = int(message.data)
            stirred.set()

        client = bus._nc
        await client.subscribe(PROGRESS, cb=progress)
        await client.flush()
        async with asyncio.timeout(PATIENCE_S):
            await _until(lambda: seen == 1, stirred)  # the reader reads
            before = time.process_time()
            for sent in range(messages):
                if sent - seen >= WINDOW:
                    await _until(lambda limit=sent - WINDOW // 2: seen > limit, stirred)
                await client.publish(CHUNKS, payload)
            await _until(lambda: seen == messages, stirred)
            return time.process_time() - before


async def _until(condition: Any, stirred: asyncio.Event) -> None:
    while not condition():
        stirred.clear()
        await stirred.wait()


async def consume(url: str, messages: int) -> Carried:
    async with Bus.connect(url, "bench-consume") as bus:
        await make_stream(bus, subjects.MAILBOX, CHUNK_STREAM, CHUNKS)
        client, done = bus._nc, asyncio.Event()
        count, began, ended, cpu = 0, 0.0, 0.0, 0.0

        async def receive(message: Any) -> None:
            nonlocal count, began, ended, cpu
            count += 1
            if count == 1:
                began, cpu = time.monotonic(), time.process_time()
            if count % TELL_EVERY == 0 or count == messages:
                await client.publish(PROGRESS, b"%d" % count)
            if count == messages:
                ended, cpu = time.monotonic(), time.process_time() - cpu
                done.set()

        js: Any = bus._js
        after = (await js.stream_info(CHUNK_STREAM)).state.last_seq
        await js.subscribe(
            CHUNKS, stream=CHUNK_STREAM, cb=receive, ordered_consumer=True, config=declare.reader(after=after)
        )
        async with asyncio.timeout(PATIENCE_S):
            while not count:
                await client.publish(PROGRESS, b"1")
                await asyncio.sleep(0.05)
            await done.wait()
        await client.flush()
        return Carried(messages - 1, ended - began, consumer_cpu=cpu)


async def carry(url: str, messages: int, size: int) -> Carried:
    """Both processes, from start to end. Raises NatsUnavailable where one fails."""
    programs = []
    for role in ("consume", "publish"):
        command = (sys.executable, "-m", "bench.bare", role, url, str(messages), str(size))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        programs.append(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment))
    (carried, _), (cpu, _) = await asyncio.gather(*(program.communicate() for program in programs))
    if any(program.returncode for program in programs):
        raise NatsUnavailable("bare nats-py did not carry the messages")
    return msgspec.structs.replace(msgspec.json.decode(carried, type=Carried), publisher_cpu=float(cpu))


def main() -> None:
    role, url, messages, size = sys.argv[1:]
    if role == "publish":
        print(uvloop.run(publish(url, int(messages), int(size))))
    else:
        print(msgspec.json.encode(uvloop.run(consume(url, int(messages)))).decode())


if __name__ == "__main__":
    main()
