"""A text that grows and is never taken back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.openai.realtime.growth import Growth


def told(partials: list[str], final: str) -> list[str]:
    growth = Growth()
    return [*(growth.sure(each) for each in partials), growth.final(final)]


@pytest.mark.parametrize(
    ("partials", "final", "pieces"),
    [
        ([], "Hello.", ["Hello."]),
        (["And so", "And so my fellow"], "And so my fellow Americans.", ["And so", " my fellow", " Americans."]),
        (["And so my"], "And so, my fellow", ["And so my", " fellow"]),
        (["I have nine"], "I have 9 o'clock", ["I have nine", " o'clock"]),
        (["the cat sat on"], "The cat sat down", ["the cat sat on", ""]),
        (["well I think"], "I think so too", ["well I think", " so too"]),
        (["I think"], "Well, I think so", ["I think", " so"]),
        (["one two three"], "one two", ["one two three", ""]),
        (["one two three"], "", ["one two three", ""]),
        (["打开客"], "打开客厅的灯。", ["打开客", "厅的灯。"]),
        (["打开客挺"], "打开客厅的灯。", ["打开客挺", "的灯。"]),
    ],
)
def test_what_is_told_of_a_final_after_its_partials(partials: list[str], final: str, pieces: list[str]) -> None:
    assert told(partials, final) == pieces


def test_what_does_not_begin_with_what_was_told_adds_nothing() -> None:
    growth = Growth()
    assert growth.sure("And so") == "And so"
    assert growth.sure("But so") == ""
    assert growth.sure("And so my") == " my"
    assert growth.text == "And so my"


WORDS = st.lists(st.sampled_from(["a", "b", "the", "cat", "灯", "打", "sat,", "on."]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_where_a_final_begins_with_what_was_told_the_pieces_are_the_final(first: str, more: str) -> None:
    assert "".join(told([first], first + more)) == first + more


@given(st.lists(WORDS, max_size=4), WORDS)
def test_the_end_of_the_final_is_the_end_of_what_is_told_or_nothing_is(partials: list[str], final: str) -> None:
    assert final.endswith(told(partials, final)[-1])
