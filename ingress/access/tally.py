"""What one tenant uses at one ingress, and what it uses everywhere. PURE: time is an argument.

A minute and a day are those of the clock (UTC), counted since the epoch, so that all ingresses mean the same one: what
was counted in a minute that is over counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from wire.records import UsageRecord

MINUTE_S, DAY_S = 60, 24 * 3600


def minute_of(now: float) -> int:
    return int(now // MINUTE_S)


def day_of(now: float) -> int:
    return int(now // DAY_S)


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

    def record(self) -> UsageRecord:
        return UsageRecord(
            sessions=self.sessions, minute=self._minute, requests=self._requests, day=self._day,
            audio_s=round(self._audio_s, 3), bytes=self._bytes,
        )  # fmt: skip


def requests_in(records: Iterable[UsageRecord], now: float) -> int:
    """Of the minute that runs."""
    minute = minute_of(now)
    return sum(each.requests for each in records if each.minute == minute)


def audio_in(records: Iterable[UsageRecord], now: float) -> float:
    """Seconds, of the day that runs."""
    day = day_of(now)
    return sum(each.audio_s for each in records if each.day == day)


def bytes_in(records: Iterable[UsageRecord], now: float) -> int:
    """Of the day that runs."""
    day = day_of(now)
    return sum(each.bytes for each in records if each.day == day)
