"""Keys for browsers, made with the SDK's own client, and used as a page uses them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI
from openai.types.realtime import RealtimeTranscriptionSessionCreateResponse

from tests.ingress.openai.realtime.raw import connected

WITHIN_S = 5
PROMPT = {"prompt": "," * 20_000}
"""It names nothing, and is long."""


@pytest.fixture
async def openai(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="nobody asks for it", base_url=url + "/v1", max_retries=0) as client:
        yield client


def subprotocols(key: str) -> list[str]:
    return ["realtime", f"openai-insecure-api-key.{key}"]


async def test_a_transcription_begins_as_its_key_says(url: str, openai: AsyncOpenAI) -> None:
    made = await openai.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={
            "type": "transcription",
            "audio": {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"language": "fr"}}},
        },
    )
    assert made.value.startswith("ek_")
    assert abs(made.expires_at - time.time() - 60) < WITHIN_S
    assert isinstance(made.session, RealtimeTranscriptionSessionCreateResponse)
    assert made.session.audio is not None
    assert made.session.audio.input is not None
    assert made.session.audio.input.transcription is not None
    assert made.session.audio.input.transcription.language == "fr"
    async with connected(url, "/v1/realtime?model=gpt-realtime", protocols=subprotocols(made.value)) as page:
        created = await page.until("session.created")
        assert page.socket.protocol == "realtime", "and nothing of the key"
    async with connected(url, "/v1/realtime/translations", protocols=subprotocols(made.value)) as page:
        assert (await page.until("(closed)"))["code"] == 4400, "it is for a transcription"
    given = created["session"]["audio"]["input"]
    assert (given["format"], given["transcription"]["language"]) == ({"type": "audio/pcmu"}, "fr")


async def test_a_translation_begins_as_its_key_says_and_nothing_else(url: str, openai: AsyncOpenAI) -> None:
    made = await openai.realtime.translations.client_secrets.create(
        session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}}
    )
    assert abs(made.expires_at - time.time() - 600) < WITHIN_S
    assert made.session.audio.output is not None
    assert made.session.audio.output.language == "de"
    async with connected(url, "/v1/realtime/translations", protocols=subprotocols(made.value)) as page:
        created = await page.until("session.created")
        assert created["session"]["audio"]["output"] == {"language": "de"}
    async with connected(url, "/v1/realtime?intent=transcription", protocols=subprotocols(made.value)) as page:
        assert (await page.until("(closed)"))["code"] == 4400
        assert "/v1/realtime/translations" in page.events[0]["error"]["message"]


async def test_the_synchronous_client(url: str) -> None:
    def make() -> str:
        with OpenAI(api_key="nobody asks for it", base_url=url + "/v1") as client:
            return client.realtime.client_secrets.create().value

    assert (await asyncio.to_thread(make)).startswith("ek_")


async def test_a_key_that_was_made_with_a_key_does_not_outlive_it(url: str, openai: AsyncOpenAI) -> None:
    first = await openai.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 30})
    async with AsyncOpenAI(api_key=first.value, base_url=url + "/v1") as page:
        second = await page.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 7200})
    assert second.expires_at <= first.expires_at + 1


async def test_as_it_was_asked_for_before(url: str) -> None:
    body = {"input_audio_format": "g711_alaw", "client_secret": {"expires_at": {"anchor": "created_at", "seconds": 10}}}
    async with aiohttp.ClientSession() as session:
        async with session.post(url + "/v1/realtime/transcription_sessions", json=body) as answer:
            made = await answer.json()
            assert answer.headers["Cache-Control"] == "no-store"
        async with session.post(url + "/v1/realtime/transcription_sessions") as answer:
            assert (await answer.json())["input_audio_format"] == "pcm16"
    assert made["input_audio_format"] == "g711_alaw"
    assert abs(made["client_secret"]["expires_at"] - time.time() - 10) < WITHIN_S
    protocols = [*subprotocols(made["client_secret"]["value"]), "openai-beta.realtime-v1"]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "/v1/realtime?intent=transcription", protocols=protocols) as socket,
    ):
        created = await socket.receive_json()
    assert created["type"] == "transcription_session.created"
    assert created["session"]["input_audio_format"] == "g711_alaw"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"session": {"type": "realtime"}}, "session.type"),
        ({"session": {"type": "transcription", "audio": {"input": {"transcription": PROMPT}}}}, "session"),
        ({"session": {"type": "transcription", "include": ["logprobs"]}}, "session.include"),
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now", "seconds": 60}}, "expires_after.anchor"),
        ({"expires_in": 5}, "expires_in"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_by_name(openai: AsyncOpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        await openai.realtime.client_secrets.create(extra_body=body)
    assert refused.value.param == param


async def test_a_translation_must_be_asked_for(openai: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await openai.realtime.translations.client_secrets.create(session={}, extra_body={"session": None})  # type: ignore[typeddict-item]
    assert refused.value.param == "session"
