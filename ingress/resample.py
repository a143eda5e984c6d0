"""Any client sample rate to 16 kHz, as a stream: soxr keeps its filter's state from chunk to chunk.

The filter holds back some milliseconds (15 at 48 kHz, 40 at 44.1 kHz); `finish` lets them out. At 16 kHz there is
nothing to do and nothing is allocated: a soxr stream costs 110 to 190 KB, whatever its quality.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from wire.audio import SAMPLE_RATE

Samples = npt.NDArray[np.int16]

_PCM16 = np.dtype("<i2")


class Resampler:
    """From `rate` Hz to 16 kHz, mono."""

    __slots__ = ("_stream",)

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")

    def feed(self, pcm: bytes) -> Samples:
        """PCM16 little endian at `rate`, whole samples -> int16 (N,) at 16 kHz, N as the filter has it ready."""
        samples: Samples = np.frombuffer(pcm, _PCM16)
        return samples if self._stream is None else self._stream.resample_chunk(samples)

    def finish(self) -> Samples:
        """What the filter still holds. Nothing may be fed afterwards."""
        nothing = np.empty(0, _PCM16)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)
