"""Audio facts that every process agrees on. Inside Dragoman audio is PCM16, little endian, mono, 16 kHz."""

from __future__ import annotations

SAMPLE_RATE = 16_000
"""Hz, everywhere between the ingress and the engines (Whisper's and Silero's rate)."""

BYTES_PER_SAMPLE = 2

FRAME_SAMPLES = 512
"""Samples in one speech-probability frame: 32 ms (what Silero VAD v5 and v6 take at 16 kHz)."""

FRAME_BYTES = FRAME_SAMPLES * BYTES_PER_SAMPLE
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE

MIN_CLIENT_RATE = 8_000
MAX_CLIENT_RATE = 48_000


def seconds(samples: int) -> float:
    """Duration in seconds of `samples` at 16 kHz."""
    return samples / SAMPLE_RATE


def samples(duration: float) -> int:
    """Samples at 16 kHz in `duration` seconds, rounded."""
    return round(duration * SAMPLE_RATE)
