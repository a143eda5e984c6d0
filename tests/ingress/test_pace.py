from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.pace import BURST_S, Pace


def test_a_burst_is_free_and_then_the_speed_holds() -> None:
    pace = Pace(4, now=100)
    assert pace.take(BURST_S, 100) == 0
    assert pace.take(2, 100) == 0.5
    assert pace.take(2, 100.5) == 0.5
    assert pace.take(2, 102) == 0


def test_credit_does_not_grow_beyond_the_burst() -> None:
    pace = Pace(4, now=0)
    assert pace.take(BURST_S, 1000) == 0
    assert pace.take(4, 1000) == 1


def test_real_time_never_waits() -> None:
    pace = Pace(1, now=0)
    assert not any(pace.take(0.1, number / 10) for number in range(1, 10_000))


@given(st.lists(st.floats(0.001, 10), min_size=1), st.floats(1, 20))
def test_whoever_waits_as_told_never_passes_the_limit(pieces: list[float], speed: float) -> None:
    pace, now, sent = Pace(speed, 0), 0.0, 0.0
    for seconds in pieces:
        now += pace.take(seconds, now)
        sent += seconds
        assert sent <= BURST_S + speed * now + 1e-6
    assert now == pytest.approx(max(0, (sent - BURST_S) / speed))
