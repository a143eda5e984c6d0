"""The decoding process: `python -m ingress.media`, started and fed by ingress.media.decoding, one for each file.

It loads what it needs, waits for a file's name (for `PATIENCE_S` at most: it may be a spare that nobody needs), gives
up what it may do, and decodes. Writing waits until the parent reads, so nothing piles up here. Whatever goes wrong is
told in a last frame; a crash tells by itself.
"""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ingress.media import frames, sound
from ingress.media.confinement import confine
from ingress.media.errors import MediaBomb, MediaUnreadable
from ingress.media.frames import PIECE_BYTES
from ingress.media.limits import Allowance
from ingress.vad import SpeechMeter, SpeechModel, find_model
from wire import pipes
from wire.errors import DragomanError

PATIENCE_S = 300.0


def main() -> None:
    source, sink = pipes.adopted()
    try:
        model = SpeechModel(find_model())
        rehearse(model)
    except DragomanError as error:
        _tell(sink, frames.Refused(code=error.code, message=str(error)))
        return
    if not select.select([source], [], [], PATIENCE_S)[0] or (body := pipes.read(source)) is None:
        return
    try:
        for frame in decode(frames.asked(body), SpeechMeter(model)):
            _tell(sink, frame)
    except DragomanError as error:
        _tell(sink, frames.Refused(code=error.code, message=str(error)))
    except MemoryError:
        _tell(sink, frames.Refused(code=MediaBomb.code, message=sound.TOO_MUCH_MEMORY))
    except BrokenPipeError:  # nobody wants to hear the rest
        os._exit(0)
    sys.stdout.flush()
    os._exit(0)  # whatever the libraries would still clean up goes with the process


def rehearse(model: SpeechModel) -> None:
    """Decode a second of silence: whatever is imported or loaded at the first use is there afterwards."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as written:
            written.setnchannels(2)
            written.setsampwidth(2)
            written.setframerate(44_100)
            written.writeframes(bytes(4 * 44_100))
        file.seek(0)
        with sound.opened(file) as opened:
            silence = np.concatenate(list(opened.pcm()))
    SpeechMeter(model).measure(silence)


def decode(asked: frames.Decode, meter: SpeechMeter) -> Iterator[frames.Frame]:
    """All that is told about a file. Confines this process."""
    with _file(Path(asked.path)) as file:
        size = os.fstat(file.fileno()).st_size
        allowance = Allowance(asked.limits, size)
        confine(allowance.cpu_s(), asked.limits.memory_mb)
        with sound.opened(file) as opened:
            allowance.check_duration(opened.found.seconds)
            yield opened.found
            for pcm in _pieces(opened, allowance):
                speech = meter.measure(np.frombuffer(pcm, "<i2"))
                yield frames.Decoded(pcm=pcm, speech=speech, read=min(1.0, file.tell() / size))
            yield frames.Finished()


def _pieces(opened: sound.Sound, allowance: Allowance) -> Iterator[bytes]:
    """Of `PIECE_BYTES`, the last one as long as it is."""
    rest = bytearray()
    for samples in opened.pcm():
        allowance.spend(len(samples))
        rest += samples.astype("<i2", copy=False).tobytes()
        while len(rest) >= PIECE_BYTES:
            yield bytes(rest[:PIECE_BYTES])
            del rest[:PIECE_BYTES]
    if rest:
        yield bytes(rest)


def _file(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MediaUnreadable(f"the file cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MediaUnreadable("what was given is a directory, a pipe or a device: send a file")
    return os.fdopen(descriptor, "rb")


def _tell(sink: BinaryIO, frame: frames.Frame) -> None:
    sink.write(pipes.pack(frames.body(frame)))
    sink.flush()
