"""Nodes for tests: a real node-runtime in this process (its engines in their own), on a real nats-server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node_runtime.main import serve
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus, Delivered
from wire.env import NodeSettings
from wire.jobs import Job, PartialJob, SpeechChunk
from wire.kv import Bucket
from wire.messages import JobDone, NodeMail, decode
from wire.records import BindingRecord, SlotRecord

PATIENCE_S = 40.0


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model cache for all tests: the base model is joined once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
async def _declared(request: pytest.FixtureRequest) -> None:
    """The streams are there, as where a scheduler runs: what is tested here only waits for them."""
    if {"server", "bus"} & set(request.fixturenames) == {"server"}:
        async with Bus.connect(request.getfixturevalue("server").url, "scheduler") as bus:
            await bus.declare()


class Hearer:
    """Everything that nodes say about one session, in order."""

    def __init__(self) -> None:
        self.mail: list[Any] = []
        self.speech: list[tuple[str, SpeechChunk]] = []
        self._more = asyncio.Event()

    def receive(self, message: Delivered) -> None:
        if message.subject.startswith("mailbox."):
            self.mail.append(decode(NodeMail, message.data))
        else:
            self.speech.append((message.subject.rsplit(".", 1)[1], decode(SpeechChunk, message.data)))
        self._more.set()

    def of(self, kind: type[Any], utterance: int | None = None) -> list[Any]:
        return [each for each in self.mail if isinstance(each, kind) and utterance in (None, each.utterance)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._more.clear()
                await self._more.wait()

    async def until_one(self, kind: Any, utterance: int) -> None:
        """`kind` may be a union."""
        await self.until(lambda: any(isinstance(each, kind) and each.utterance == utterance for each in self.mail))

    async def until_done(self, utterance: int) -> None:
        await self.until_one(JobDone, utterance)


@contextlib.asynccontextmanager
async def hearing(bus: Bus, session: str) -> AsyncIterator[Hearer]:
    heard = Hearer()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(bus.follow(subjects.MAILBOX, subjects.mailbox(session, "node"), 0, heard.receive)),
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
        NodeSettings(nats_url=server.url, node="n1", engine="scripted", scripted_rtf=0.05, dedicated=True), **settings
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


def partial(session: str, utterance: int, pcm: bytes, **fields: Any) -> PartialJob:
    defaults: dict[str, Any] = {"generation": 1, "pool": "default", "source": "auto", "start": 0.0}
    return PartialJob(session=session, utterance=utterance, pcm=pcm, **{**defaults, **fields})


async def post_partial(bus: Bus, work: PartialJob) -> None:
    await bus.store(subjects.partial(work.pool, work.session), work)


async def post(bus: Bus, work: Job) -> None:
    """Onto its pool's lane, as a scheduler does."""
    id = subjects.job_message_id(work.session, work.utterance, work.attempt)
    await bus.store(subjects.job_pool(work.pool), work, id=id)


async def post_piece(bus: Bus, work: Job) -> Job:
    """Onto the batch lane, as a piece of a recording; and bind it."""
    piece = msgspec.structs.replace(work, recorded=True)
    await bind(bus, piece)
    id = subjects.job_message_id(work.session, work.utterance, work.attempt)
    await bus.store(subjects.batch(work.pool), piece, id=id)
    return piece


# --- what a scheduler does ------------------------------------------------------------------------------------------


def slots(bus: Bus) -> Bucket[SlotRecord]:
    return Bucket(bus, subjects.SLOTS_KV, SlotRecord)


def bindings(bus: Bus) -> Bucket[BindingRecord]:
    return Bucket(bus, subjects.BINDINGS_KV, BindingRecord)


async def bind(bus: Bus, work: Job, node: str = "", slot: int = -1, state: str = "sent") -> None:
    record = BindingRecord(
        job=work.job,
        session=work.session,
        utterance=work.utterance,
        attempt=work.attempt,
        pool=work.pool,
        start=work.start,
        end=work.start + 1,
        state=state,
        node=node,
        slot=slot,
    )
    await bindings(bus).put(subjects.binding_key(work.session, work.utterance), record)


async def reserve(bus: Bus, work: Job, node: str, slot: int, seconds: int = 30) -> None:
    record = SlotRecord(job=work.job, session=work.session, attempt=work.attempt, by="scheduler", seconds=seconds)
    assert await slots(bus).create(subjects.slot_key(node, slot), record, ttl=seconds)


async def post_on_lane(bus: Bus, work: Job, node: str = "n1", slot: int = 0) -> None:
    """Reserve, bind, publish."""
    await reserve(bus, work, node, slot)
    await bind(bus, work, node, slot)
    id = subjects.job_message_id(work.session, work.utterance, work.attempt)
    await bus.store(subjects.job_node(node), work, id=id)


async def until_at_rest(bus: Bus) -> None:
    """Until no job lies anywhere and no slot is marked."""

    async def at_rest() -> bool:
        jobs = await bus.subjects(subjects.JOBS, subjects.JOB_ALL)
        pieces = await bus.subjects(subjects.BATCH, subjects.BATCH_ALL)
        return not jobs and not pieces and not await slots(bus).items()

    await until(at_rest)


@contextlib.contextmanager
def daemon(server: NatsServer, name: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """A ready node in a process of its own, with scripted engines. Killed at the end of the block, if it still runs."""
    given = {"nats_url": server.url, "node": name, "engine": "scripted", "scripted_rtf": 0.05, **settings}
    flags = [part for key, value in given.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "node_runtime", *flags, "--dedicated"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "the node is ready" in line:
                    break
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
