"""Dragoman's own PCM in the forms that programs ask for, as a stream: bytes come out as soon as the form allows.

    mp3     MPEG-2 layer III, 64 kbit/s     opus    in Ogg, 32 kbit/s       aac     in ADTS, 64 kbit/s
    flac    lossless                        wav     PCM16, length unknown   pcm     PCM16, no header

All are mono at 24 kHz. A stream's length is not known when its header is written: WAV says as much as it can (RFC 2361
has no word for it, players read on to the end), FLAC says that it does not know.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import soxr

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: tuple[Format, ...] = get_args(Format)

SAMPLE_RATE = 24_000
"""Hz, of everything that comes out."""

CONTENT_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

SHORTEST = SAMPLE_RATE // 50
"""A compressed file of no length is none: where nothing was said, it has so many samples of silence."""

_UNKNOWN = 0xFFFF_FFFF
_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CODECS: dict[str, tuple[str, str, int, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"}),
    "opus": ("ogg", "libopus", 32_000, {"page_duration": "200000"}),
    "aac": ("adts", "aac", 64_000, {}),
    "flac": ("flac", "flac", 0, {}),
}
"""Muxer, encoder, bit rate, and what the muxer is told."""


def wav_header(samples: int | None = None, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Of PCM16 mono; None where nobody knows yet how many samples there will be."""
    size = _UNKNOWN if samples is None else 2 * samples
    whole = _UNKNOWN if samples is None else size + _WAV_HEADER.size - 8
    return _WAV_HEADER.pack(
        b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16, b"data", size
    )


class Encoder:
    """PCM16 little endian mono at `sample_rate` Hz -> bytes of `format`. Feed it, then finish it, once."""

    def __init__(self, format: Format, sample_rate: int) -> None:
        self._rate: Any = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="int16")
        if sample_rate == SAMPLE_RATE:
            self._rate = None
        self._packed = _Packed(*_CODECS[format]) if format in _CODECS else None
        self._head = wav_header() if format == "wav" else b""

    def feed(self, pcm: bytes) -> bytes:
        """Whole samples. What is ready of them, which may be nothing yet."""
        samples: npt.NDArray[np.int16] = np.frombuffer(pcm, "<i2")
        return self._pack(samples if self._rate is None else self._rate.resample_chunk(samples))

    def finish(self) -> bytes:
        """The rest."""
        nothing = np.empty(0, np.int16)
        rest = self._pack(nothing if self._rate is None else self._rate.resample_chunk(nothing, last=True))
        return rest + self._packed.finish() if self._packed else rest

    def _pack(self, samples: npt.NDArray[np.int16]) -> bytes:
        if self._packed:
            return self._packed.feed(samples)
        head, self._head = self._head, b""
        return head + samples.astype("<i2", copy=False).tobytes()


class _Sink:
    """A file that can only be written to: what has been written is taken away."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


class _Packed:
    """An encoder and its container, at 24 kHz."""

    def __init__(self, muxer: str, codec: str, bit_rate: int, options: dict[str, str]) -> None:
        import av  # FFmpeg: an ingress that makes no such sound does without

        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format=muxer, container_options={"flush_packets": "1", **options})
        stream = self._container.add_stream(codec, rate=SAMPLE_RATE)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        if bit_rate:
            stream.bit_rate = bit_rate
        self._stream = stream
        self._samples = 0

    def feed(self, samples: npt.NDArray[np.int16]) -> bytes:
        if len(samples):
            from av import AudioFrame

            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.time_base = Fraction(1, SAMPLE_RATE)
            frame.pts = self._samples
            self._samples += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        if not self._samples:
            self.feed(np.zeros(SHORTEST, np.int16))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()
