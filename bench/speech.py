"""What is said in the measurements: recordings beside the project, or else a voice of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cli import media
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.env import NodeSettings

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"
NAMES = ("jfk.flac", "fr_intro.mp3")
SAID = (
    "The ship had left the harbour before the storm began. Nobody on board had slept that night.",
    "In the morning the captain counted his men, and none was missing.",
)
PAUSE_S = 1.2


async def recorded(path: Path) -> bytes:
    """PCM16 mono 16 kHz of an audio file. Raises AudioUnreadable."""
    with media.opened(path) as audio:
        return b"".join([chunk async for chunk in audio.chunks])


async def usual() -> dict[str, bytes]:
    """Name -> PCM16 mono 16 kHz: the recordings that are there, or else something that the packaged voice says."""
    found = {name: await recorded(RECORDINGS / name) for name in NAMES if (RECORDINGS / name).is_file()}
    return found or {"piper": spoken()}


def spoken(said: Sequence[str] = SAID, pause_s: float = PAUSE_S) -> bytes:
    """PCM16 mono 16 kHz of these sentences, with pauses around them. Raises ModelMissing without the packaged voice."""
    pause = bytes(round(pause_s * SAMPLE_RATE) * BYTES_PER_SAMPLE)
    return pause + b"".join(sentence + pause for sentence in sentences(said))


def sentences(said: Sequence[str]) -> list[bytes]:
    """PCM16 mono 16 kHz of each of them, without any pause. Raises ModelMissing without the packaged voice."""
    import soxr

    from node_runtime import catalog
    from node_runtime.engines.piper import Piper

    name = NodeSettings().voices[0]
    voice = Piper(name, catalog.voice(name, Path()), "cpu", 1)
    return [
        b"".join(
            soxr.resample(np.frombuffer(sound.pcm, "<i2"), sound.sample_rate, SAMPLE_RATE).astype("<i2").tobytes()
            for sound in voice.speak(each)
        )
        for each in said
    ]


def room(seconds: float) -> bytes:
    """PCM16 mono 16 kHz of a quiet room, in which nobody speaks."""
    noise = np.random.default_rng(1).normal(0, 30, round(seconds * SAMPLE_RATE))
    return noise.astype("<i2").tobytes()


def pieces(pcm: bytes, seconds: float) -> list[bytes]:
    """Whole pieces of `seconds` each."""
    size = round(seconds * SAMPLE_RATE) * BYTES_PER_SAMPLE
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
