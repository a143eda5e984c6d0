"""What tenants use, summed over all ingresses. PURE: time is an argument.

A minute and a day are those of the clock (UTC), counted since the epoch, so that all processes mean the same one: what
was counted in a minute that is over counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from wire.records import UsageRecord

MINUTE_S, DAY_S = 60, 24 * 3600

REPEAT_S, FORGET_S = 5.0, 15.0
"""An ingress with sessions says so again and again; one that is silent for longer has died, and its sessions went."""


def minute_of(now: float) -> int:
    return int(now // MINUTE_S)


def day_of(now: float) -> int:
    return int(now // DAY_S)


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


def sessions_in(records: Iterable[UsageRecord], now: float) -> int:
    """Of ingresses that live, by their own clocks."""
    return sum(each.sessions for each in records if now - each.at < FORGET_S)
