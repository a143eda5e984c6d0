"""Nodes for tests: a real node-runtime in this process (its engines in their own), on a real nats-server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node_runtime.main import serve
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus, Delivered
from wire.env import NodeSettings
from wire.messages import Job, JobDone, NodeMail, NodeMessage, SpeechChunk, decode

PATIENCE_S = 40.0


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model cache for all tests: the base model is joined once."""
    return tmp_path_factory.mktemp("cache")


class Hearer:
    """Everything that nodes say about one session, in order."""

    def __init__(self) -> None:
        self.mail: list[NodeMessage] = []
        self.speech: list[tuple[str, SpeechChunk]] = []
        self._more = asyncio.Event()

    def receive(self, message: Delivered) -> None:
        if message.subject.startswith("mailbox."):
            self.mail.append(decode(NodeMail, message.data))
        else:
            self.speech.append((message.subject.rsplit(".", 1)[1], decode(SpeechChunk, message.data)))
        self._more.set()

    def of(self, kind: type[NodeMessage], utterance: int | None = None) -> list[Any]:
        return [each for each in self.mail if isinstance(each, kind) and utterance in (None, each.utterance)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._more.clear()
                await self._more.wait()

    async def until_done(self, utterance: int) -> None:
        await self.until(lambda: self.of(JobDone, utterance))


@contextlib.asynccontextmanager
async def hearing(bus: Bus, session: str) -> AsyncIterator[Hearer]:
    heard = Hearer()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(bus.follow(subjects.MAILBOX, subjects.mailbox_of(session), 0, heard.receive)),
            group.create_task(bus.follow(subjects.EVENTS, subjects.speech_of(session), 0, heard.receive)),
        ]
        try:
            yield heard
        finally:
            for task in tasks:
                task.cancel()


class RunningNode:
    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings
        self.stop = asyncio.Event()
        self.births = 0
        self._more = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def is_ready(self) -> None:
        self.births += 1
        self._more.set()

    async def until_ready(self, births: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.births < births:
                self._more.clear()
                await self._more.wait()


@contextlib.asynccontextmanager
async def node(server: NatsServer, **settings: Any) -> AsyncIterator[RunningNode]:
    """A ready node with scripted engines, unless `settings` say otherwise. It stops at the end of the block."""
    chosen = msgspec.structs.replace(
        NodeSettings(nats_url=server.url, node="n1", engine="scripted", scripted_rtf=0.05), **settings
    )
    running = RunningNode(chosen)
    async with asyncio.TaskGroup() as group:
        running.task = group.create_task(serve(chosen, running.stop, ready=running.is_ready))
        try:
            await running.until_ready()
            yield running
        finally:
            running.stop.set()


def job(session: str, utterance: int, pcm: bytes, **fields: Any) -> Job:
    defaults: dict[str, Any] = {"attempt": 1, "pool": "default", "source": "auto", "start": 0.0}
    name = subjects.job_id(session, utterance)
    return Job(job=name, session=session, utterance=utterance, pcm=pcm, **{**defaults, **fields})


async def until_empty(bus: Bus, pool: str = "default") -> None:
    """Until no job of this pool waits or is in hand. The acknowledgement comes just after the last result."""
    async with asyncio.timeout(PATIENCE_S):
        while await bus.waiting(subjects.JOBS, subjects.pool_consumer(pool)):
            pass  # each look is a question to the server


async def post(bus: Bus, work: Job) -> None:
    """Onto its pool's lane, as a scheduler does."""
    id = subjects.job_message_id(work.session, work.utterance, work.attempt)
    await bus.store(subjects.job_pool(work.pool), work, id=id)
