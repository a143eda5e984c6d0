"""Audio in, as PCM16 mono 16 kHz: any file that PyAV reads, or raw PCM16 mono 16 kHz on a file descriptor (stdin).

Nothing is read whole: a file is decoded while it is played. `opened` and `piped` look at the beginning, so that a file
that is no audio is refused before anything is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import av.error

from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.errors import AudioUnreadable

CHUNK_S = 0.1
CHUNK_BYTES = round(CHUNK_S * SAMPLE_RATE) * BYTES_PER_SAMPLE

_CONTAINERS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\x1aE\xdf\xa3", b"FORM", b"caff")


class Audio:
    """`chunks` gives it in pieces of 100 ms (the last may be shorter). `seconds` is None where that is not known.

    `live` says that the pieces come as somebody makes them.
    """

    def __init__(self, chunks: AsyncIterator[bytes], seconds: float | None, live: bool) -> None:
        self.chunks = chunks
        self.seconds = seconds
        self.live = live


def duration(pcm: bytes) -> float:
    """Seconds of PCM16 mono at 16 kHz."""
    return len(pcm) / BYTES_PER_SAMPLE / SAMPLE_RATE


# --- files ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Audio]:
    """An audio file (or a film's sound). Raises AudioUnreadable, naming the file and what is wrong with it."""
    try:
        if path.is_dir():
            raise AudioUnreadable(f"{path} is a directory: give an audio file")
        if path.is_file() and path.stat().st_size == 0:
            raise AudioUnreadable(f"{path} is empty")
        container = av.open(str(path), mode="r", metadata_errors="ignore")
    except OSError as error:  # PyAV's errors are OSErrors where the system's are
        raise AudioUnreadable(_unreadable(path, error)) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioUnreadable(_unreadable(path, error)) from error
    with container:
        if not container.streams.audio:
            raise AudioUnreadable(f"{path} has no sound in it")
        pieces = _rechunked(_decoded(container))
        first = next(pieces, b"")
        if not first:
            raise AudioUnreadable(f"{path} has no audio that can be decoded")
        length = container.duration
        seconds = length / av.time_base if length and length > 0 else None
        yield Audio(_in_turns(itertools.chain([first], pieces)), seconds, live=False)


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file {path}"
    if isinstance(error, PermissionError):
        return f"{path} may not be read"
    if isinstance(error, av.error.InvalidDataError):
        return f"{path} is not audio: give a file such as WAV, FLAC, MP3, Ogg or MP4"
    return f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"


def _decoded(container: av.container.InputContainer) -> Iterator[bytes]:
    """A broken packet is skipped, as players do."""
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with contextlib.suppress(av.error.EOFError):
        for packet in _packets(container, stream):
            with contextlib.suppress(av.error.InvalidDataError):
                for frame in stream.decode(packet):
                    for made in resampler.resample(frame):
                        yield made.to_ndarray().tobytes()
    for made in resampler.resample(None):
        yield made.to_ndarray().tobytes()


def _packets(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.Packet[av.AudioStream]]:
    """A file that breaks off ends there."""
    try:
        yield from container.demux(stream)
    except (av.error.InvalidDataError, OSError):
        return


def _rechunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        rest += piece
        while len(rest) >= CHUNK_BYTES:
            yield rest[:CHUNK_BYTES]
            rest = rest[CHUNK_BYTES:]
    if rest:
        yield rest


async def _in_turns(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Decoding 100 ms takes less than a millisecond: it needs no thread."""
    for piece in pieces:
        yield piece


# --- raw ------------------------------------------------------------------------------------------------------------


async def piped(descriptor: int) -> Audio:
    """Raw PCM16 mono 16 kHz as it comes. Raises AudioUnreadable where nothing comes, or where it is plainly not raw."""
    if os.isatty(descriptor):
        raise AudioUnreadable("stdin is a terminal: pipe raw PCM16 mono 16 kHz into it, or name a file")
    pieces = _read(descriptor)
    first = await anext(pieces, b"")
    if not first:
        raise AudioUnreadable("stdin is empty: pipe raw PCM16 mono 16 kHz into it")
    if first.startswith(_CONTAINERS):
        raise AudioUnreadable("stdin is an audio file, not raw PCM16 mono 16 kHz: save it and name the file")
    return Audio(_after(first, pieces), None, live=True)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _read(descriptor: int) -> AsyncIterator[bytes]:
    rest = b""
    data = b"-"
    while data:
        await _until_readable(descriptor)
        data = os.read(descriptor, 65_536)
        rest += data
        while len(rest) >= CHUNK_BYTES:
            yield rest[:CHUNK_BYTES]
            rest = rest[CHUNK_BYTES:]
    if whole := rest[: len(rest) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE]:
        yield whole


async def _until_readable(descriptor: int) -> None:
    """Without a thread, which could not be interrupted."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a plain file, which never keeps anybody waiting
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
