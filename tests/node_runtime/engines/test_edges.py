from __future__ import annotations

import numpy as np
import pytest

from node_runtime.engines.base import Samples
from node_runtime.engines.edges import BREATH_S, trimmed
from tests.node_runtime import sounds
from wire.options import Word

SILENCE, SOUND = sounds.silence(1.0), sounds.hum(1.0)


def spoken(*parts: Samples, noise: float = 0.0) -> Samples:
    whole: Samples = np.concatenate(parts)
    return whole + sounds.white(len(whole) / 16_000, noise) if noise else whole


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.005])
def test_silence_around_a_word_is_not_its_own(noise: float) -> None:
    audio = spoken(SILENCE, SOUND, SILENCE, SILENCE, SOUND, SILENCE, noise=noise)
    one, two = trimmed([Word("one", 0.0, 2.6), Word("two", 2.6, 6.0)], audio)
    assert (one.start, one.end) == pytest.approx((1 - BREATH_S, 2 + BREATH_S), abs=0.021)
    assert (two.start, two.end) == pytest.approx((4 - BREATH_S, 5 + BREATH_S), abs=0.021)


def test_a_word_with_a_pause_inside_is_where_there_is_more_of_it() -> None:
    click, speech = sounds.hum(0.1), sounds.hum(0.4)
    audio = spoken(SILENCE, click, SILENCE, speech, SILENCE)
    (word,) = trimmed([Word("one", 0.9, 3.0)], audio)
    assert (word.start, word.end) == pytest.approx((2.1 - BREATH_S, 2.5 + BREATH_S), abs=0.021)


def test_words_in_the_midst_of_speech_stay_as_they_are() -> None:
    audio = spoken(SILENCE, SOUND, SOUND, SILENCE)
    words = (Word("one", 1.2, 1.8), Word("two", 1.8, 2.5))
    assert trimmed(words, audio) == words


def test_in_noise_nothing_is_silent() -> None:
    words = (Word("one", 0.0, 1.5), Word("two", 1.5, 3.0))
    assert trimmed(words, sounds.white(3.0)) == words
    assert trimmed(words, spoken(SILENCE, SILENCE, SILENCE)) == words
    assert trimmed((), sounds.silence(0)) == ()


def test_a_word_said_in_silence_or_hardly_at_all_is_left_alone() -> None:
    audio = spoken(SILENCE, SOUND, SILENCE)
    words = (Word("whispered", 0.2, 0.8), Word("short", 1.2, 1.21), Word("late", 2.9, 3.4))
    assert trimmed(words, audio) == words
