from __future__ import annotations

import pytest

from node_runtime.engines import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("One.", ["One."]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Well… maybe. Yes", ["Well…", "maybe.", "Yes"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Dr. Smith met J. R. Brown at 3.15. He left.", ["Dr. Smith met J. R. Brown at 3.15.", "He left."]),
        ("今日は。元気ですか？はい！", ["今日は。", "元気ですか？", "はい！"]),
        ("他说：“好。”我走了。", ["他说：“好。”", "我走了。"]),
        ("मैं ठीक हूँ। आप?", ["मैं ठीक हूँ।", "आप?"]),
        ("كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert sentences.split(text) == expected


def test_a_very_long_sentence_is_cut_at_its_commas_and_nothing_is_lost() -> None:
    text = ", ".join(f"and then number {n} came along" for n in range(40))
    parts = sentences.split(text)
    assert len(parts) > 1
    assert all(len(part) <= sentences.MAX_CHARACTERS for part in parts)
    assert " ".join(parts) == text


def test_join_uses_the_spaces_of_the_language() -> None:
    assert sentences.join(["One.", "", "Two."], "en") == "One. Two."
    assert sentences.join(["一。", "二。"], "zh") == "一。二。"
