"""Real speech through OpenAI's Realtime API, with real models and the SDK's own client."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import pytest
from faster_whisper import decode_audio

from ingress.media import g711
from tests.ingress.openai.realtime.raw import connected
from tests.ingress.openai.realtime.talk import Talk, talking
from tests.system.stack import Stack, words
from tests.waiting import beats

pytestmark = pytest.mark.models

JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
STOPPED = "input_audio_buffer.speech_stopped"
LAST_WORD_MS = 10_000
FIRST_SENTENCES_S = 6.6
SPEED = 2
PIECE_S = 0.1
SLOW_S = 60


def speech(path: Path, rate: int, silence_s: float = 0.0, most_s: float = 60.0) -> npt.NDArray[np.int16]:
    """int16 (N,) at `rate` Hz, its first `most_s`, with silence after it."""
    heard = decode_audio(str(path), sampling_rate=rate)[: round(most_s * rate)]
    quiet = np.zeros(round(silence_s * rate), np.float32)
    return (np.concatenate([heard, quiet]) * 32_767).astype(np.int16)


async def play(append: Callable[[bytes], Awaitable[None]], data: bytes, bytes_per_s: int) -> None:
    """As it would be spoken, a bit faster."""
    size = round(PIECE_S * bytes_per_s)
    pieces = iter(range(0, len(data), size))
    async for _ in beats(PIECE_S / SPEED):
        start = next(pieces, None)
        if start is None:
            return
        await append(data[start : start + size])


def told(talk: Talk) -> str:
    return " ".join(each["transcript"] for each in talk.all(f"{TRANSCRIPTION}.completed"))


async def test_what_is_said_is_read_while_it_is_said(running: Stack, recordings: Path) -> None:
    async with talking(running.http) as talk:
        await talk.configure(transcription={"model": "whisper-1", "language": "en"})
        await play(talk.append, speech(recordings / "jfk.flac", 24_000, 2.0).tobytes(), 48_000)
        async with asyncio.timeout(SLOW_S):
            while not any(each["audio_end_ms"] > LAST_WORD_MS for each in talk.all(STOPPED)):
                await talk.more()
        items = [each["item_id"] for each in talk.all(STOPPED)]
        for item in items:
            await talk.until(f"{TRANSCRIPTION}.completed", item_id=item, patience=SLOW_S)
    assert words(told(talk)) == JFK
    assert "error" not in talk.types
    started = [each["item_id"] for each in talk.all("input_audio_buffer.speech_started")]
    committed = [each["item_id"] for each in talk.all("input_audio_buffer.committed")]
    assert started == committed == items
    for item in items:
        spoken = "".join(each["delta"] for each in talk.all(f"{TRANSCRIPTION}.delta", item_id=item))
        assert jiwer.wer(JFK, words(spoken)) < 1
    times = [
        (one["audio_start_ms"], other["audio_end_ms"])
        for one, other in zip(talk.all("input_audio_buffer.speech_started"), talk.all(STOPPED), strict=True)
    ]
    assert all(0 <= start < end <= 13_000 for start, end in times)
    assert times == sorted(times)


@pytest.mark.parametrize(("format", "encode"), [("audio/pcmu", g711.encode_mulaw), ("audio/pcma", g711.encode_alaw)])
async def test_a_telephone_and_a_client_that_says_itself_when_it_is_over(
    running: Stack, recordings: Path, format: str, encode: Callable[[npt.NDArray[np.int16]], bytes]
) -> None:
    async with talking(running.http) as talk:
        await talk.configure(format={"type": format}, turn_detection=None, transcription={"model": "whisper-1"})
        data = encode(speech(recordings / "jfk.flac", 8000))
        await talk.append(data[:32_000])
        await talk.connection.input_audio_buffer.clear()
        for start in range(0, len(data), 8000):
            await talk.append(data[start : start + 8000])
        await talk.connection.input_audio_buffer.commit()
        completed = await talk.until(f"{TRANSCRIPTION}.completed", patience=SLOW_S)
    assert jiwer.wer(JFK, words(completed["transcript"])) <= 0.1
    assert completed["languages"] == [{"code": "en"}]
    assert len(talk.all("input_audio_buffer.committed")) == 1
    assert "input_audio_buffer.speech_started" not in talk.types


async def test_french_goes_in_and_english_comes_out(running: Stack, recordings: Path, tmp_path: Path) -> None:
    async with connected(running.http, "/v1/realtime/translations?model=gpt-realtime-translate") as client:
        await client.say(type="session.update", session={"audio": {
            "output": {"language": "en"}, "input": {"transcription": {"model": "whisper-1"}}}})  # fmt: skip
        await play(client.append, speech(recordings / "fr_intro.mp3", 24_000, 1.0, FIRST_SENTENCES_S).tobytes(), 48_000)
        await client.say(type="session.close")
        await client.until("session.closed", patience=SLOW_S)
    assert "error" not in client.types
    english = words(client.text("session.output_transcript.delta"))
    for expected in ("hello", "today", "automatic translation"):
        assert expected in english
    assert "traduction automatique" in words(client.text("session.input_transcript.delta"))
    assert jiwer.wer(english, words(await asyncio.to_thread(heard_back, client.audio, tmp_path))) <= 0.15


def heard_back(pcm: bytes, cache: Path) -> str:
    """What Whisper makes of speech at 24 kHz."""
    from faster_whisper import WhisperModel

    from node_runtime import catalog

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(24_000)
        sound.writeframes(pcm)
    file.seek(0)
    model = WhisperModel(str(catalog.asr("base", cache)), device="cpu", compute_type="int8")
    segments, _ = model.transcribe(file, language="en", beam_size=5)
    return " ".join(segment.text for segment in segments)
