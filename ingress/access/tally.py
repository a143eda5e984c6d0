"""What one tenant uses at one ingress. PURE: time is an argument."""

from __future__ import annotations

from wire.records import UsageRecord
from wire.usage import day_of, minute_of


class Tally:
    """`changed`: there is something that the others have not been told."""

    def __init__(self) -> None:
        self.sessions = 0
        self.changed = False
        self._minute = self._requests = self._day = self._bytes = 0
        self._audio_s = 0.0

    def session(self, more: int) -> None:
        self.sessions += more
        self.changed = True

    def request(self, now: float) -> None:
        self._roll(now)
        self._requests += 1

    def audio(self, seconds: float, now: float) -> None:
        self._roll(now)
        self._audio_s += seconds

    def bytes(self, count: int, now: float) -> None:
        self._roll(now)
        self._bytes += count

    def _roll(self, now: float) -> None:
        minute, day = minute_of(now), day_of(now)
        if minute != self._minute:
            self._minute, self._requests = minute, 0
        if day != self._day:
            self._day, self._audio_s, self._bytes = day, 0.0, 0
        self.changed = True

    def record(self, now: float = 0.0) -> UsageRecord:
        return UsageRecord(
            sessions=self.sessions, minute=self._minute, requests=self._requests, day=self._day,
            audio_s=round(self._audio_s, 3), bytes=self._bytes, at=round(now, 1),
        )  # fmt: skip
