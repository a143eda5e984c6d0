"""The speech that came back, as WAV files: one for each target, in the order in which it would be played."""

from __future__ import annotations

import contextlib
import os
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soxr

from cli.events import SpeechFrame
from wire.errors import ClientError

USUAL_RATE = 22_050


def paths(path: Path, targets: Sequence[str]) -> dict[str, Path]:
    """`out.wav` for one target; `out.en.wav`, `out.de.wav` for several. Raises ClientError where none can be made."""
    folder = path.parent
    if not folder.is_dir():
        raise ClientError(f"--save-speech {path}: there is no directory {folder}")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise ClientError(f"--save-speech {path}: nothing can be written there")
    if len(targets) == 1:
        return {targets[0]: path}
    return {target: path.with_name(f"{path.stem}.{target}{path.suffix}") for target in targets}


class SpeechFiles:
    """Each file has the rate of its first frame; a voice with another rate is resampled."""

    def __init__(self, files: dict[str, wave.Wave_write]) -> None:
        self._files = files
        self._rates: dict[str, int] = {}

    def write(self, frame: SpeechFrame) -> None:
        file = self._files.get(frame.target)
        if file is None:
            return
        if frame.target not in self._rates:
            self._rates[frame.target] = frame.sample_rate
            file.setframerate(frame.sample_rate)
        rate, pcm = self._rates[frame.target], frame.pcm
        if frame.sample_rate != rate:
            pcm = soxr.resample(np.frombuffer(pcm, "<i2"), frame.sample_rate, rate).astype("<i2").tobytes()
        file.writeframes(pcm)


@contextlib.contextmanager
def saving(chosen: dict[str, Path]) -> Iterator[SpeechFiles]:
    """Raises ClientError where a file cannot be written."""
    with contextlib.ExitStack() as stack:
        files = {}
        for target, path in chosen.items():
            try:
                opened = stack.enter_context(path.open("wb"))
            except OSError as error:
                raise ClientError(f"--save-speech {path}: {error.strerror or error}") from error
            file = stack.enter_context(wave.open(opened, "wb"))
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(USUAL_RATE)
            files[target] = file
        yield SpeechFiles(files)
