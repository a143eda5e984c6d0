"""What waits to be sent to one client: bounded, so that a client that does not read costs a known amount and no more.

The writer task takes frames in order. Two signs tell that nobody reads: more than `MAX_BYTES` wait, or one frame has
been stuck in the socket for `STUCK_S`. Live events (captions of a running sentence) are not worth queueing behind a
lot: they are dropped from `LIVE_BYTES` on, and the next ones say it all again.
"""

from __future__ import annotations

from ingress.signal import Signal

MAX_BYTES = 4 * 1024 * 1024
LIVE_BYTES = 256 * 1024
STUCK_S = 10.0

Frame = str | bytes
"""Text (JSON) or binary (speech)."""


class Outbox:
    __slots__ = ("_frames", "_more", "bytes", "dropped", "finished", "sending_since")

    def __init__(self) -> None:
        self._frames: list[Frame | None] = []  # a deque takes 760 bytes to hold nothing
        self._more = Signal()
        self.bytes = 0
        self.dropped = 0
        self.finished = False
        """Whether it was said that nothing more comes."""
        self.sending_since: float | None = None
        """Since when the frame that was taken last is on its way into the socket; None: it is out."""

    def put(self, frame: Frame) -> None:
        self._frames.append(frame)
        self.bytes += len(frame)
        self._more.set()

    def put_live(self, frame: Frame) -> None:
        """May be dropped."""
        if self.bytes < LIVE_BYTES:
            self.put(frame)
        else:
            self.dropped += 1

    def finish(self) -> None:
        """Nothing comes after what is in here."""
        self.finished = True
        self._frames.append(None)
        self._more.set()

    def abandon(self) -> None:
        """Throw away what waits."""
        self._frames.clear()
        self.bytes = 0
        self._frames.append(None)
        self._more.set()

    async def take(self) -> Frame | None:
        """The next frame, when there is one; None after the last."""
        while not self._frames:
            await self._more.wait()
        frame = self._frames.pop(0)
        self.bytes -= len(frame or "")
        return frame

    @property
    def busy(self) -> bool:
        return bool(self._frames) or self.sending_since is not None

    def unread(self, now: float) -> bool:
        """Whether the client has stopped reading."""
        stuck = self.sending_since is not None and now - self.sending_since > STUCK_S
        return stuck or self.bytes > MAX_BYTES
