"""Recordings for tests, made here by PyAV, and what is wrong with some of them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

KINDS = {
    "a.wav": "pcm_s16le",
    "a.mp3": "libmp3lame",
    "a.flac": "flac",
    "a.ogg": "libopus",
    "a.mp4": "aac",
    "a.webm": "libopus",
    "a.mka": "pcm_mulaw",
}
"""A file's name, and the codec in it."""


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> Samples:
    return (np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * hertz / rate) * 8000).astype(np.int16)


def frequency(pcm: bytes, rate: int = 16_000) -> float:
    samples = np.frombuffer(pcm, "<i2")
    return sum(1 for a, b in itertools.pairwise(samples.tolist()) if a < 0 <= b) * rate / len(samples)


def written(
    path: Path, codec: str, samples: Samples, rate: int = 48_000, channels: int = 1, begins: float = 0.0
) -> Path:
    """`samples` in a file whose form its name says; `begins`: the sound's first timestamp, with a film from 0 on."""
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=5, width=16, height=16) if begins else None
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono" if channels == 1 else "stereo"
        if isinstance(film, av.VideoStream):
            _draw(container, film)
        packed = np.repeat(samples, channels).reshape(1, -1)
        for at in range(0, len(samples), rate):
            frame = av.AudioFrame.from_ndarray(
                packed[:, at * channels : (at + rate) * channels], format="s16", layout=stream.layout.name
            )
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = round(begins * rate) + at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def film(path: Path) -> Path:
    """A second without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5, width=16, height=16)
        assert isinstance(stream, av.VideoStream)
        _draw(container, stream)
    return path


def _draw(container: av.container.OutputContainer, stream: av.VideoStream) -> None:
    for number in range(5):
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts = number
        frame.time_base = Fraction(1, 5)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
