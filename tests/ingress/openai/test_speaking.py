"""Speech as OpenAI's own client asks for it, and curl."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import openai as sdk
import pytest
from openai import AsyncOpenAI, OpenAI

from ingress.media.encoding import CONTENT_TYPES, FORMATS, Format
from tests.ingress.stand_in import Actor
from tests.system.stack import Stack
from tests.waiting import until
from wire.messages import TextGiven
from wire.protocol import ErrorTold, SpeechMissing

TEXT = "Good morning to you all. The ship came home. Nobody on the shore had expected it. We will meet again."
SECONDS = 0.2 * len(TEXT.split())
"""What the scripted voice takes."""


def decoded(sound: bytes, format: str | None = None) -> float:
    """How many seconds these are."""
    with av.open(io.BytesIO(sound), "r", format=format) as file:
        return float(sum(frame.samples / frame.sample_rate for frame in file.decode(file.streams.audio[0])))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(openai: OpenAI, format: Format) -> None:
    answer = openai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=format)
    assert answer.response.headers["content-type"] == CONTENT_TYPES[format]
    sound = answer.content
    seconds = len(sound) / 48_000 if format == "pcm" else decoded(sound)
    assert abs(seconds - SECONDS) < 0.2


def test_mp3_is_what_comes_where_nothing_is_said(openai: OpenAI, tmp_path: Path) -> None:
    with openai.audio.speech.with_streaming_response.create(model="tts-1-hd", voice="nova", input="Hello.") as answer:
        answer.stream_to_file(tmp_path / "hello.mp3")
    assert decoded((tmp_path / "hello.mp3").read_bytes(), "mp3") > 0.1


@pytest.mark.parametrize(("speed", "factor"), [(0.25, 4.0), (1.0, 1.0), (2.0, 0.5), (4.0, 0.25)])
def test_speed(openai: OpenAI, speed: float, factor: float) -> None:
    sound = openai.audio.speech.create(model="tts-1", voice="echo", input=TEXT, response_format="pcm", speed=speed)
    assert abs(len(sound.content) / 48_000 - factor * SECONDS) < 0.1 * factor * SECONDS


async def test_asynchronously(async_openai: AsyncOpenAI) -> None:
    async with async_openai.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="sage", input=TEXT, response_format="pcm"
    ) as answer:
        sound = b"".join([piece async for piece in answer.iter_bytes()])
    assert abs(len(sound) / 48_000 - SECONDS) < 0.1
    samples = np.frombuffer(sound, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples[:24_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 2  # the scripted voice's tone, at the rate that it should have


def test_a_voice_of_another_language_by_its_name(openai: OpenAI) -> None:
    by_voice = openai.audio.speech.create(model="tts-1", voice="tone-fr", input=TEXT, response_format="pcm")
    by_model = openai.audio.speech.create(model="tone-fr", voice="alloy", input=TEXT, response_format="pcm")
    by_id = openai.audio.speech.create(model="tts-1", voice={"id": "tone-fr"}, input=TEXT, response_format="pcm")
    assert len(by_voice.content) == len(by_model.content) == len(by_id.content) > 48_000


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in body.split("\n\n") if line]


def test_as_events(openai: OpenAI) -> None:
    answer = openai.audio.speech.create(
        model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format="wav", stream_format="sse"
    )
    assert answer.response.headers["content-type"] == "text/event-stream"
    *deltas, done = events(answer.content.decode())
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert abs(decoded(sound, "wav") - SECONDS) < 0.1
    usage = done["usage"]
    assert (done["type"], usage["total_tokens"]) == (
        "speech.audio.done", usage["input_tokens"] + usage["output_tokens"],
    )  # fmt: skip


def test_with_curl(scripted: Stack) -> None:
    body = json.dumps({"model": "tts-1", "input": "Hello.", "voice": "alloy", "response_format": "wav"})
    made = subprocess.run(
        ["curl", "-sS", "--fail-with-body", scripted.http + "/v1/audio/speech", "-H", "Content-Type: application/json",
         "-d", body],
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    assert made.stdout.startswith(b"RIFF")


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"model": "whisper-1"}, 400, "model"),
        ({"voice": "nobody"}, 400, "voice"),
        ({"voice": "tone-de", "model": "tone-fr"}, 400, "voice"),
        ({"input": ""}, 400, "input"),
        ({"input": "…!"}, 400, "input"),
        ({"input": "a" * 4097}, 400, "input"),
        ({"instructions": "Whisper."}, 400, "instructions"),
        ({"response_format": "ogg"}, 400, "response_format"),
        ({"speed": 0.2}, 400, "speed"),
        ({"speed": 4.1}, 400, "speed"),
        ({"stream_format": "chunks"}, 400, "stream_format"),
        ({"extra_body": {"pitch": 2}}, 400, "pitch"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(openai: OpenAI, fields: dict[str, Any], status: int, param: str) -> None:
    with pytest.raises(sdk.APIStatusError) as caught:
        openai.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": TEXT, **fields})
    error = caught.value
    assert (error.status_code, error.param, error.type) == (status, param, "invalid_request_error")
    assert TEXT not in error.message


def test_an_unknown_voice_is_told_which_there_are(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError, match="tone-fr"):
        openai.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)


# --- with an actor that does as it is told ---

LONG = "One. " + " ".join(f"This is the sentence with the number {number}, and it goes on." for number in range(40))


class Taker:
    """Somebody who takes the speech of LONG as it comes."""

    def __init__(self, client: AsyncOpenAI, **fields: Any) -> None:
        self.got = b""
        self._client = client
        self._fields = fields

    async def take(self) -> None:
        async with self._client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=LONG, response_format="pcm", **self._fields
        ) as answer:
            async for piece in answer.iter_bytes():
                self.got += piece

    async def has(self) -> bool:
        return len(self.got) > 1000


async def test_it_is_heard_while_the_rest_is_made(near: AsyncOpenAI, actor: Actor) -> None:
    """Only two parts are asked for at first; the third when the first has been sent."""
    taker = Taker(near)
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(taker.take())
        await actor.until(lambda: len(texts(actor)) == 2)
        session, heard = actor.only()
        assert (heard.opened.source, heard.opened.targets, heard.opened.speech) == ("en", ["en"], True)
        assert heard.opened.options.pace == 1.0
        assert texts(actor)[0].text == "One."
        await actor.speak(session, 1, "en", [b"\x01\x02" * 22_050])
        await until(taker.has)
        await actor.until(lambda: len(texts(actor)) == 3)
        assert sum(len(each.text) for each in texts(actor)) < len(LONG)
        assert not taking.done()
        taking.cancel()


def texts(actor: Actor) -> list[TextGiven]:
    return [mail for heard in actor.sessions.values() for mail in heard.mail if isinstance(mail, TextGiven)]


async def test_what_fails_before_the_first_sound_is_an_error(near: AsyncOpenAI, actor: Actor) -> None:
    asked = asyncio.ensure_future(near.audio.speech.create(model="tts-1", voice="alloy", input=TEXT))
    await actor.until(lambda: len(texts(actor)) == 2)
    told = ErrorTold(code="speech_failed", message="it broke", retryable=False, utterance=1, target="en")
    await actor.tell(actor.only()[0], told)
    with pytest.raises(sdk.InternalServerError) as caught:
        await asked
    assert caught.value.code == "speech_failed"


async def test_what_no_voice_can_say_is_the_texts_fault(near: AsyncOpenAI, actor: Actor) -> None:
    asked = asyncio.ensure_future(near.audio.speech.create(model="tts-1", voice="alloy", input=TEXT))
    await actor.until(lambda: len(texts(actor)) == 2)
    await actor.tell(actor.only()[0], SpeechMissing(utterance=1, target="en", reason="nothing can be said"))
    with pytest.raises(sdk.BadRequestError) as caught:
        await asked
    assert caught.value.param == "input"


async def test_events_that_break_off_say_so(near: AsyncOpenAI, actor: Actor) -> None:
    taker = Taker(near, stream_format="sse")
    async with asyncio.TaskGroup() as group:
        group.create_task(taker.take())
        await breaks(actor)
    assert events(taker.got.decode())[-1]["error"]["code"] == "speech_failed"


async def test_sound_that_breaks_off_is_not_taken_for_the_whole(near: AsyncOpenAI, actor: Actor) -> None:
    taker = Taker(near)
    taking = asyncio.ensure_future(taker.take())
    await breaks(actor)
    with pytest.raises(Exception, match=r"incomplete|closed|disconnect"):
        await taking
    assert taker.got


async def breaks(actor: Actor) -> None:
    """The first part is spoken, the second fails."""
    await actor.until(lambda: len(texts(actor)) == 2)
    session, _ = actor.only()
    await actor.speak(session, 1, "en", [b"\x01\x02" * 22_050])
    await actor.until(lambda: len(texts(actor)) == 3)
    told = ErrorTold(code="speech_failed", message="it broke", retryable=False, utterance=2, target="en")
    await actor.tell(session, told)
