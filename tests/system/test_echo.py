"""What a microphone hears of a translation that is played beside it, made with numpy and heard by Whisper: it is known
for an echo, and who speaks over it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from actors.echo import Echo
from node_runtime import catalog
from node_runtime.engines.base import Samples
from tests.node_runtime import sounds
from wire.audio import SAMPLE_RATE

pytestmark = pytest.mark.models

PLAYED = (
    "Hello to all of you, and welcome to our house.",
    "Today we are going to talk about automatic translation, in particular a model that translates your voice.",
    "Please turn the light off.",
)
BARGE_IN = ("Stop it, please.", "Wait a moment, I have a question.", "Which of the two languages do you mean?")
QUIET = 0.05
"""Of the loudest that a microphone takes: 26 dB less."""
AROUND_S = 0.9
"""Silence that `sounds.said` puts before and after."""


Heard = Callable[[Samples], str]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """What Whisper base makes of audio."""
    from faster_whisper import WhisperModel

    path = catalog.asr("base", tmp_path_factory.mktemp("cache"))
    whisper = WhisperModel(str(path), device="cpu", compute_type="int8")

    def transcript(audio: Samples) -> str:
        segments, _ = whisper.transcribe(audio, language="en", beam_size=1, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)

    return transcript


def echo_of(sound: Samples) -> Samples:
    """The same through a room, a quarter of a second of it, and a noisy microphone."""
    chance = np.random.default_rng(2)
    response = chance.standard_normal(SAMPLE_RATE // 4) * 0.04 * np.exp(-np.arange(SAMPLE_RATE // 4) / 1600)
    response[:200] = 0
    response[0] = 1
    found = np.convolve(sound, response)[: len(sound)]
    made: Samples = (found / np.abs(found).max() * QUIET + chance.standard_normal(len(sound)) * 0.001).astype(
        np.float32
    )
    return made


def guard(text: str, seconds: float) -> Echo:
    made = Echo()
    made.translated(1, "en", text)
    made.played(1, "en", 0.3, seconds)
    return made


@pytest.mark.parametrize("text", PLAYED)
def test_what_is_played_is_known_again(heard: Heard, text: str) -> None:
    sound = sounds.said(text)
    length = len(sound) / SAMPLE_RATE
    transcript = heard(echo_of(sound))
    assert guard(text, length - AROUND_S).is_echo(transcript, 0.0, length), transcript


@pytest.mark.parametrize("said", BARGE_IN)
def test_who_speaks_over_it_is_heard(heard: Heard, said: str) -> None:
    over = sounds.said(said)
    sound = sounds.said(PLAYED[1])
    transcript = heard(over + echo_of(sound)[: len(over)])
    assert not guard(PLAYED[1], len(sound) / SAMPLE_RATE).is_echo(transcript, 0.0, len(over) / SAMPLE_RATE), transcript


@pytest.mark.parametrize("name", ["lr_en.wav", "ls_a.flac", "name_fr.wav"])
def test_somebody_else_who_speaks_over_it_is_heard(heard: Heard, recordings: Path, name: str) -> None:
    over = sounds.recorded(recordings / name)
    sound = sounds.said(PLAYED[1])
    transcript = heard(over + echo_of(sound)[: len(over)])
    assert transcript
    assert not guard(PLAYED[1], len(sound) / SAMPLE_RATE).is_echo(transcript, 0.0, len(over) / SAMPLE_RATE), transcript
