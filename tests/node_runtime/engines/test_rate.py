from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_runtime.engines.rate import FASTEST, SLOWEST, pace, usual_seconds


@pytest.mark.parametrize(
    ("text", "voiced", "expected"),
    [
        # recordings that Dragoman is measured with, and their seconds of voice
        ("And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.",
         7.10, 0.76),
        ("Concorde returned to its place amidst the tents.", 2.93, 0.88),
        ("Turn on the living room light.", 1.31, 1.08),
        ("Enciende la luz del salón.", 1.50, 0.92),
        ("打开客厅的灯", 1.15, 1.12),
        ("大学生利用漏洞免费吃肯德基获刑", 3.46, 1.02),
        ("거실 불 켜줘.", 1.09, 0.87),
    ],
)  # fmt: skip
def test_pace_is_about_usual_in_any_script(text: str, voiced: float, expected: float) -> None:
    assert pace(text, voiced) == pytest.approx(max(SLOWEST, expected), abs=0.01)


def test_haste_and_drawl_have_limits() -> None:
    text = "This is said much faster or much slower than anybody usually speaks."
    assert pace(text, 1.0) == FASTEST == 1.25
    assert pace(text, 60.0) == SLOWEST
    assert round(SLOWEST, 2) == 0.77


def test_one_word_says_little() -> None:
    assert 0.8 < pace("Yes.", 0.4) < 1.0  # alone, half as fast as usual
    assert pace("No no no, wait, please stop here now.", 1.2) > 1.2


@pytest.mark.parametrize(
    ("text", "voiced"), [("", 1.0), ("… ?", 1.0), ("Hello there", 0.0), ("मैं ठीक हूँ", 1.0), ("Hello मैं", 1.0)]
)
def test_what_cannot_be_told_is_usual(text: str, voiced: float) -> None:
    assert pace(text, voiced) == 1.0


def test_a_digit_is_a_word_and_marks_are_nothing() -> None:
    assert usual_seconds("5") == usual_seconds("５") == usual_seconds("five")
    assert usual_seconds("A, b! — c?") == usual_seconds("abc")
    assert usual_seconds("人々がデータベースへ") == pytest.approx(2 * 60 / 255 + 8 / 7.84)


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_pace_stays_in_its_limits_and_more_time_is_slower(text: str, first: float, second: float) -> None:
    shorter, longer = sorted((first, second))
    if shorter > 0:
        assert SLOWEST <= pace(text, longer) <= pace(text, shorter) <= FASTEST
