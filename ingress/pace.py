"""PURE. The speed limit: a token bucket of audio seconds (Turner, 1986), with the time as an argument.

The bucket holds `burst` seconds of audio and gains `speed` of them each second. Who takes more than there is goes into
debt and must wait until it is paid: nothing is refused, it is only slowed down.
"""

from __future__ import annotations

BURST_S = 30.0


class Pace:
    __slots__ = ("_burst", "_credit", "_speed", "_then")

    def __init__(self, speed: float, now: float, burst: float = BURST_S) -> None:
        self._speed = speed
        self._burst = burst
        self._credit = burst
        self._then = now

    def take(self, seconds: float, now: float) -> float:
        """Take `seconds` of audio; returns how many seconds to wait before taking more."""
        self._credit = min(self._burst, self._credit + (now - self._then) * self._speed) - seconds
        self._then = now
        return max(0.0, -self._credit / self._speed)
