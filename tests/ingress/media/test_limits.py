from __future__ import annotations

import pytest

from ingress.media.errors import MediaBomb, MediaTooLong
from ingress.media.limits import FREE_S, Allowance, Limits
from wire.audio import samples

HOUR = 3600.0
LIMITS = Limits(max_seconds=3 * HOUR)


def test_three_hours_of_a_thrifty_codec_are_allowed() -> None:
    allowance = Allowance(LIMITS, size=round(3 * HOUR * 100))
    for _ in range(3 * 3600):
        allowance.spend(samples(1.0))
    assert allowance.samples == samples(3 * HOUR)
    with pytest.raises(MediaTooLong, match="longer than 10800 s"):
        allowance.spend(1)


def test_a_kilobyte_may_hold_a_minute_or_two_and_no_more() -> None:
    allowance = Allowance(LIMITS, size=1000)
    allowance.spend(samples(FREE_S + 50))
    with pytest.raises(MediaBomb, match="1000 bytes"):
        allowance.spend(samples(1.0))


def test_time_is_given_for_what_may_honestly_be_there() -> None:
    assert Allowance(LIMITS, 1000).cpu_s() < 30
    assert Allowance(LIMITS, 60_000_000).cpu_s() > 10 * 8
    assert Allowance(LIMITS, 2_000_000_000).cpu_s() < 2000


@pytest.mark.parametrize(
    ("declared", "size"),
    [(None, 10**9), (0.0, 10**9), (3 * HOUR, 10**9), (40 * HOUR, 10**6)],  # the last: a header that nobody mended
)
def test_a_duration_that_is_short_or_cannot_be_true_is_no_reason(declared: float | None, size: int) -> None:
    Allowance(LIMITS, size).check_duration(declared)


def test_a_file_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MediaTooLong, match="cut it into parts"):
        Allowance(LIMITS, 10**9).check_duration(4 * HOUR)
