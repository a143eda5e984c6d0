"""Any sample rate to another, as a stream: soxr keeps its filter's state from chunk to chunk.

The filter holds back some milliseconds (15 at 48 kHz, 40 at 44.1 kHz); `finish` lets them out. A soxr stream costs 110
to 190 KB, whatever its quality: it is made with the first audio, and where there is nothing to do, never.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from wire.audio import SAMPLE_RATE

Samples = npt.NDArray[np.int16]

_PCM16 = np.dtype("<i2")


class Resampler:
    """From `rate` Hz to `to` Hz, mono; usually those of a client to Dragoman's."""

    __slots__ = ("_rate", "_stream", "_to")

    def __init__(self, rate: int, to: int = SAMPLE_RATE) -> None:
        self._rate, self._to = rate, to
        self._stream: Any = None

    def feed(self, pcm: bytes) -> Samples:
        """PCM16 little endian at `rate`, whole samples -> int16 (N,) at `to` Hz, N as the filter has it ready."""
        samples: Samples = np.frombuffer(pcm, _PCM16)
        if self._rate == self._to:
            return samples
        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, self._to, 1, dtype="int16")
        made: Samples = self._stream.resample_chunk(samples)
        return made

    def finish(self) -> Samples:
        """What the filter still holds. Nothing may be fed afterwards."""
        nothing = np.empty(0, _PCM16)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)
