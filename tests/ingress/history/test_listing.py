from __future__ import annotations

import bisect
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.history.listing import newest


@dataclass(frozen=True)
class Message:
    sequence: int


class Stream:
    """`mine` are the sequences that match, in order; `asked` counts questions."""

    def __init__(self, mine: list[int]) -> None:
        self.mine = mine
        self.asked = 0

    async def first(self, at: int) -> Message | None:
        self.asked += 1
        place = bisect.bisect_left(self.mine, at)
        return Message(self.mine[place]) if place < len(self.mine) else None


@given(st.sets(st.integers(1, 300)), st.integers(1, 320), st.integers(0, 40))
async def test_the_newest_before_any_place_come_in_order(mine: set[int], high: int, count: int) -> None:
    found = await newest(Stream(sorted(mine)).first, 1, high, count)
    assert [each.sequence for each in found] == sorted((each for each in mine if each < high), reverse=True)[:count]


@pytest.mark.parametrize("every", [1, 2, 7, 100, 5000, 99_999])
async def test_a_page_costs_little_however_much_there_is(every: int) -> None:
    for count, most in ((20, 60), (100, 220)):
        stream = Stream(list(range(1, 100_001, every)))
        assert len(await newest(stream.first, 1, 100_001, count)) == min(count, len(stream.mine))
        assert stream.asked <= most
