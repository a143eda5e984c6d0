from __future__ import annotations

from wire.records import UsageRecord
from wire.usage import FORGET_S, audio_in, bytes_in, day_of, minute_of, requests_in, sessions_in

NOW = 20_000 * 86_400.0 + 60


def used(at: float, now: float = NOW) -> UsageRecord:
    return UsageRecord(sessions=2, minute=minute_of(now), requests=3, day=day_of(now), audio_s=1.5, bytes=7, at=at)


def test_what_is_used_now_counts_and_what_was_used_before_does_not() -> None:
    records = [used(NOW), used(NOW - FORGET_S), used(NOW, NOW - 60), used(NOW, NOW - 86_400)]
    assert sessions_in(records, NOW) == 6
    assert requests_in(records, NOW) == 6
    assert (audio_in(records, NOW), bytes_in(records, NOW)) == (4.5, 21)
