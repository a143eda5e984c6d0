"""The speech of one language, as one sound file that keeps time with the recording.

Each utterance begins when the original does, or when the one before has ended; what lies between is silence. The file
is written as utterances come, in order, so that hours of it are never in memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr

from ingress.media.encoding import SAMPLE_RATE, Encoder

SILENCE = bytes(2 * 10 * SAMPLE_RATE)


class Track:
    """An mp3 file, mono. It computes: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._encoder = Encoder("mp3", SAMPLE_RATE)
        self._at = 0  # samples so far

    def add(self, start: float, pcm: bytes, sample_rate: int) -> tuple[float, float]:
        """An utterance that begins at `start` seconds of the recording, PCM16 mono. Returns where it begins and ends in
        the file, in seconds."""
        samples = np.frombuffer(pcm, "<i2")
        if sample_rate != SAMPLE_RATE:
            samples = soxr.resample(samples, sample_rate, SAMPLE_RATE)
        self._pad(round(start * SAMPLE_RATE))
        begin = self._at
        self._file.write(self._encoder.feed(samples.astype("<i2").tobytes()))
        self._at += len(samples)
        return round(begin / SAMPLE_RATE, 3), round(self._at / SAMPLE_RATE, 3)

    def finish(self, end: float) -> None:
        """Silence up to the end of the recording, at `end` seconds, if it has not been reached."""
        self._pad(round(end * SAMPLE_RATE))
        self._file.write(self._encoder.finish())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()

    def _pad(self, until: int) -> None:
        while self._at < until:
            count = min(until - self._at, len(SILENCE) // 2)
            self._file.write(self._encoder.feed(SILENCE[: 2 * count]))
            self._at += count
