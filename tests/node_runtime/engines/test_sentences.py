from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


LONG = "in particular a model that allows you to translate your voice live from French to English."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Good morning. How are you?", ["Good morning.", "How are you?"]),
        ("Good morning, how are you?", ["Good morning, how are you?"]),  # short enough
        (f"Today we speak of translation, {LONG}", ["Today we speak of translation,", LONG]),
        (f"Good morning. Today we speak of this, {LONG}", ["Good morning.", f"Today we speak of this, {LONG}"]),
        (f"No, not on this day, {LONG}", ["No, not on this day,", LONG]),  # not at the first comma
        (f"In 1,500 towns they speak of it – {LONG}", ["In 1,500 towns they speak of it", f"– {LONG}"]),
        ("大学生利用漏洞免费吃肯德基获刑，今天下午在法院宣判了。",
         ["大学生利用漏洞免费吃肯德基获刑，", "今天下午在法院宣判了。"]),
        ("مرحبا بكم جميعا في هذا المساء، نتحدث اليوم عن الترجمة الآلية وعن أشياء أخرى.",
         ["مرحبا بكم جميعا في هذا المساء،", "نتحدث اليوم عن الترجمة الآلية وعن أشياء أخرى."]),
        ("आज हम अनुवाद के बारे में बात करेंगे, और फिर हम सब घर जाएँगे", ["आज हम अनुवाद के बारे में बात करेंगे,", "और फिर हम सब घर जाएँगे"]),
    ],
)  # fmt: skip
def test_the_beginning_is_spoken_by_itself(text: str, expected: list[str]) -> None:
    assert sentences.pieces(text) == expected


def test_a_beginning_that_never_ends_is_cut_between_two_words() -> None:
    text = "and then it went on and on " * 10
    first, rest = sentences.pieces(text)
    assert f"{first} {rest}" == text.strip()
    assert 100 < len(first) < 200
    assert sentences.pieces("字" * 200) == ["字" * 200]


@given(st.text(alphabet="ab ,.;5，。", max_size=400))
def test_nothing_is_lost_between_pieces(text: str) -> None:
    found = sentences.pieces(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(found)
