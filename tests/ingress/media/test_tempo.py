from __future__ import annotations

import numpy as np
import pytest

from ingress.media.tempo import Tempo

RATE = 24_000


def tone(seconds: float) -> bytes:
    times = np.arange(round(seconds * RATE)) / RATE
    made: bytes = (8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes()
    return made


@pytest.mark.parametrize("factor", [0.25, 0.4, 0.5, 0.9, 1.0, 1.7, 2.0, 3.0, 4.0])
def test_it_lasts_as_long_as_it_should_and_keeps_its_pitch(factor: float) -> None:
    tempo, sound = Tempo(RATE, factor), tone(6)
    pieces = [tempo.feed(sound[at : at + 4_000]) for at in range(0, len(sound), 4_000)]
    assert sum(map(len, pieces[: len(pieces) // 2])) > 0  # it comes as it goes in
    made = np.frombuffer(b"".join(pieces) + tempo.finish(), "<i2")
    assert len(made) / RATE == pytest.approx(6 / factor, rel=0.02, abs=0.06)
    spectrum = np.abs(np.fft.rfft(made[:RATE].astype(float)))
    assert abs(int(spectrum.argmax()) * RATE / min(len(made), RATE) - 440) < 8


def test_nothing_comes_of_nothing() -> None:
    tempo = Tempo(RATE, 2.0)
    assert tempo.feed(b"") + tempo.finish() == b""
