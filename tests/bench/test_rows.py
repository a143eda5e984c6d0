"""A row says whether its budget is kept."""

from __future__ import annotations

import pytest

from bench.rows import Row, percentile, shown


def test_a_budget_bounds_what_was_measured() -> None:
    assert Row("a", "ms", 2.0, 1.0, 2.0).kept is True
    assert Row("a", "ms", 2.1, 1.0, 2.0).kept is False
    assert Row("a", "ms", 2.1).kept is None


def test_a_budget_may_bound_the_ratio_from_below() -> None:
    assert Row("a", "chunks/s", 50, 100, 0.5, "at least", "ratio").kept is True
    assert Row("a", "chunks/s", 49, 100, 0.5, "at least", "ratio").kept is False


def test_a_row_reads_well() -> None:
    assert Row("a", "ms", 2.345, 1.0, 2.0).cells() == ("a", "2.35 ms", "1.00 ms", "2.35", "≤ 2.00 ms", "OVER")
    assert Row("a", "chunks/s", 4900, 10_000, 0.5, "at least", "ratio").cells() == (
        "a", "4,900 chunks/s", "10,000 chunks/s", "0.49", "≥ 0.50", "UNDER",
    )  # fmt: skip
    assert Row("a", "KB", 12.0).cells() == ("a", "12.0 KB", "", "", "", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (0.123, "0.12"), (9.996, "10.00"), (45.67, "45.7"), (123.4, "123"), (-12.3, "-12.3")],
)
def test_three_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([7.0], 0.99) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
