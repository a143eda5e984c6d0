from __future__ import annotations

import pytest

from node_runtime.tempo import MEMORY_S, Tempo


def test_nothing_is_told_of_what_was_not_measured() -> None:
    tempo = Tempo()
    tempo.learn("asr/base", 1.0, 0.0)
    assert tempo.rtf == {}


def test_long_and_short_weigh_as_they_cost() -> None:
    tempo = Tempo()
    tempo.learn("asr/base", 0.5, 1.0)
    tempo.learn("asr/base", 0.5, 9.0)
    assert tempo.rtf == {"asr/base": pytest.approx(0.1, rel=0.1)}


def test_the_last_minute_or_so_of_audio_counts() -> None:
    tempo = Tempo()
    for _ in range(100):
        tempo.learn("asr/base", 0.2, 2.0)
    for _ in range(round(MEMORY_S / 2)):
        tempo.learn("asr/base", 0.8, 2.0)
    assert 0.1 + 0.3 * 0.6 < tempo.rtf["asr/base"] < 0.1 + 0.3 * 0.7
    for _ in range(200):
        tempo.learn("asr/base", 0.8, 2.0)
    assert tempo.rtf["asr/base"] == pytest.approx(0.4, rel=0.01)


def test_each_stage_and_model_is_by_itself() -> None:
    tempo = Tempo()
    tempo.learn("speech/joe", 0.1, 1.0)
    tempo.learn("asr/base", 0.2, 1.0)
    assert tempo.rtf == {"asr/base": 0.2, "speech/joe": 0.1}
