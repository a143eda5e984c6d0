"""Audio files for tests, made here."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path


def tone(seconds: float, rate: int = 16_000) -> bytes:
    """PCM16 mono, 440 Hz."""
    return array("h", (round(8000 * math.sin(2764.6 * i / rate)) for i in range(round(seconds * rate)))).tobytes()


def wav(path: Path, seconds: float, rate: int = 16_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        mono = array("h", tone(seconds, rate))
        file.writeframes(array("h", (sample for sample in mono for _ in range(channels))).tobytes())
    return path
