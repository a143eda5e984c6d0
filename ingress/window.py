"""PURE. Audio on its way to the mailbox: gathered into messages, and kept until the actor says that it has them.

Audio is published at most once, without an acknowledgement for each message. What makes it safe is go-back-N (RFC 3366,
section 1.4): the actor tells about once a second the last chunk that it has, in order; here every message is kept until
then, and what is left is sent again, in order, when the connection was lost or no word came for `PATIENCE_S`. The actor
drops what it has already and refuses what comes after a gap, so sending again is always safe. The first message goes
ahead, as a probe that must be stored: a stream that is away for a while is not sent the whole window each time.

A connection that takes over a session begins where the actor is: `first` is the chunk that it expects. `pad` samples of
silence go ahead, for the last frame of the connection before was never completed; its speech byte is 0.

Chunks of a client may be as short as 3 ms; a message is made when `GATHER_S` of audio have come, or at `flush`.
"""

from __future__ import annotations

from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.messages import AudioChunk

GATHER_S = 0.09
PATIENCE_S = 3.0
HASTE_S = 1.0
MAX_PATIENCE_S = 6.0
MAX_UNACKNOWLEDGED_S = 30.0
MAX_MESSAGES = 1000
MAX_GATHERED = 64

_BYTES_PER_SECOND = SAMPLE_RATE * BYTES_PER_SAMPLE


class Window:
    """`last` is the newest chunk that was added (-1: none); `acknowledged` the newest one that the actor has."""

    __slots__ = ("_bytes", "_connection", "_first", "_pcm", "_progress", "_sent_again", "_speech", "_unacknowledged",
                 "_wait", "acknowledged", "last")  # fmt: skip

    def __init__(self, connection: str = "", first: int = 0, pad: int = 0) -> None:
        self.last = first - 1
        self.acknowledged = first - 1
        self._connection = connection
        self._unacknowledged: list[AudioChunk] = []
        self._bytes = 0  # of audio in all messages that are kept
        self._first = first  # `_first`, `_pcm` and `_speech` are the message that is being gathered
        self._pcm = bytearray(pad * BYTES_PER_SAMPLE)
        self._speech = bytearray(1 if pad else 0)
        self._progress = 0.0
        self._sent_again = 0.0
        self._wait = PATIENCE_S

    @property
    def full(self) -> bool:
        """No more audio may be added until the actor acknowledges some."""
        held = self._bytes + len(self._pcm)
        return held >= MAX_UNACKNOWLEDGED_S * _BYTES_PER_SECOND or len(self._unacknowledged) >= MAX_MESSAGES

    def silence(self, now: float) -> float:
        """For how many seconds the actor has given no sign about audio that it was sent. 0 where it owes none."""
        return now - self._progress if self._unacknowledged else 0.0

    def add(self, pcm: bytes, speech: bytes, now: float) -> AudioChunk | None:
        """The next chunk: PCM16 at 16 kHz and the speech bytes of the frames that it completed.

        Returns the message to publish, once there is enough for one.
        """
        self.last += 1
        self._pcm += pcm
        self._speech += speech
        enough = len(self._pcm) >= GATHER_S * _BYTES_PER_SECOND or self.last - self._first >= MAX_GATHERED
        return self.flush(now) if enough else None

    def flush(self, now: float) -> AudioChunk | None:
        """The message of what has been gathered, if anything has."""
        if self._first > self.last:
            return None
        message = AudioChunk(
            first=self._first, last=self.last, pcm=bytes(self._pcm), speech=bytes(self._speech),
            connection=self._connection,
        )  # fmt: skip
        if not self._unacknowledged:
            self._progress = now
        self._unacknowledged.append(message)
        self._bytes += len(message.pcm)
        self._first = self.last + 1
        self._pcm.clear()
        self._speech.clear()
        return message

    def acknowledge(self, chunk: int, now: float) -> bool:
        """The actor has all up to `chunk`. Returns whether that is news: old and impossible numbers change nothing."""
        if not self.acknowledged < chunk <= self.last:
            return False
        self.acknowledged = chunk
        self._progress = now
        self._wait = PATIENCE_S
        done = sum(message.last <= chunk for message in self._unacknowledged)
        self._bytes -= sum(len(message.pcm) for message in self._unacknowledged[:done])
        del self._unacknowledged[:done]
        return True

    def overdue(self, now: float) -> bool:
        """Whether it is time to send again, because no sign came. Each time, the patience doubles."""
        if not self._unacknowledged or now - max(self._progress, self._sent_again) < self._wait:
            return False
        self._sent_again = now
        self._wait = min(MAX_PATIENCE_S, 2 * self._wait)
        return True

    def hasten(self, now: float) -> None:
        """The connection was lost: all is sent again now, and the actor is soon asked what it has."""
        self._sent_again = now
        self._wait = HASTE_S

    def unacknowledged(self) -> list[AudioChunk]:
        """All that must be sent again, in order."""
        return list(self._unacknowledged)
