from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import stack
from tests.system.stack import Stack

SAID = (
    "The ship came home early in the morning.",
    "Nobody on the shore had expected it before the evening.",
    "We will meet again at the end of October.",
)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded default: Whisper base, Piper, everything."""
    with stack.up(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SAID, spoken by the packaged voice, the same each time, with a pause of 1.2 s after each sentence: a WAV file."""
    from piper import PiperVoice, SynthesisConfig

    from node_runtime import catalog

    voice = PiperVoice.load(catalog.voice("en_US-joe-medium", tmp_path_factory.mktemp("cache")))
    path = tmp_path_factory.mktemp("speech") / "spoken.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(voice.config.sample_rate)
        for sentence in SAID:
            for chunk in voice.synthesize(sentence, SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)):
                file.writeframes(chunk.audio_int16_bytes)
            file.writeframes(bytes(round(1.2 * voice.config.sample_rate) * 2))
    return path
