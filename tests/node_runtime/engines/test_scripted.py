from __future__ import annotations

import time

import numpy as np
import pytest

from node_runtime.engines import scripted
from node_runtime.engines.base import Ask, Heard, PacedVoice
from tests.node_runtime import sounds
from wire.errors import EngineError


def test_the_text_follows_from_the_audio() -> None:
    engines = scripted.engines(0.01)
    found = engines.ear.listen(sounds.white(2.0)).transcribe(Ask("fr"))
    assert found == Heard(scripted.transcript(2.0), "fr", 0.9, 0.9)
    assert engines.ear.listen(sounds.silence(2.0)).transcribe(Ask("fr")) == "no_speech"


def test_long_pieces_all_read_differently_and_the_same_each_time() -> None:
    ear = scripted.engines(0.0001).ear
    piece = sounds.white(20.0)
    texts = {str(ear.listen(audio).transcribe(Ask("fr"))) for audio in (piece, piece.copy(), -piece, piece[::-1])}
    assert len(texts) == 3
    assert scripted.transcript_of(piece).startswith(scripted.transcript(20.0))


def test_a_sketch_has_as_many_words_as_could_be_said_and_the_same_each_time() -> None:
    ear = scripted.engines(0.01).ear
    texts = []
    for seconds in (0.1, 0.5, 0.8, 2.0):
        found = ear.listen(sounds.white(seconds)).sketch(Ask("en"))
        assert isinstance(found, Heard)
        texts.append(found.text)
    assert texts == ["I", "I heard", "I heard 0.8 seconds", scripted.transcript(2.0)]
    assert ear.listen(sounds.silence(2.0)).sketch(Ask()) == "no_speech"


def test_words_have_times_where_they_are_asked_for() -> None:
    found = scripted.engines(0.01).ear.listen(sounds.white(3.0)).transcribe(Ask(timed=True))
    assert isinstance(found, Heard)
    assert [word.text for word in found.words] == found.text.split()
    assert (found.words[0].start, found.words[-1].end) == (0.0, 3.0)


def test_the_language_is_french_or_what_is_said_of_it() -> None:
    assert scripted.language(Ask()) == "fr"
    assert scripted.language(Ask("ko")) == "ko"
    assert scripted.language(Ask(between=("en", "fr"))) == "fr"
    assert scripted.language(Ask(between=("en", "de"))) == "en"


def test_it_takes_the_time_it_was_told_to() -> None:
    engines = scripted.engines(0.1)
    since = time.perf_counter()
    engines.ear.listen(sounds.white(2.0)).transcribe(Ask("fr"))
    assert 0.19 < time.perf_counter() - since < 0.6


def test_a_prompt_orders_a_fault() -> None:
    with pytest.raises(EngineError, match="told to"):
        scripted.engines(0.01).ear.listen(sounds.white(0.1)).transcribe(Ask("fr", "fail"))


def test_a_mark_in_the_audio_orders_a_fault_wherever_it_stands() -> None:
    ear = scripted.engines(0.01).ear
    sound = np.frombuffer(sounds.pcm(sounds.white(0.5)), "<i2")
    for order in scripted.ORDERS:
        mark = np.frombuffer(scripted.marked(order), "<i2")
        marked = np.concatenate([sound[:1001], mark, sound]).astype(np.float32) / np.float32(32768)
        assert scripted.ordered(marked) == order
        if order == "fail":
            with pytest.raises(EngineError, match="told to"):
                ear.listen(marked).transcribe(Ask("fr"))
    assert scripted.ordered(sounds.white(1.0)) == ""
    half = np.frombuffer(scripted.MARK, "<i2").astype(np.float32) / np.float32(32768)
    assert scripted.ordered(half) == ""


def test_every_language_is_translated_and_spoken() -> None:
    engines = scripted.engines(0.01)
    assert engines.targets()["en"] == ["*"]
    interpreter, voice = engines.interpreter("fr", "de"), engines.voice("de")
    assert interpreter is not None
    assert interpreter.translate("un", "fr", "de") == "[de] un"
    assert voice is not None
    assert isinstance(voice, PacedVoice)
    assert sum(len(sound.pcm) for sound in voice.speak("one two")) == 2 * int(0.4 * scripted.SPEECH_RATE)
    assert sum(len(sound.pcm) for sound in voice.speak_at(0.5, "one two")) == 2 * int(0.8 * scripted.SPEECH_RATE)
