"""Real speech through OpenAI's REST calls, with real models and the SDK's own clients."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import jiwer
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent, TranscriptionVerbose

from tests.system.conftest import SAID
from tests.system.stack import Stack, words

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # what the client calls translations
]

JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
LONG = " ".join(
    [*SAID, "The harbour was full of people.", "They had brought lamps, and bread, and a small brass band."]
)


@pytest.fixture
def openai(running: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=running.http + "/v1", api_key="none", max_retries=0) as client:
        yield client


def test_what_was_said_and_when(openai: OpenAI, recordings: Path) -> None:
    found = openai.audio.transcriptions.create(
        model="whisper-1", file=recordings / "jfk.flac", response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )  # fmt: skip
    assert isinstance(found, TranscriptionVerbose)
    assert words(found.text) == JFK
    assert (found.language, round(found.duration)) == ("english", 11)
    assert found.words
    assert found.segments
    assert words(" ".join(word.word for word in found.words)) == JFK
    (country,) = [word for word in found.words if words(word.word) == "country"][:1]
    assert 4.5 < country.start < country.end < 6.5
    assert words("".join(segment.text for segment in found.segments)) == JFK


def test_french_in_english_with_subtitles(openai: OpenAI, recordings: Path) -> None:
    file = recordings / "fr_intro.mp3"
    text: object = openai.audio.translations.create(model="whisper-1", file=file, response_format="srt")
    assert isinstance(text, str)
    cues = [cue.split("\n")[2:] for cue in text.strip().split("\n\n")]
    assert all(1 <= len(lines) <= 2 for lines in cues)
    said = words(" ".join(line for lines in cues for line in lines))
    for expected in ("hello", "today", "automatic translation", "voice", "natural flow"):
        assert expected in said
    clocks = re.findall(r"00:00:(\d\d),\d{3}", text)
    assert clocks == sorted(clocks)
    assert int(clocks[-1]) <= 23


async def test_speech_comes_while_it_is_made_and_is_heard_back(running: Stack) -> None:
    async with AsyncOpenAI(base_url=running.http + "/v1", api_key="none", max_retries=0) as openai:
        began = time.monotonic()
        async with openai.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=" ".join([LONG] * 4), response_format="opus"
        ) as answer:
            pieces = answer.iter_bytes()
            sound = await anext(pieces)
            first_s = time.monotonic() - began
            sound += b"".join([piece async for piece in pieces])
        all_s = time.monotonic() - began
        print(f"speech: the first of it after {first_s:.2f} s, all after {all_s:.2f} s")
        assert first_s < all_s / 2

        stream = await openai.audio.transcriptions.create(model="whisper-1", file=("a.ogg", sound), stream=True)
        *deltas, done = [event async for event in stream]
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert "".join(cast("TranscriptionTextDeltaEvent", delta).delta for delta in deltas) == done.text
    assert len(deltas) > 1
    assert jiwer.wer(words(" ".join([LONG] * 4)), words(done.text)) <= 0.1


@pytest.mark.parametrize(("speed", "factor"), [(0.5, 2.0), (2.0, 0.5)])
def test_speed(openai: OpenAI, speed: float, factor: float) -> None:
    usual, other = (
        openai.audio.speech.create(
            model="tts-1", voice="en_US-joe-medium", input=SAID[0], response_format="pcm", speed=each
        ).content
        for each in (1.0, speed)
    )
    assert len(other) / len(usual) == pytest.approx(factor, rel=0.15)  # the voice itself is never quite as long


async def test_several_recordings_at_once(running: Stack, recordings: Path) -> None:
    said = {
        "lr_en.wav": "turn on the living room light",
        "ls_a.flac": "concorde returned to its place amidst the tents",
    }
    async with AsyncOpenAI(base_url=running.http + "/v1", api_key="none", max_retries=0) as openai:
        heard = await asyncio.gather(
            *(
                openai.audio.transcriptions.create(model="base", file=recordings / name, language="en")
                for name in [*said, *said]
            )
        )
    assert [words(each.text) for each in heard] == [*said.values(), *said.values()]
