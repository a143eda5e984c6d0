from __future__ import annotations

from wire.flood import FIRST, MAX_KINDS, REST, Flood, Kind, Withheld

A, B = Kind("a", "warning", "m"), Kind("b", "error", "m")


def test_the_first_of_each_kind_are_told_and_the_rest_are_counted() -> None:
    flood = Flood()
    assert flood.over(100.0) == []
    assert [flood.admits(A) for _ in range(FIRST + 5)] == [True] * FIRST + [False] * 5
    assert flood.admits(B)
    assert (flood.withheld, flood.owes) == (5, True)
    assert flood.over(100.9) == []
    assert flood.over(101.0) == [Withheld(A, 5)]
    assert (flood.withheld, flood.owes) == (5, False)


def test_a_new_second_begins_anew() -> None:
    flood = Flood()
    flood.over(0.0)
    for _ in range(FIRST + 1):
        flood.admits(A)
    flood.over(1.0)
    assert flood.admits(A)
    assert flood.over(2.0) == []


def test_no_end_of_names_fills_the_memory() -> None:
    flood = Flood()
    flood.over(0.0)
    told = sum(flood.admits(Kind(f"made up {number}", "error", "m")) for number in range(MAX_KINDS + 10_000))
    assert told == MAX_KINDS + FIRST
    assert flood.over(1.0) == [Withheld(REST, 10_000 - FIRST)]
