"""How fast those who wait are let in, so that the others can be told how long it may take. PURE.

Who was granted room and then is not in the line any more has come in: that is counted, over the last WINDOW_S or since
people began to wait, whichever is shorter. Who was let in without waiting does not count: a crowd that fills an empty
pool would promise the next a wait of seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

WINDOW_S = 120.0
LEAST_S = 10.0
"""A few that come in at once are no rate yet."""


class Turnover:
    """Of one pool. `a_minute` is 0 while nothing is known."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._granted: frozenset[str] = frozenset()
        self._came_in: deque[float] = deque()
        self.a_minute = 0.0

    def look(self, now: float, waiting: Collection[str]) -> None:
        """These wait now."""
        if self._since is None and waiting:
            self._since = now
        came_in = sum(ticket not in waiting for ticket in self._granted)
        self._granted &= frozenset(waiting)
        self._came_in.extend([now] * came_in)
        while self._came_in and self._came_in[0] <= now - WINDOW_S:
            self._came_in.popleft()
        if self._since is not None:
            seconds = min(WINDOW_S, max(LEAST_S, now - self._since))
            self.a_minute = 60.0 * len(self._came_in) / seconds
        if not waiting and not self._came_in:
            self._since = None

    def grant(self, granted: Iterable[str], waiting: Collection[str]) -> None:
        """These of them were given room."""
        self._granted |= frozenset(granted) & frozenset(waiting)
