from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n", []),
        (" One. ", ["One."]),
        ("One.  Two! Three", ["One.", "Two!", "Three"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Dr. Smith met J. R. Brown at 3.15. He left.", ["Dr. Smith met J. R. Brown at 3.15.", "He left."]),
        ("他说：“好。”我走了。", ["他说：“好。”", "我走了。"]),
        ("मैं ठीक हूँ। आप?", ["मैं ठीक हूँ।", "आप?"]),
    ],
)
def test_where_sentences_begin_and_end(text: str, expected: list[str]) -> None:
    assert [text[begin:end] for begin, end in sentences.spans(text)] == expected


@given(st.text(st.sampled_from("Aa. !?。」)।\n"), max_size=30))
def test_nothing_but_white_space_is_left_out(text: str) -> None:
    found = sentences.spans(text)
    assert "".join("".join(text[begin:end] for begin, end in found).split()) == "".join(text.split())
    assert all(begin < end for begin, end in found)
    assert [place for span in found for place in span] == sorted(place for span in found for place in span)


def test_join_uses_the_spaces_of_the_language() -> None:
    assert sentences.join(["One.", "", "Two."], "en") == "One. Two."
    assert sentences.join(["一。", "二。"], "zh") == "一。二。"
