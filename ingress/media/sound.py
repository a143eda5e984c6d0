"""The sound of a file, decoded: whatever PyAV reads, as PCM16 mono 16 kHz. For the decoding process only.

Timestamps count: where the sound of a film begins later than its picture, or a recording has holes, there is silence
instead, so that a second of what comes out is a second of the film. A damaged packet is skipped, as players do, and a
file that breaks off ends there.

FFmpeg reads the one file that it is given and cannot open another: playlists, which would make it do so, are refused
for what they are, and no protocol is left to it (`protocol_whitelist`) should one come disguised.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import BinaryIO

import av
import av.error
import numpy as np
import numpy.typing as npt

from ingress.media.errors import MediaBomb, MediaUnreadable, MediaWithoutAudio
from ingress.media.frames import Found
from wire.audio import SAMPLE_RATE

Samples = npt.NDArray[np.int16]

SMALLEST_HOLE_S, LARGEST_HOLE_S = 0.25, 600.0
"""Less is jitter, more is a broken timestamp."""

_HEAD_BYTES = 4096
_PLAYLIST = re.compile(rb"\s*(#EXTM3U|ffconcat|\[playlist\]|<asx|<smil|<MPD|<\?xml|<playlist|v=0\s)", re.IGNORECASE)
_REFERRING = re.compile(
    r"hls|dash|concat|image2|sdp|rtp|rtsp|sap|lavfi|imf|webm_dash_manifest|tee|smoothstreaming|.*_pipe|avisynth|vapoursynth"
)
"""Formats that name other files or draw pictures: no recording is one."""

NO_PROTOCOL = "none"

TOO_MUCH_MEMORY = "decoding the file takes more memory than any recording needs"


def _formats() -> str:
    return ",".join(sorted(name for name in av.formats_available if not _REFERRING.fullmatch(name)))


class Sound:
    """One open file. `found` says what it is; `pcm` may be read once."""

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self._container = container
        self._stream = stream
        seconds = container.duration / av.time_base if container.duration and container.duration > 0 else None
        context = stream.codec_context
        self.found = Found(
            container=container.format.name,
            codec=context.name,
            seconds=seconds,
            sample_rate=context.sample_rate,
            channels=context.channels,
        )

    def pcm(self) -> Iterator[Samples]:
        """int16 (N,) at 16 kHz, never empty. Raises MediaUnreadable where a file has packets and none is audio."""
        clock = Clock(self._container.start_time or 0)
        tract = Tract()
        damaged, empty = False, True
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError as error:
                _check_memory(error)
                damaged = damaged or not isinstance(error, EOFError)
                continue
            for frame in frames:
                for made in (*clock.hole(frame), *tract.take(frame)):
                    empty = False
                    yield made
        for made in tract.finish():
            empty = False
            yield made
        if empty and damaged:
            raise MediaUnreadable("the file has no audio that can be decoded: it is damaged")
        if empty:
            raise MediaWithoutAudio("the recording has no length: there is no audio in it")

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        try:
            yield from self._container.demux(self._stream)
        except (av.error.FFmpegError, ValueError) as error:
            _check_memory(error)


class Clock:
    """Compares the file's time with what came out."""

    def __init__(self, start_time: int) -> None:
        self._base = start_time / av.time_base
        self._at = 0.0

    def hole(self, frame: av.AudioFrame) -> Iterator[Samples]:
        """Silence that belongs before `frame`, in pieces of a second at most."""
        if frame.time is not None:
            missing = frame.time - self._base - self._at
            if SMALLEST_HOLE_S < missing <= LARGEST_HOLE_S:
                self._at += missing
                left = round(missing * SAMPLE_RATE)
                while left > 0:
                    yield np.zeros(min(left, SAMPLE_RATE), np.int16)
                    left -= SAMPLE_RATE
            elif abs(missing) > SMALLEST_HOLE_S:
                self._base += missing
        self._at += frame.samples / max(1, frame.sample_rate)


class Tract:
    """To 16 kHz mono, whatever comes: a stream may change its rate or channels on the way."""

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def take(self, frame: av.AudioFrame) -> Iterator[Samples]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.finish()
            self._kind = kind
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        frame.pts = None
        yield from self._resampled(frame)

    def finish(self) -> Iterator[Samples]:
        """What the filter holds."""
        yield from self._resampled(None)
        self._resampler = None

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        if self._resampler is None:
            return
        try:
            for made in self._resampler.resample(frame):
                if made.samples:
                    yield made.to_ndarray().reshape(-1).astype(np.int16, copy=False)
        except (av.error.FFmpegError, ValueError) as error:  # channels or a rate that nothing can be made of
            _check_memory(error)
            self._resampler = None


@contextlib.contextmanager
def opened(file: BinaryIO) -> Iterator[Sound]:
    """The first, or best, sound in the file. Raises MediaError."""
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if not head:
        raise MediaUnreadable("the file is empty")
    if _PLAYLIST.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise MediaUnreadable("the file is a playlist, which only names others: send the recording itself")
    options = {"format_whitelist": _formats(), "protocol_whitelist": NO_PROTOCOL}
    try:
        container = av.open(file, mode="r", metadata_errors="ignore", container_options=options)
    except (av.error.FFmpegError, ValueError) as error:
        _check_memory(error)
        raise MediaUnreadable("the file is not audio: send one such as WAV, FLAC, MP3, Ogg, MP4 or WebM") from error
    with container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise MediaWithoutAudio("the file has no sound in it")
        try:
            sound = Sound(container, stream)
        except (AttributeError, av.error.FFmpegError, ValueError) as error:  # no codec: PyAV gives no context
            raise MediaUnreadable("the file's sound is in a form that cannot be decoded here") from error
        yield sound


def _check_memory(error: Exception) -> None:
    if isinstance(error, MemoryError):
        raise MediaBomb(TOO_MUCH_MEMORY) from error
