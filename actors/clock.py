"""The server's time, as far as messages and the local clock tell."""

from __future__ import annotations

import time


class StreamClock:
    """`now` is never ahead of the server's stamps, but by what its clock is set back."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def learn(self, stamp: float) -> None:
        """A message that is stamped so was just received."""
        offset = stamp - time.monotonic()
        if self._offset is None or offset > self._offset:
            self._offset = offset

    def now(self) -> float:
        """Seconds since the epoch; the local clock's, while nothing was learned."""
        return time.time() if self._offset is None else time.monotonic() + self._offset
