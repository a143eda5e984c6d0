from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingress.openai.segments import MAX_SECONDS, MAX_WIDTH, cut, width
from ingress.openai.transcript import Piece
from wire.options import Word

SAID = (
    "And so, my fellow Americans, ask not what your country can do for you. Ask what you can do for your country, "
    "and when you have asked it, ask it once more, for nobody may have heard it. No. Never mind."
)


def timed(text: str, each: float = 0.4, start: float = 0.0) -> Piece:
    words = text.split()
    times = [round(start + n * each, 2) for n in range(len(words) + 1)]
    return Piece(text, "en", start, times[-1], [Word(*word) for word in zip(words, times, times[1:], strict=False)])


def test_segments_end_with_sentences_and_have_the_times_of_their_words() -> None:
    segments = cut([timed(SAID)])
    assert segments[0].text == "And so, my fellow Americans, ask not what your country can do for you."
    assert (segments[0].start, segments[0].end) == (0.0, 5.6)
    assert segments[-1].text == "No. Never mind."
    assert " ".join(segment.text for segment in segments) == SAID
    assert all(width(segment.text) <= MAX_WIDTH for segment in segments)
    assert all(segment.end - segment.start <= MAX_SECONDS for segment in segments)


def test_a_pause_ends_one() -> None:
    piece = Piece("well I never", "en", 0, 4, [Word("well", 0, 0.5), Word("I", 3, 3.2), Word("never", 3.2, 4)])
    assert [(each.text, each.start, each.end) for each in cut([piece])] == [("well", 0, 0.5), ("I never", 3, 4)]


def test_without_words_the_time_is_shared_out() -> None:
    segments = cut([Piece("It was so. And then it was gone, for ever.", "en", 10, 14)])
    assert [each.text for each in segments] == ["It was so. And then it was gone, for ever."]
    first, second = cut([Piece("This is the first sentence. This is the second one.", "en", 10, 15.1)])
    assert (first.start, second.end) == (10, 15.1)
    assert 12.4 < first.end == second.start < 12.9


def test_chinese_is_cut_between_letters_and_no_mark_begins_a_line() -> None:
    text = "大学生利用漏洞免费吃肯德基获刑，" * 8 + "完。"
    segments = cut([Piece(text, "zh", 0, 20)])
    assert "".join(each.text for each in segments) == text
    assert len(segments) > 2
    assert all(each.space == "" and width(each.text) <= MAX_WIDTH + 2 for each in segments)
    assert not any(each.text.startswith("，") for each in segments)


def test_words_that_are_not_in_the_text_do_no_harm() -> None:
    piece = Piece("one two three", "en", 0, 3, [Word("zero", 0, 1), Word("two", 1, 2), Word("three", 2, 3)])
    assert [(each.text, each.start, each.end) for each in cut([piece])] == [("one two three", 1, 3)]


def test_nothing_comes_of_nothing() -> None:
    assert cut([]) == cut([Piece(" ", "en", 0, 1)]) == []


@given(st.lists(st.text(st.sampled_from("ab.,! 完。\n"), max_size=60), max_size=4), st.sampled_from(["en", "zh"]))
def test_no_letter_is_lost_and_time_goes_on(texts: list[str], language: str) -> None:
    segments = cut([Piece(text, language, n, n + 1) for n, text in enumerate(texts)])
    assert "".join("".join(texts).split()) == "".join("".join(each.text.split()) for each in segments)
    times = [time for each in segments for time in (each.start, each.end)]
    assert times == sorted(times)
