"""PURE. What a client has to send, and keeps until the server has it for certain.

Messages leave in the order in which they came. A chunk of audio stays until `audio.ack` covers it, so that it can be
sent again over another connection; what was said between two chunks stays as long as the chunk before it.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from wire.audio import BYTES_PER_SAMPLE

MAX_SECONDS = 30.0
HEADER = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Kept:
    """`number` is the chunk's, or that of the chunk before (-1: none)."""

    number: int
    message: bytes | str


class Backlog:
    """`next_chunk` is the number of the chunk that is added next."""

    def __init__(self, next_chunk: int, sample_rate: int) -> None:
        self.next_chunk = next_chunk
        self._bytes_per_second = sample_rate * BYTES_PER_SAMPLE
        self._kept: deque[Kept] = deque()
        self._taken = 0  # so many of them are on their way
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether 30 seconds of audio are kept."""
        return self._bytes >= MAX_SECONDS * self._bytes_per_second

    @property
    def empty(self) -> bool:
        """Whether all is on its way."""
        return self._taken == len(self._kept)

    def add(self, pcm: bytes) -> None:
        """The next chunk: PCM16 mono."""
        self._kept.append(Kept(self.next_chunk, HEADER.pack(self.next_chunk) + pcm))
        self._bytes += len(pcm)
        self.next_chunk += 1

    def say(self, text: str) -> None:
        """Something that is meant at this very place in the audio."""
        self._kept.append(Kept(self.next_chunk - 1, text))

    def take(self) -> bytes | str | None:
        """What is to be sent next; None: nothing now."""
        if self.empty:
            return None
        self._taken += 1
        return self._kept[self._taken - 1].message

    def acknowledge(self, chunk: int) -> None:
        """The server has all up to `chunk`. What has not been sent stays."""
        while self._taken and self._kept[0].number <= chunk:
            self._drop()

    def go_back(self, next_chunk: int) -> None:
        """Over a new connection: `next_chunk` is what the server expects."""
        self.acknowledge(next_chunk - 1)
        self.skip(next_chunk)
        self._taken = 0

    def skip(self, next_chunk: int) -> None:
        """The server has even more audio than was thought."""
        while self._kept and self._kept[0].number < next_chunk and isinstance(self._kept[0].message, bytes):
            self._drop()

    def _drop(self) -> None:
        gone = self._kept.popleft()
        self._taken = max(0, self._taken - 1)
        if isinstance(gone.message, bytes):
            self._bytes -= len(gone.message) - HEADER.size
