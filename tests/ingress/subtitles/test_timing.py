from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from ingress.subtitles.timing import LINE, Passage, said, translated, width
from tests.ingress.subtitles.passages import CHINESE, ENGLISH, GERMAN, THAI, any_passages, spoken
from wire.options import Word


def test_words_say_when() -> None:
    units = said(spoken(ENGLISH))
    assert "".join(unit.text for unit in units) == ENGLISH
    passage = spoken(ENGLISH)
    assert [(unit.start, unit.end) for unit in units] == [(word.start, word.end) for word in passage.words]
    assert [unit.text for unit in units if unit.last] == [" country.", " disagreed.", " No?", " Tipperary."]


def test_words_that_are_not_in_the_text_are_passed_over_and_others_share_the_time() -> None:
    words = [Word("one", 1.0, 2.0), Word("too", 2.0, 3.0), Word("four", 5.0, 6.0)]
    units = said(Passage(0.0, 9.0, "So one two three four five", words))
    assert [unit.text for unit in units] == ["So", " one", " two", " three", " four", " five"]
    assert [round(unit.start, 2) for unit in units] == [1.0, 1.0, 2.27, 3.36, 5.0, 6.0]
    assert [round(unit.end, 2) for unit in units] == [1.0, 2.0, 3.09, 4.73, 6.0, 6.0]


def test_without_words_the_time_is_shared_out() -> None:
    units = said(Passage(2.0, 4.0, "abcd efghi"))
    assert [(unit.start, unit.end) for unit in units] == [(2.0, 2.8), (3.0, 4.0)]
    assert said(Passage(2.0, 4.0, " ")) == []


def test_characters_keep_their_punctuation() -> None:
    units = [unit.text for unit in said(Passage(0, 9, "他说：“好。”ok 3G, 我走「了」。"))]
    assert units == ["他", "说：", "“好。”", "ok", " 3G,", " 我", "走", "「了」。"]


def test_what_is_wider_than_a_line_is_cut_between_characters_and_not_inside_one() -> None:
    units = [unit.text for unit in said(Passage(0, 9, f"a {THAI}"))]
    assert "".join(units) == f"a {THAI}"
    assert units[:4] == ["a", " ส", "วั", "ส"]


def test_a_sentence_is_translated_when_it_is_said() -> None:
    passage = spoken(ENGLISH)
    original = [(unit.start, unit.end) for unit in said(passage) if unit.last]
    german = [unit for unit in translated(passage, GERMAN) if unit.last]
    assert [unit.text for unit in german] == [" könnt.", " Meinung.", " Nein?", " Tipperary."]
    for unit, (_, end) in zip(german, original, strict=True):
        assert unit.end == pytest.approx(end)
    assert translated(passage, GERMAN)[0].start == passage.words[0].start


def test_other_sentences_are_spread_over_the_time_in_which_somebody_spoke() -> None:
    words = [Word("One", 1.0, 2.0), Word("two", 2.0, 3.0), Word("three", 8.0, 10.0)]
    units = translated(Passage(0.0, 12.0, "One two three.", words), "ab cd. ef gh.")
    assert [unit.start for unit in units] == pytest.approx([1.0, 1.86, 8.0, 8.86], abs=0.3)
    assert not any(3.0 < unit.start < 8.0 for unit in units)
    assert translated(Passage(1.0, 3.0, "One."), "ab cd")[-1].end == 3.0


def test_wide_characters_count_for_more() -> None:
    assert width("abc") == 3.0
    assert width("大雨") == 4.5
    assert width("é") == 1.0


@settings(deadline=None, max_examples=60)
@given(any_passages())
def test_units_are_all_of_the_text_in_order_and_in_time(passages: list[tuple[Passage, str]]) -> None:
    for passage, text in passages:
        for units, meant in ((said(passage), passage.text), (translated(passage, text), text)):
            assert "".join(unit.text for unit in units) == meant.rstrip()
            times = [time for unit in units for time in (unit.start, unit.end)]
            assert times == sorted(times)
            assert all(passage.start <= time <= passage.end for time in times)
            assert all(width(unit.text.strip()) <= LINE for unit in units)
            assert not units or units[-1].last
            assert all(not b.text or b.start >= a.end for a, b in pairwise(units))


def test_chinese_is_timed_by_its_characters() -> None:
    units = said(Passage(0.0, float(len(CHINESE)), CHINESE))
    assert units[0].end == 1.0
    assert units[-1].end == len(CHINESE)
