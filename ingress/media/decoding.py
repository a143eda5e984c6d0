"""Strangers' media, decoded: `opened` gives a file's sound as PCM16 mono 16 kHz, with speech probabilities.

    async with opened(path, limits, spare) as audio:
        async for stretch in audio: ...     # about a second each

The work is done by a process for each file (`ingress.media.child`), which may crash, hang or be lied to without harm
to anybody else. It works only as fast as it is listened to. Leaving the block, for whatever reason, kills it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from ingress.media import frames
from ingress.media.errors import KINDS, MediaBomb, MediaStalled, MediaUnreadable
from ingress.media.limits import Limits
from ingress.media.spare import Spare, end, launch
from wire import pipes
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.errors import DragomanError, ModelMissing
from wire.log import get

log = get(__name__)

LAST_BREATH_S = 2.0


class Stretch(NamedTuple):
    """About a second (the last is shorter): `pcm` is PCM16 little endian mono at 16 kHz, `speech` a byte, 0..255, for
    the speech probability of each 512 samples that are complete."""

    pcm: bytes
    speech: bytes


class Audio:
    """A file's sound, as an async iterator of Stretch that can be read once. Reading raises MediaError."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits, found: frames.Found) -> None:
        self._process = process
        self._limits = limits
        self._samples = 0
        self._read = 0.0
        self._finished = False
        self.container = found.container
        """FFmpeg's name of the file's form ("wav", "mov,mp4,m4a,3gp,3g2,mj2", …)."""
        self.codec = found.codec
        self.duration = found.seconds
        """Seconds, as the file says; None where it does not say, and not to be relied on."""
        self.sample_rate = found.sample_rate
        self.channels = found.channels

    @property
    def seconds(self) -> float:
        """Decoded so far; in the end, all there were."""
        return self._samples / SAMPLE_RATE

    @property
    def done(self) -> float:
        """How far it is, 0 to 1: by time where the file's duration is known, else by the bytes that were read."""
        if self._finished:
            return 1.0
        return min(1.0, self.seconds / self.duration) if self.duration else self._read

    def __aiter__(self) -> AsyncIterator[Stretch]:
        return self

    async def __anext__(self) -> Stretch:
        if self._finished:
            raise StopAsyncIteration
        match await _next(self._process, self._limits):
            case frames.Decoded(pcm=pcm, speech=speech, read=read):
                self._samples += len(pcm) // BYTES_PER_SAMPLE
                self._read = read
                return Stretch(pcm, speech)
            case frames.Finished():
                self._finished = True
                raise StopAsyncIteration
            case other:
                raise _out_of_turn(other)


@contextlib.asynccontextmanager
async def opened(path: Path, limits: Limits | None = None, spare: Spare | None = None) -> AsyncIterator[Audio]:
    """The sound of the file at `path`. A process that waits in `spare` is used, and replaced.

    Raises MediaError where it is none, ModelMissing where the process cannot work here.
    """
    limits = limits or Limits()
    process = await spare.take() if spare else await launch()
    try:
        await _ask(process, frames.Decode(path=str(path), limits=limits))
        match await _next(process, limits):
            case frames.Found() as found:
                yield Audio(process, limits, found)
            case other:
                raise _out_of_turn(other)
    finally:
        await end(process)
        if spare:
            await spare.fill()


async def _ask(process: asyncio.subprocess.Process, asked: frames.Decode) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # reading will tell
        process.stdin.write(pipes.pack(frames.body(asked)))
        await process.stdin.drain()


async def _next(process: asyncio.subprocess.Process, limits: Limits) -> frames.ToParent:
    """What the child says next. Raises what it refuses the file for, or what its silence or its death means."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limits.stall_s):
            body = await pipes.receive(process.stdout, frames.MAX_FRAME)
            frame = None if body is None else frames.told(body)
    except TimeoutError as error:
        raise MediaStalled(f"decoding the file has not got on for {limits.stall_s:.0f} s: it is given up") from error
    except ValueError as error:
        log.error("the decoding process sent no frame", error=str(error))
        raise MediaUnreadable("the file makes the decoder fail: it is damaged") from error
    if frame is None:
        raise await _death(process)
    if isinstance(frame, frames.Refused):
        raise _refusal(frame)
    return frame


def _refusal(frame: frames.Refused) -> DragomanError:
    if frame.code == ModelMissing.code:
        return ModelMissing(frame.message)
    return KINDS.get(frame.code, MediaUnreadable)(frame.message)


async def _death(process: asyncio.subprocess.Process) -> DragomanError:
    """What it means that the child ended without a word."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_BREATH_S):
            await process.wait()
    code = await end(process)
    log.warning("a decoding process died", how=pipes.obituary(code))
    if code == -signal.SIGXCPU:
        return MediaBomb("decoding the file takes far longer than a recording of its size should")
    return MediaUnreadable(f"the file makes the decoder fail ({pipes.obituary(code)}): it is damaged")


def _out_of_turn(frame: frames.ToParent) -> MediaUnreadable:
    log.error("the decoding process spoke out of turn", frame=type(frame).__name__)
    return MediaUnreadable("the file makes the decoder fail: it is damaged")
