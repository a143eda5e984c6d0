from __future__ import annotations

import pytest

from ingress.recordings.pace import LEAST_S, WINDOW_S, Pace


def test_nothing_is_said_at_first_and_nothing_of_what_stands_still() -> None:
    pace = Pace()
    assert pace.left(0.0, 0.0) == -1
    assert pace.left(LEAST_S - 1, 0.1) == -1
    still = Pace()
    assert [still.left(float(second), 0.5) for second in range(10)] == [-1.0] * 10


def test_steady_work_ends_when_it_says() -> None:
    pace = Pace()
    left = [pace.left(float(second), second / 200) for second in range(100)]
    assert left[50] == pytest.approx(150, abs=1)
    assert left[99] == pytest.approx(101, abs=1)


def test_what_was_long_ago_does_not_count() -> None:
    """Cached pieces rush by; then the nodes have to work."""
    pace = Pace()
    for second in range(10):
        pace.left(float(second), 0.05 * second)
    for second in range(10, int(10 + 2 * WINDOW_S)):
        left = pace.left(float(second), 0.5 + (second - 10) / 1000)
    assert left == pytest.approx(1000 * (1 - 0.5 - 59 / 1000), rel=0.1)
