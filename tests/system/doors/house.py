"""A whole Dragoman whose ingress asks for keys, with two tenants at its doors, and what is seen of it from outside."""

from __future__ import annotations

import asyncio
import contextlib
import io
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import psutil

from bench.stack import SCRIPTED, Stack, running
from ingress.entry import KnownRecord
from tests.ingress.access.doors import ask, bearer, given
from tests.waiting import until
from wire import subjects
from wire.bus import Bus
from wire.kv import Bucket
from wire.records import SlotRecord

SETTINGS = {**SCRIPTED, "client_timeout_s": "3"}
PROGRAMS = {"scheduler": "actors", "node": "node_runtime", "ingress": "observed ingress"}


@dataclass(frozen=True)
class House:
    """`ours` and `theirs` are keys of two tenants."""

    stack: Stack
    bus: Bus
    ours: str
    theirs: str

    @property
    def url(self) -> str:
        return self.stack.address

    async def ask(self, method: str, path: str, key: str = "", **more: Any) -> tuple[int, Any, dict[str, str]]:
        return await ask(self.url + path, method, key=key or self.ours, **more)

    async def transcribe(self, recording: bytes) -> None:
        """At OpenAI's door, with our key."""
        form = aiohttp.FormData({"model": "whisper-1"})
        form.add_field("file", recording, filename="sound.wav")
        async with (
            aiohttp.ClientSession(headers=bearer(self.ours)) as http,
            http.post(f"{self.url}/v1/audio/transcriptions", data=form) as answer,
        ):
            assert answer.status == 200, await answer.text()


@contextlib.asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    async with running(PROGRAMS, SETTINGS) as stack, Bus.connect(stack.nats_url, "test") as bus:
        house = House(stack, bus, await given(bus, "ours"), await given(bus, "theirs"))

        async def closed() -> bool:
            async with aiohttp.ClientSession() as http, http.get(f"{house.url}/v1/info") as answer:
                return answer.status == 401

        await until(closed)
        yield house


@dataclass(frozen=True)
class Footprint:
    """Of the ingress: resident MB, open files, children, and tasks that have not ended. In NATS: sessions that are not
    closed, slots that are taken, and uploads that are kept."""

    memory_mb: float
    files: int
    children: int
    tasks: int
    sessions: int
    slots: int
    uploads: int

    def no_more_than(self, before: Footprint) -> bool:
        """But for memory, which is the caller's to judge."""
        return (
            self.files <= before.files + 2
            and self.children <= before.children
            and self.tasks <= before.tasks + 4
            and self.sessions <= before.sessions
            and self.slots <= before.slots
            and self.uploads <= before.uploads
        )


async def footprint(house: House) -> Footprint:
    process = house.stack.process("ingress")
    report = await house.stack.ask("ingress")
    children = sum(each.status() != psutil.STATUS_ZOMBIE for each in process.children(recursive=True))
    sessions = await Bucket(house.bus, subjects.SESSIONS_KV, KnownRecord).items()
    return Footprint(
        memory_mb=process.memory_info().rss / 1e6,
        files=process.num_fds(),
        children=children,
        tasks=report.tasks,
        sessions=sum(each.state.phase != "closed" for each in sessions.values()),
        slots=len(await Bucket(house.bus, subjects.SLOTS_KV, SlotRecord).items()),
        uploads=len(
            await house.bus.subjects(
                subjects.object_store(subjects.UPLOADS), subjects.object_chunks(subjects.UPLOADS, ">")
            )
        ),
    )


async def shrunk_to(house: House, before: Footprint) -> Footprint:
    """When all that was there for a while is gone again."""
    now = before

    async def small() -> bool:
        nonlocal now
        now = await footprint(house)
        return now.no_more_than(before)

    try:
        await until(small, 30)
    except TimeoutError as error:
        raise AssertionError(f"the ingress has not let go: {before} before, {now} now") from error
    return now


def sound(seconds: float = 1.0) -> bytes:
    """A WAV file with a voice-like buzz in it."""
    times = np.arange(round(16_000 * seconds)) / 16_000
    loud = np.sin(2 * np.pi * 3 * times) > 0
    wanted = sum(np.sin(2 * np.pi * 140 * harmonic * times) / harmonic for harmonic in range(1, 12)) * loud
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((wanted * 6000).astype("<i2").tobytes())
    return made.getvalue()


async def exchange(url: str, data: bytes, patience: float = 10.0) -> bytes:
    """What a server says to these bytes, until it closes the connection. A hang is a TimeoutError."""
    host, _, port = url.removeprefix("http://").partition(":")
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            said = b""
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    said += piece
            return said
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
