"""How long it will take still. PURE: time is an argument, in seconds."""

from __future__ import annotations

from collections import deque

WINDOW_S = 30.0
LEAST_S = 3.0
"""Of looking on, before anything is said."""


class Pace:
    """Work that is `done`, 0 to 1, at moments that are a second or so apart."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def left(self, now: float, done: float) -> float:
        """Seconds, from the speed of the last half minute; under 0: nobody knows."""
        self._seen.append((now, done))
        while now - self._seen[0][0] > WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()
        then, before = self._seen[0]
        if now - then < LEAST_S or done <= before:
            return -1.0
        return round((1.0 - done) * (now - then) / (done - before), 1)
