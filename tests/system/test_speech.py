"""Real speech through the whole of it, with real models: what was said is what is read and heard."""

from __future__ import annotations

import wave
from pathlib import Path

import jiwer
import numpy as np
import pytest

from tests.cli.command import dragoman
from tests.system.conftest import SAID
from tests.system.stack import Stack, words

pytestmark = pytest.mark.models

FRENCH = (
    "Bonjour à tous. Aujourd'hui, nous allons parler de traduction automatique, en particulier d'un modèle qui vous "
    "permet de traduire votre voix en direct du français vers l'anglais. Il garde un flow naturel et transfère votre "
    "voix à travers les langues, afin que vous puissiez interagir directement avec votre interlocuteur."
)


async def test_speech_comes_out_as_text_in_order(running: Stack, spoken: Path) -> None:
    result = await dragoman("stream", str(spoken), "--url", running.ws, "--source", "en", "--speed", "2", "--json")
    assert result.code == 0, result.complaints
    finals = result.of("transcript.final")
    assert [final["utterance"] for final in finals] == [1, 2, 3]
    assert jiwer.wer(words(" ".join(SAID)), words(" ".join(final["text"] for final in finals))) <= 0.05
    assert [event["n"] for event in result.events if "n" in event] == list(range(1, 6))
    assert result.of("translation.final") == result.of("speech.started") == []
    (summary,) = result.of("summary")
    assert (summary["utterances"], summary["lost"]) == (3, 0)


async def test_jfk_without_a_word_wrong(running: Stack, recordings: Path) -> None:
    result = await dragoman("stream", str(recordings / "jfk.flac"), "--url", running.ws, "--speed", "2", "--json")
    assert result.code == 0, result.complaints
    heard = " ".join(final["text"] for final in result.of("transcript.final"))
    said = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
    assert words(heard) == said


async def test_french_is_read_in_french_and_english_and_heard_in_english(
    running: Stack, recordings: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "english.wav"
    file = str(recordings / "fr_intro.mp3")
    result = await dragoman(
        "stream", file, "--url", running.ws, "--target", "en", "--save-speech", str(saved), "--speed", "1.5", "--json"
    )
    assert result.code == 0, result.complaints
    finals = result.of("transcript.final")
    assert {final["language"] for final in finals} == {"fr"}
    assert jiwer.wer(words(FRENCH), words(" ".join(final["text"] for final in finals))) <= 0.15
    english = " ".join(final["text"] for final in result.of("translation.final"))
    for expected in ("hello", "today", "automatic translation", "voice", "from french to english", "natural flow"):
        assert expected in words(english)
    assert len(result.of("speech.ended")) == len(result.of("translation.final")) == len(finals)
    assert jiwer.wer(words(english), words(heard_back(saved, tmp_path))) <= 0.1


def heard_back(path: Path, cache: Path) -> str:
    """What Whisper makes of a WAV file."""
    from faster_whisper import WhisperModel

    from node_runtime import catalog

    model = WhisperModel(str(catalog.asr("base", cache)), device="cpu", compute_type="int8")
    segments, _ = model.transcribe(str(path), language="en", beam_size=5)
    return " ".join(segment.text for segment in segments)


@pytest.mark.parametrize(
    ("name", "language", "said"),
    [
        ("lr_en.wav", "en", "turn on the living room light"),
        ("lr_es.wav", "es", "enciende la luz del salón"),
        ("lr_ko.wav", "ko", "거실 불 켜줘"),
        ("lr_zh.wav", "zh", "打开客厅的灯"),
        ("name_fr.wav", "fr", "comment t'appelles tu"),
        ("ls_a.flac", "en", "concorde returned to its place amidst the tents"),
    ],
)
async def test_short_sentences_in_many_languages(
    running: Stack, recordings: Path, name: str, language: str, said: str
) -> None:
    result = await dragoman(
        "stream", str(recordings / name), "--url", running.ws, "--source", language, "--speed", "2", "--json"
    )
    assert result.code == 0, result.complaints
    assert words(" ".join(final["text"] for final in result.of("transcript.final"))) == said


async def test_noise_and_silence_say_nothing(running: Stack, tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    samples = np.concatenate([np.zeros(16000), chance.normal(0, 0.2, 5 * 16000), np.zeros(16000)])
    path = tmp_path / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    result = await dragoman("stream", str(path), "--url", running.ws, "--target", "en", "--speed", "4", "--json")
    assert result.code == 0
    assert result.of("transcript.final") == result.of("translation.final") == []


async def test_a_language_that_nobody_serves_is_refused_at_the_start(running: Stack, spoken: Path) -> None:
    result = await dragoman("stream", str(spoken), "--url", running.ws, "--target", "de", "--json")
    assert result.code == 3
    (error,) = result.of("error")
    assert error["code"] == "language_unsupported"
    assert "en" in error["message"]
