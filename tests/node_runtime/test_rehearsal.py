from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from node_runtime.engines import scripted
from node_runtime.engines.base import Samples
from node_runtime.rehearsal import SOUND_S, TEXT, WARM_TEXT, sound, warm_up
from tests.node_runtime.conftest import job
from tests.node_runtime.test_pipeline import PCM, Counting
from wire.audio import SAMPLE_RATE

JOB = job("warmup", 0, PCM, warm_up=True)
COLD = ["prepare", "asr auto", "sketch auto"]
OTHERS = ["english fr", "translate fr de", f"speak {WARM_TEXT}", "translate fr de", f"speak {TEXT}"]


class Windowed(Counting):
    """An ear that computes a window of so many seconds, and one that is slow at first."""

    def __init__(self, window_s: float = 30.0) -> None:
        super().__init__("no_speech")
        self.window_s = window_s
        self.lengths: list[float] = []

    def listen(self, audio: Samples) -> Counting:
        self.lengths.append(len(audio) / SAMPLE_RATE)
        return self


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What each thing that is measured seems to take, in order; a second where the list has ended."""
    took: list[float] = []
    now = [0.0, 0.0]  # reads of the clock, and the time

    def read() -> float:
        now[0] += 1
        if now[0] % 2 == 0:
            now[1] += took.pop(0) if took else 1.0
        return now[1]

    monkeypatch.setattr(time, "perf_counter", read)
    return took


def test_a_warm_up_runs_every_engine() -> None:
    engines = Counting("no_speech")
    assert set(warm_up(JOB, engines.engines())) == {"asr", "translate", "speech/voice"}
    assert engines.calls == COLD + OTHERS


def test_factors_are_by_the_length_of_the_audio_or_of_what_is_said(clock: list[float]) -> None:
    clock += [0.1, 0.4, 0.05, 0.35, 0.7]
    assert warm_up(JOB, Counting("no_speech").engines()) == {"asr": 0.5, "translate": 0.1, "speech/voice": 0.2}


def test_of_ear_and_interpreter_the_slower_counts(clock: list[float]) -> None:
    clock += [0.1, 0.4, 0.25, 0.35]
    assert warm_up(JOB, Counting("no_speech").engines())["translate"] == 0.25


def test_an_ear_with_a_window_is_asked_about_as_much_as_people_say(clock: list[float]) -> None:
    clock += [5.0, 5.0, 0.8, 0.4]
    engines = Windowed()
    found = warm_up(JOB, replace(engines.engines(), interpreters=[], voices=[]))
    assert found == {"asr": 0.1, "translate": 0.05}
    assert engines.lengths == [1.0, SOUND_S]
    assert engines.calls == [*COLD, "asr auto", "english fr"]


def test_nothing_is_asked_about_more_than_the_window() -> None:
    engines = Windowed(2.0)
    warm_up(JOB, engines.engines())
    assert engines.lengths == [1.0, 2.0]


def test_on_a_gpu_the_first_call_says_nothing(clock: list[float]) -> None:
    clock += [5.0, 5.0, 0.2]
    found = warm_up(JOB, replace(Counting("no_speech").engines(), device="cuda"))
    assert found["asr"] == 0.2


def test_it_raises_what_an_engine_raises() -> None:
    engines = Counting()
    engines.german = RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        warm_up(JOB, engines.engines())


def test_scripted_engines_are_as_fast_as_they_are_told() -> None:
    since = time.monotonic()
    found = warm_up(JOB, scripted.engines(0.02))
    assert found["asr"] == pytest.approx(0.02, rel=0.5)
    assert time.monotonic() - since < 1.0


def test_the_sound_is_loud_and_varied() -> None:
    made = sound(2.0)
    assert made.shape == (2 * SAMPLE_RATE,)
    assert made.dtype == np.float32
    assert 0.05 < np.abs(made).max() < 1.0
    assert (made == 0).mean() > 0.2
