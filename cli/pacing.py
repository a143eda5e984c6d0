"""When each piece of audio is due (PURE: times are arguments).

Sending is timed against the moment of the first piece, not against the piece before, so that small delays are made up
and an hour of audio takes an hour. What cannot be made up is a source that stalls: audio that was not there cannot be
late. So a live source that falls behind by more than `PATIENCE_S` moves the schedule, where a file catches up.
"""

from __future__ import annotations

PATIENCE_S = 1.0


class Pacing:
    """`speed` 2 sends two seconds of audio a second. Times are seconds of any one monotonic clock."""

    def __init__(self, start: float, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed

    def due(self, sent: float) -> float:
        """When the audio that follows the first `sent` seconds is to be sent."""
        return self._start + sent / self._speed

    def stalled(self, sent: float, now: float) -> None:
        """The source gave nothing until `now`: shift what is to come, where that was more than a hiccup."""
        late = now - self.due(sent)
        if late > PATIENCE_S:
            self._start += late
