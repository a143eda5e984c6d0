from __future__ import annotations

import numpy as np

from bench.recordings import as_wav, lengthened
from wire.audio import SAMPLE_RATE


def test_a_long_recording_is_as_long_as_was_asked_and_never_twice_the_same() -> None:
    said = (np.sin(np.arange(2 * SAMPLE_RATE)) * 9000).astype("<i2").tobytes()
    pcm = lengthened(said, 20.0)
    assert len(pcm) == 2 * 20 * SAMPLE_RATE
    assert pcm == lengthened(said, 20.0)
    assert pcm != lengthened(said, 20.0, seed=2)
    pieces = {pcm[start : start + 2000] for start in range(0, len(pcm), 2000)}
    assert len(pieces) == len(pcm) // 2000
    assert len(as_wav(pcm)) == len(pcm) + 44
