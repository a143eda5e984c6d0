"""Real files, a real process."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingress.media.decoding import Stretch, opened
from ingress.media.frames import PIECE_FRAMES
from ingress.media.spare import Spare
from tests.ingress.media.files import KINDS, frequency, tone, written
from wire.audio import FRAME_BYTES

pytestmark = pytest.mark.models


@pytest.mark.parametrize(("name", "codec"), KINDS.items())
async def test_any_form_becomes_pcm_with_speech_probabilities(
    name: str, codec: str, tmp_path: Path, spare: Spare
) -> None:
    path = written(tmp_path / name, codec, tone(2.5, 48_000), channels=2 if name == "a.mp4" else 1)
    async with opened(path, spare=spare) as audio:
        stretches = [stretch async for stretch in audio]
        assert audio.done == 1.0
        assert audio.seconds == pytest.approx(2.5, abs=0.05)
        assert audio.duration == pytest.approx(2.5, abs=0.1)
        assert (audio.sample_rate, audio.channels) == (48_000, 2 if name == "a.mp4" else 1)
    whole = Stretch(b"".join(each.pcm for each in stretches), b"".join(each.speech for each in stretches))
    assert {len(each.speech) for each in stretches[:-1]} == {PIECE_FRAMES}
    assert len(whole.speech) == len(whole.pcm) // FRAME_BYTES
    assert frequency(whole.pcm) == pytest.approx(440, abs=12)
