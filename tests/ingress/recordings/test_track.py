from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from ingress.media.encoding import SAMPLE_RATE
from ingress.recordings.track import Track
from tests.ingress.recordings.scribe import sound


def heard(path: Path) -> npt.NDArray[np.float64]:
    """How loud each tenth of a second is."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    samples = np.concatenate(frames).astype(np.float64)
    tenths = samples[: len(samples) // 2400 * 2400].reshape(-1, 2400)
    loud: npt.NDArray[np.float64] = np.sqrt((tenths**2).mean(axis=1))
    return loud


def test_each_utterance_is_where_the_original_was_or_behind_the_one_before(tmp_path: Path) -> None:
    track = Track(tmp_path / "en.mp3")
    assert track.add(1.0, sound(1.0, 22_050), 22_050) == (1.0, 2.0)
    assert track.add(1.5, sound(0.5, 16_000), 16_000) == (2.0, 2.5)
    assert track.add(4.0, sound(0.5, SAMPLE_RATE), SAMPLE_RATE) == (4.0, 4.5)
    track.finish(6.0)
    loud = heard(tmp_path / "en.mp3") > 0.05
    assert len(loud) == pytest.approx(60, abs=2)
    expected = [10 <= tenth < 25 or 40 <= tenth < 45 for tenth in range(60)]
    wrong = sum(bool(is_loud) is not should for is_loud, should in zip(loud, expected, strict=False))
    assert wrong <= 6  # an encoder begins some hundredths late


def test_the_same_speech_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        track = Track(tmp_path / name)
        track.add(0.3, sound(0.7, 22_050), 22_050)
        track.finish(30.0)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_speech_that_is_longer_than_the_recording_is_not_cut(tmp_path: Path) -> None:
    track = Track(tmp_path / "en.mp3")
    track.add(0.0, sound(2.0), 16_000)
    track.finish(1.0)
    assert len(heard(tmp_path / "en.mp3")) == pytest.approx(20, abs=2)
