from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from node_runtime import catalog
from node_runtime.engines.base import PacedVoice, Sound
from node_runtime.engines.piper import Piper, language_of, sayable
from tests.node_runtime import sounds
from wire.errors import ModelMissing

pytestmark = pytest.mark.models


def test_each_sentence_comes_by_itself() -> None:
    speaking = sounds.voice().speak("Good morning. How are you today? See you soon.")
    first = next(speaking)
    assert first.sample_rate == 22_050
    assert 0.5 < len(first.pcm) / 2 / first.sample_rate < 3
    assert np.abs(np.frombuffer(first.pcm, "<i2")).max() > 3000
    assert len(list(speaking)) == 2


def test_a_long_sentence_is_heard_before_all_of_it_is_made() -> None:
    speaking = sounds.voice().speak(
        "Today we are going to speak of translation, in particular of one that takes your voice from French to English."
    )
    first, rest = speaking
    assert 1 < seconds([first]) < 4
    assert seconds([rest]) > seconds([first])


def test_pace_changes_how_long_it_takes() -> None:
    text = "The ship came home early in the morning. " * 4
    usual, fast, slow = (seconds(sounds.voice().speak_at(pace, text)) for pace in (1.0, 1.25, 0.77))
    assert fast < 0.95 * usual
    assert slow > 1.1 * usual
    assert isinstance(sounds.voice(), PacedVoice)


def test_a_voice_is_told_no_more_than_it_can_say() -> None:
    text = "The ship came home early in the morning. "
    slow, usual, fast, faster = (seconds(sounds.voice().speak_at(pace, text)) for pace in (0.25, 1.0, 2.5, 4.0))
    assert slow > 2.5 * usual
    assert fast < 0.75 * usual
    assert faster == pytest.approx(fast, rel=0.1)


def seconds(made: Iterable[Sound]) -> float:
    return sum(len(sound.pcm) / 2 / sound.sample_rate for sound in made)


def test_what_cannot_be_said_makes_no_sound() -> None:
    assert list(sounds.voice().speak("…")) == []
    assert list(sounds.voice().speak("  ")) == []


def test_speech_is_never_taken_for_phonemes() -> None:
    assert "[[" not in sayable("press [[ enter ]] now")
    assert list(sounds.voice().speak("press [[ enter ]] now"))


def test_the_packaged_voice_is_english() -> None:
    assert sounds.voice().language == "en"


@pytest.mark.parametrize(
    ("description", "language"),
    [
        ({"language": {"code": "de_DE", "family": "de"}}, "de"),
        ({"language": {"code": "pt_BR"}}, "pt"),
        ({"espeak": {"voice": "en-us"}}, "en"),
        ({"espeak": {"voice": "fr"}}, "fr"),
    ],
)
def test_language_of(description: dict[str, dict[str, str]], language: str) -> None:
    assert language_of(description) == language


def test_broken_voices_say_what_is_wrong(tmp_path: Path) -> None:
    real = catalog.voice("en_US-joe-medium", tmp_path)
    model, described = tmp_path / "v.onnx", tmp_path / "v.onnx.json"
    with pytest.raises(ModelMissing, match=r"v\.onnx"):
        Piper("v", model, "cpu", 1)
    model.write_bytes(b"no model")
    with pytest.raises(ModelMissing, match=r"v\.onnx\.json"):
        Piper("v", model, "cpu", 1)
    described.write_text("{")
    with pytest.raises(ModelMissing, match="cannot be read"):
        Piper("v", model, "cpu", 1)
    config = json.loads(real.with_name(real.name + ".json").read_text())
    described.write_text(json.dumps(config))
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        Piper("v", model, "cpu", 1)
    described.write_text(json.dumps({**config, "phoneme_type": "pinyin"}))
    with pytest.raises(ModelMissing, match="pinyin"):
        Piper("v", model, "cpu", 1)
