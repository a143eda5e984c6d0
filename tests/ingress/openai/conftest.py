"""A whole Dragoman with scripted engines, and OpenAI's own client before it."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt
import pytest
from aiohttp import web
from openai import AsyncOpenAI, OpenAI

from ingress import listening
from tests.system import stack
from tests.system.stack import Stack


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    where = tmp_path_factory.mktemp("scripted")
    with stack.up(where, DRAGOMAN_ENGINE="scripted", DRAGOMAN_SCRIPTED_RTF="0.01") as started:
        yield started


@pytest.fixture
def openai(scripted: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=scripted.http + "/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_openai(scripted: Stack) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=scripted.http + "/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def near(url: str) -> AsyncIterator[AsyncOpenAI]:
    """Before an ingress whose actor does as the test says."""
    async with AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0) as client:
        yield client


@asynccontextmanager
async def serving(door: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server as the ingress is one, with one door; gives its URL."""
    app = web.Application()
    app.router.add_route("*", "/", door)
    runner = listening.runner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def wav(samples: npt.NDArray[np.int16], rate: int = 16_000) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(2)
            written.setframerate(rate)
            written.writeframes(samples.astype("<i2").tobytes())
        return file.getvalue()


@pytest.fixture(scope="session")
def recording(spoken: npt.NDArray[np.int16]) -> tuple[str, bytes]:
    """Speech, as the client sends it."""
    return "speech.wav", wav(spoken)


@pytest.fixture(scope="session")
def long_recording(spoken: npt.NDArray[np.int16]) -> tuple[str, bytes]:
    """Over 40 seconds of it: more than one piece."""
    return "long.wav", wav(np.concatenate([spoken] * 7))
