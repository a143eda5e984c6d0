from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ingress.resample import Resampler

RATES = (8_000, 11_025, 22_050, 24_000, 44_100, 48_000)


def tone(rate: int, seconds: float = 2.0, hertz: float = 440.0, level: float = 10_000) -> npt.NDArray[np.int16]:
    made: npt.NDArray[np.int16] = (np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * hertz / rate) * level).astype(
        np.int16
    )
    return made


def through(rate: int, audio: npt.NDArray[np.int16], piece: int) -> npt.NDArray[np.int16]:
    resampler = Resampler(rate)
    pieces = [resampler.feed(audio[at : at + piece].tobytes()) for at in range(0, len(audio), piece)]
    return np.concatenate([*pieces, resampler.finish()])


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_length_pitch_and_level(rate: int) -> None:
    heard = through(rate, tone(rate), rate // 10)
    assert abs(len(heard) - 32_000) <= 2
    expected = tone(16_000)[1000:-1000].astype(float)
    best = min(np.abs(heard[1000 + shift :][: len(expected)] - expected).max() for shift in (-1, 0, 1))
    assert best < 200


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_pieces_make_no_seams(rate: int) -> None:
    audio = tone(rate, hertz=1000)
    whole, odd = through(rate, audio, len(audio)), through(rate, audio, 777)
    assert len(whole) == len(odd)
    assert np.abs(whole.astype(int) - odd).max() <= 2  # dither


def test_what_16_khz_cannot_hold_is_filtered_out() -> None:
    heard = through(48_000, tone(48_000, hertz=12_000), 4800)
    assert np.abs(heard[2000:-2000].astype(int)).max() < 30


def test_16_khz_passes_untouched() -> None:
    audio = tone(16_000)
    assert through(16_000, audio, 1600).tobytes() == audio.tobytes()
    assert len(Resampler(16_000).finish()) == 0


def test_full_scale_is_clipped_and_does_not_wrap_around() -> None:
    square = np.where(tone(44_100, hertz=200) >= 0, 32_767, -32_768).astype(np.int16)
    heard = through(44_100, square, 4410)[2000:-2000].astype(int)
    expected = through(44_100, (square // 2).astype(np.int16), 4410)[2000:-2000].astype(int)
    assert (np.sign(heard[np.abs(expected) > 4000]) == np.sign(expected[np.abs(expected) > 4000])).all()


def test_no_audio_at_all() -> None:
    for rate in (16_000, 44_100):
        resampler = Resampler(rate)
        assert len(resampler.feed(b"")) == 0
        assert len(resampler.finish()) == 0
