"""The list of models, and what happens where a client does not wait."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import openai as sdk
import psutil
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.ingress import client
from tests.ingress.stand_in import Actor
from tests.nats_server import NatsServer
from tests.waiting import until
from wire import subjects
from wire.bus import Bus


def test_models(openai: OpenAI) -> None:
    names = [model.id for model in openai.models.list()]
    assert {"scripted", "tone-fr", "whisper-1", "gpt-4o-mini-tts"} <= set(names)
    for name in ("scripted", "whisper-1"):
        found = openai.models.retrieve(name)
        assert (found.id, found.object, found.owned_by) == (name, "model", "dragoman")


async def test_models_asynchronously(async_openai: AsyncOpenAI) -> None:
    assert "whisper-1" in [model.id async for model in async_openai.models.list()]


@pytest.mark.parametrize("name", ["nobody", "some/one", "tts-1/..", "%00"])
def test_a_model_that_is_not_there(openai: OpenAI, name: str) -> None:
    with pytest.raises(sdk.NotFoundError) as caught:
        openai.models.retrieve(name)
    assert (caught.value.code, caught.value.type) == ("model_not_found", "invalid_request_error")


async def test_while_nobody_is_there_nothing_is_offered(
    server: NatsServer, actor: Actor, recording: tuple[str, bytes]
) -> None:
    async with (
        client.ingress(server.url) as url,
        AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0) as openai,
    ):
        assert [model async for model in openai.models.list()] == []
        with pytest.raises(sdk.InternalServerError) as caught:
            await openai.audio.transcriptions.create(model="whisper-1", file=recording)
        assert (caught.value.status_code, caught.value.code) == (503, "no_node")
        with pytest.raises(sdk.InternalServerError) as caught:
            await openai.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
        assert caught.value.status_code == 503


async def test_other_kinds_of_bodies_are_refused(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("transcriptions", "translations", "speech"):
            async with http.post(f"{url}/v1/audio/{path}", data={"model": "whisper-1"}) as answer:
                assert answer.status == 415
                error = (await answer.json())["error"]
                assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_media_type")
            async with http.get(f"{url}/v1/audio/{path}") as answer:
                assert answer.status == 405
        large, kind = io.BytesIO(b'"' + b"a" * 2_000_000 + b'"'), {"Content-Type": "application/json"}
        async with http.post(f"{url}/v1/audio/speech", data=large, headers=kind) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_who_hangs_up_leaves_nothing_running(
    near: AsyncOpenAI, actor: Actor, bus: Bus, long_recording: tuple[str, bytes]
) -> None:
    actor.drop_next = 1000  # the session does not come to its end
    asked = asyncio.ensure_future(near.audio.transcriptions.create(model="whisper-1", file=long_recording))
    await actor.until(lambda: bool(actor.sessions))
    session, _ = actor.only()
    asked.cancel()

    async def ended() -> bool:
        return await bus.last(subjects.MAILBOX, subjects.mailbox(session, "control")) is not None

    await until(ended)

    async def one_that_waits() -> bool:
        children = psutil.Process().children(recursive=True)
        return sum("ingress.media" in each.cmdline() for each in children if each.status() != "zombie") <= 1

    await until(one_that_waits)
