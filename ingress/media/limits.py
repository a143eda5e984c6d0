"""How much a file may ask for. PURE.

A file of a kilobyte can be made to decode to days. Nothing that people record needs fewer than 20 bytes for a second:
speech codecs take 60 at the least, and silence in FLAC twice as many. A file may therefore last a minute, and a second
for each of its 20 bytes; it may take the time for that on a machine twenty times slower than the one where an hour took
eight seconds.
"""

from __future__ import annotations

import msgspec

from ingress.media.errors import MediaBomb, MediaTooLong
from wire.audio import seconds as seconds_of

FREE_S = 60.0
LEAST_BYTES_PER_SECOND = 20
USUAL_BYTES_PER_SECOND = 500
"""Where a header's duration needs more than the file has at this rate, it is not believed."""

FREE_CPU_S = 20
AUDIO_PER_CPU_SECOND = 20.0
BYTES_PER_CPU_SECOND = 2_000_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`max_seconds` of audio may be decoded. `stall_s` without anything new, while somebody waits, ends it.
    `memory_mb` may be taken for decoding."""

    max_seconds: float = 4 * 3600.0
    stall_s: float = 20.0
    memory_mb: int = 512


class Allowance:
    """What one file of `size` bytes may still be decoded to."""

    def __init__(self, limits: Limits, size: int) -> None:
        self._limits = limits
        self._size = size
        self._honest_s = FREE_S + size / LEAST_BYTES_PER_SECOND
        self.samples = 0

    def cpu_s(self) -> int:
        """Seconds of CPU time that decoding may take."""
        audio_s = min(self._limits.max_seconds, self._honest_s)
        return round(FREE_CPU_S + audio_s / AUDIO_PER_CPU_SECOND + self._size / BYTES_PER_CPU_SECOND)

    def check_duration(self, declared: float | None) -> None:
        """Raises MediaTooLong where a header's `declared` seconds are too many, and can be true."""
        if declared and declared > self._limits.max_seconds and self._size > declared * USUAL_BYTES_PER_SECOND:
            raise self._too_long()

    def spend(self, samples: int) -> None:
        """So many more, at 16 kHz. Raises MediaTooLong or MediaBomb."""
        self.samples += samples
        decoded = seconds_of(self.samples)
        if decoded > self._honest_s:
            raise MediaBomb(
                f"the file has {self._size} bytes and decodes to more than {decoded:.0f} s of audio: "
                "no recording is packed so tightly"
            )
        if decoded > self._limits.max_seconds:
            raise self._too_long()

    def _too_long(self) -> MediaTooLong:
        return MediaTooLong(f"the recording is longer than {self._limits.max_seconds:.0f} s: cut it into parts")
