"""Transcriptions and translations as OpenAI's own client asks for them, and curl."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, cast

import numpy as np
import openai as sdk
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent, TranscriptionVerbose

from tests.ingress.openai.conftest import wav
from tests.ingress.stand_in import Actor
from tests.system.stack import Stack
from wire.options import Endpointing
from wire.protocol import ErrorTold, SessionClosed, TranscriptFinal

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # what the client calls translations

File = tuple[str, bytes]
SAID = "I heard"


def test_a_transcription(openai: OpenAI, recording: File) -> None:
    found = openai.audio.transcriptions.create(model="whisper-1", file=recording)
    assert found.text.startswith(SAID)
    assert found.usage is not None
    assert found.usage.type == "duration"
    assert 6 < found.usage.seconds < 9


@pytest.mark.parametrize("format", ["text", "srt", "vtt"])
def test_as_text_and_as_subtitles(openai: OpenAI, recording: File, format: Any) -> None:
    made: object = openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=recording, response_format=format)
    assert isinstance(made, str)
    found = made
    head = {"text": SAID, "srt": "1\n00:00:0", "vtt": "WEBVTT\n\n00:00:0"}[format]
    assert found.startswith(head)
    assert SAID in found


def test_with_times(openai: OpenAI, recording: File) -> None:
    found = openai.audio.transcriptions.create(
        model="whisper-1", file=recording, response_format="verbose_json", language="de",
        timestamp_granularities=["word", "segment"], temperature=0, prompt="Dragoman, NATS",
    )  # fmt: skip
    assert isinstance(found, TranscriptionVerbose)
    assert (found.language, 6 < found.duration < 9) == ("german", True)
    assert found.words
    assert found.segments
    assert " ".join(word.word for word in found.words) == found.text
    assert "".join(segment.text for segment in found.segments).strip() == found.text
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0.5 < times[0] < times[-1] < found.duration
    assert found.usage is not None


def test_a_stream_of_pieces(openai: OpenAI, long_recording: File) -> None:
    with openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=long_recording, stream=True) as stream:
        *deltas, done = list(stream)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert len(deltas) > 1
    assert all(isinstance(each, TranscriptionTextDeltaEvent) for each in deltas)
    assert "".join(cast("TranscriptionTextDeltaEvent", each).delta for each in deltas) == done.text
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 400


def test_silence_is_an_empty_text(openai: OpenAI) -> None:
    silence = ("silence.wav", wav(np.zeros(32_000, np.int16)))
    assert openai.audio.transcriptions.create(model="whisper-1", file=silence).text == ""
    with openai.audio.transcriptions.create(model="whisper-1", file=silence, stream=True) as stream:
        (done,) = list(stream)
    assert done.type == "transcript.text.done"


def test_a_translation_is_english(openai: OpenAI, recording: File) -> None:
    found = openai.audio.translations.create(model="whisper-1", file=recording)
    assert found.text.startswith("[en] I heard")
    verbose = openai.audio.translations.create(model="whisper-1", file=recording, response_format="verbose_json")
    assert (verbose.language, 6 < verbose.duration < 9) == ("english", True)
    assert verbose.segments
    subtitles: object = openai.audio.translations.create(model="whisper-1", file=recording, response_format="srt")
    assert isinstance(subtitles, str)
    assert "[en]" in subtitles


async def test_many_at_once(async_openai: AsyncOpenAI, recording: File) -> None:
    async def one(number: int) -> str:
        if number % 2:
            return (await async_openai.audio.translations.create(model="whisper-1", file=recording)).text
        return (await async_openai.audio.transcriptions.create(model="whisper-1", file=recording)).text

    texts = await asyncio.gather(*(one(number) for number in range(10)))
    assert len(set(texts)) == 2


async def test_a_stream_read_asynchronously(async_openai: AsyncOpenAI, recording: File) -> None:
    stream = await async_openai.audio.transcriptions.create(model="whisper-1", file=recording, stream=True)
    kinds = [event.type async for event in stream]
    assert kinds == ["transcript.text.delta", "transcript.text.done"]


def test_with_curl(scripted: Stack, recording: File, tmp_path: Path) -> None:
    path = tmp_path / recording[0]
    path.write_bytes(recording[1])
    url = scripted.http + "/v1/audio/transcriptions"
    plain = subprocess.run(
        ["curl", "-sS", "--fail-with-body", url, "-H", "Authorization: Bearer none", "-F", f"file=@{path}",
         "-F", "model=whisper-1", "-F", "response_format=verbose_json", "-F", "timestamp_granularities[]=word"],
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    found = json.loads(plain.stdout)
    assert (found["task"], "segments" in found) == ("transcribe", False)
    assert found["words"][0]["word"] == "I"
    stream = subprocess.run(
        ["curl", "-sS", "-N", "-i", url, "-F", f"file=@{path}", "-F", "model=whisper-1", "-F", "stream=true"],
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    head, _, body = stream.stdout.decode().partition("\r\n\r\n")
    assert "text/event-stream" in head
    events = [json.loads(line.removeprefix("data: ")) for line in body.split("\n\n") if line]
    assert [event["type"] for event in events] == ["transcript.text.delta", "transcript.text.done"]


# --- what is refused ---


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"model": "nobody"}, 404, "model", "model_not_found"),
        ({"model": "tts-1"}, 400, "model", "invalid_value"),
        ({"model": "gpt-4o-transcribe-diarize"}, 400, "model", "unsupported_value"),
        ({"include": ["logprobs"]}, 400, "include", "unsupported_value"),
        ({"temperature": 0.7}, 400, "temperature", "unsupported_value"),
        ({"language": "xx"}, 400, "language", "language_unsupported"),
        ({"response_format": "diarized_json"}, 400, "response_format", "unsupported_value"),
        ({"known_speaker_names": ["Ada"]}, 400, "known_speaker_names", "unsupported_value"),
        ({"prompt": "What follows was said by somebody at a party."}, 400, "prompt", "unsupported_value"),
        ({"extra_body": {"best_of": 5}}, 400, "best_of", "unknown_parameter"),
        ({"file": ("notes.txt", b"no sound in here")}, 400, "file", "media_unreadable"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    openai: OpenAI, recording: File, fields: dict[str, Any], status: int, param: str, code: str
) -> None:
    with pytest.raises(sdk.APIStatusError) as caught:
        openai.audio.transcriptions.create(**{"model": "whisper-1", "file": recording, **fields})
    error = caught.value
    assert (error.status_code, error.param, error.code) == (status, param, code)
    assert error.type == "invalid_request_error"


def test_what_is_too_large_is_refused(openai: OpenAI) -> None:
    with pytest.raises(sdk.APIStatusError) as caught:
        openai.audio.transcriptions.create(model="whisper-1", file=("big.wav", bytes(26 * 1024 * 1024)))
    assert (caught.value.status_code, caught.value.param) == (413, "file")


# --- with an actor that does as it is told ---


async def test_what_is_asked_reaches_the_session(near: AsyncOpenAI, actor: Actor, recording: File) -> None:
    await near.audio.transcriptions.create(
        model="whisper-1", file=recording, language="fr", prompt="Dragoman, NATS", keywords=["Piper"],
        response_format="srt",
        chunking_strategy={
            "type": "server_vad", "threshold": 0.6, "silence_duration_ms": 450, "prefix_padding_ms": 100,
        },
    )  # fmt: skip
    _, heard = actor.only()
    options = heard.opened.options
    assert (heard.opened.source, heard.opened.targets, heard.opened.speech) == ("fr", [], False)
    assert options.glossary.words == ["Dragoman", "NATS", "Piper"]
    assert options.endpointing == Endpointing(threshold=0.6, silence_s=0.45, pre_roll_s=0.1)
    assert options.recorded
    assert options.words
    assert len(heard.pcm) == len(recording[1]) - 44
    assert len(heard.speech) == len(heard.pcm) // 1024


async def test_a_piece_that_fails_fails_the_whole(near: AsyncOpenAI, actor: Actor, recording: File) -> None:
    actor.drop_next = 1000  # it does not get to the end by itself
    asked = asyncio.ensure_future(near.audio.transcriptions.create(model="whisper-1", file=recording))
    await actor.until(lambda: bool(actor.sessions))
    session, _ = actor.only()
    await actor.tell(session, ErrorTold(code="engine_failed", message="it broke", retryable=False, utterance=1))
    with pytest.raises(sdk.InternalServerError) as caught:
        await asked
    assert (caught.value.status_code, caught.value.code, caught.value.type) == (500, "engine_failed", "server_error")


async def test_a_stream_that_breaks_says_so(near: AsyncOpenAI, actor: Actor, recording: File) -> None:
    actor.drop_next = 1000
    asked = asyncio.ensure_future(near.audio.transcriptions.create(model="whisper-1", file=recording, stream=True))
    await actor.until(lambda: bool(actor.sessions))
    session, _ = actor.only()
    await actor.tell(session, TranscriptFinal(utterance=1, text="So far so good.", language="en", start=0, end=1))
    stream = await asked
    assert (await anext(stream)).type == "transcript.text.delta"
    await actor.tell(session, ErrorTold(code="queue_full", message="no room", retryable=True, utterance=2))
    with pytest.raises(sdk.APIError) as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.message) == ("queue_full", "no room")


async def test_a_session_that_an_operator_ends_is_no_transcript(
    near: AsyncOpenAI, actor: Actor, recording: File
) -> None:
    actor.drop_next = 1000
    asked = asyncio.ensure_future(near.audio.transcriptions.create(model="whisper-1", file=recording))
    await actor.until(lambda: bool(actor.sessions))
    await actor.tell(actor.only()[0], SessionClosed(reason="operator", utterances=0))
    with pytest.raises(sdk.InternalServerError) as caught:
        await asked
    assert (caught.value.status_code, caught.value.code) == (503, "session_ended")
    assert caught.value.response.headers["retry-after"] == "1"
