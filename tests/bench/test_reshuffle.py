from __future__ import annotations

import pytest

from bench import reshuffle
from wire import subjects


@pytest.mark.parametrize("schedulers", [1, 2, 5, 16, 40])
def test_no_more_partitions_move_than_must(schedulers: int) -> None:
    joined = reshuffle.join(schedulers)
    assert joined.moved == joined.needed
    if schedulers > 1:
        left = reshuffle.leave(schedulers)
        assert left.moved == left.needed


def test_sessions_lie_as_evenly_as_partitions_allow() -> None:
    found = reshuffle.spread(20_000, 5)
    assert found.most <= 20_000 * 13 / subjects.PARTITIONS * 1.1
    assert found.least >= 20_000 * 12 / subjects.PARTITIONS * 0.9
    assert found.mean == 4000
