from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wire import audio


def test_a_frame_is_what_silero_takes() -> None:
    assert audio.FRAME_SAMPLES == 512
    assert audio.FRAME_SECONDS == 0.032
    assert audio.FRAME_BYTES == 1024


@given(st.integers(0, 16_000 * 3600 * 24))
def test_samples_and_seconds_turn_into_one_another(count: int) -> None:
    assert audio.samples(audio.seconds(count)) == count
