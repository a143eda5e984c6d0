"""The audio that a session still needs. PURE.

Chunks are kept as they came, each with its mailbox sequence, and let go as soon as endpointing will not ask for them
again. A snapshot holds no audio: it says which mailbox messages the buffer was made of (`first_chunk`, `sequence`,
`start`, `connection`), and a restored buffer is filled from them.

The mailbox keeps audio for two minutes. What is older than that when a session is restored (a client that ends its
utterances itself may take so long) is gone, and then the buffer goes on after it: `settle`. Audio is cut whole or not
at all, so that nothing is transcribed as if it were all that was said.
"""

from __future__ import annotations

from wire.audio import BYTES_PER_SAMPLE
from wire.messages import AudioChunk, ClientReturned


class AudioBuffer:
    """Positions are samples at 16 kHz since the session began. `start` is the first that is held, `end` one past the
    last."""

    def __init__(self, start: int = 0, next_chunk: int = 0, connection: str = "") -> None:
        self.start = start
        self.end = start
        self.next_chunk = next_chunk
        self._connection = connection
        self._held: list[tuple[int, AudioChunk]] = []  # a deque takes 760 bytes to hold nothing

    @property
    def sequence(self) -> int | None:
        """Mailbox sequence of the oldest message held."""
        return self._held[0][0] if self._held else None

    @property
    def first_chunk(self) -> int:
        """Chunk number that the oldest message held begins with."""
        return self._held[0][1].first if self._held else self.next_chunk

    @property
    def connection(self) -> str:
        """Connection that the oldest message held came by."""
        return self._held[0][1].connection if self._held else self._connection

    def append(self, chunk: AudioChunk, sequence: int) -> None:
        self._held.append((sequence, chunk))
        self.end += len(chunk.pcm) // BYTES_PER_SAMPLE
        self.next_chunk = chunk.last + 1
        self._connection = chunk.connection

    def refill(self, mail: AudioChunk | ClientReturned, sequence: int) -> None:
        """Append audio that was held: the next chunk, of the connection that counted then."""
        if isinstance(mail, ClientReturned):
            self._connection = mail.connection
            return
        chunk = mail
        if chunk.connection != self._connection:
            return
        if chunk.first == self.next_chunk or (chunk.gap and chunk.first > self.next_chunk):
            self.append(chunk, sequence)

    def settle(self, end: int, next_chunk: int) -> None:
        """Refilling is over, and the buffer should have come to `end`: if it has not, the mailbox has lost it."""
        if (self.end, self.next_chunk) != (end, next_chunk):
            self._held.clear()
            self.start, self.end, self.next_chunk = end, end, next_chunk

    def let_go(self, before: int) -> None:
        """Forget messages that end before sample `before`."""
        gone = 0
        for _, chunk in self._held:
            length = len(chunk.pcm) // BYTES_PER_SAMPLE
            if self.start + length > before:
                break
            gone += 1
            self.start += length
        if gone:
            del self._held[:gone]

    def cut(self, start: int, end: int) -> bytes:
        """PCM16 of samples `start`..`end`, as far as there are any yet; empty if their beginning is not held."""
        if start < self.start:
            return b""
        parts: list[bytes] = []
        at = self.start
        for _, chunk in self._held:
            length = len(chunk.pcm) // BYTES_PER_SAMPLE
            first, last = max(start - at, 0), min(end - at, length)
            if first < last:
                parts.append(chunk.pcm[first * BYTES_PER_SAMPLE : last * BYTES_PER_SAMPLE])
            at += length
        return b"".join(parts)
