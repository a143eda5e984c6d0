"""Captions: what is committed stays, whatever hypotheses come, and partials are asked for at a pace that is kept."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
from hypothesis import given

from actors.captions import (
    FAST_S,
    LONG_S,
    LOST_S,
    MAX_PAUSE_S,
    NEW_S,
    SLACK_S,
    SLOWER,
    USUAL_S,
    Agreement,
    Captions,
    corrections,
    text_of,
    units,
)
from wire.audio import SAMPLE_RATE
from wire.messages import Hypothesis
from wire.options import Correction, Word

T0 = 1_700_000_000.0


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def heard(
    captions: Captions, text: str, *, generation: int = 0, words: list[Word] | None = None, **more: str
) -> Hypothesis:
    return Hypothesis(
        session="s1",
        utterance=captions.utterance,
        generation=generation or captions.generation,
        node="n1",
        text=text,
        words=words or [],
        translations=more,
    )


def running() -> Captions:
    captions = Captions()
    captions.begin(1, samples(1), samples(1))
    return captions


def agreed(*texts: str) -> tuple[str, str]:
    agreement = Agreement()
    for text in texts:
        agreement.hear(text)
    return text_of(agreement.committed), text_of(agreement.tail)


# --- agreement ------------------------------------------------------------------------------------------------------


def test_units_are_words_or_characters_and_give_the_text_back() -> None:
    assert units("And so, my") == ["And", " so,", " my"]
    assert units("打开 ok 灯。") == ["打", "开", " ok", " 灯", "。"]


@given(st.text(max_size=60))
def test_no_text_is_lost_in_units(text: str) -> None:
    assert text_of(units(text)) == text.strip()


def test_what_two_in_a_row_agree_on_is_committed() -> None:
    assert agreed("And so") == ("", "And so")
    assert agreed("And so", "And so my fellow") == ("And so", "my fellow")
    assert agreed("And so my", "And so my fellow Americans.", "And so my fellow Americans ask") == (
        "And so my fellow",
        "Americans ask",
    )


def test_characters_are_committed_one_by_one_where_there_are_no_spaces() -> None:
    assert agreed("打开客", "打开客厅的灯") == ("打开客", "厅的灯")


def test_what_is_committed_is_not_taken_back_and_words_after_it_find_their_place() -> None:
    assert agreed("ask not what", "ask not what your", "as not what your country") == ("ask not what your", "country")
    assert agreed("one two three", "one two three", "two three four", "two three four") == ("one two three four", "")
    assert agreed("a b", "a b", "a x b c", "a x b c d") == ("a b c", "d")


texts = st.lists(st.sampled_from(["a", "b", "c.", "d,", "打", "开"]), max_size=8).map(" ".join)


@given(st.lists(texts, max_size=12))
def test_committed_text_is_a_prefix_of_everything_later(hypotheses: list[str]) -> None:
    agreement = Agreement()
    before = ""
    for text in hypotheses:
        agreement.hear(text)
        committed = text_of(agreement.committed)
        assert committed.startswith(before)
        before = committed
        shown = agreement.show()
        assert shown is None or shown[0] == committed


@given(
    st.lists(texts, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 7), st.sampled_from([0, 1, 2])), max_size=20),
)
def test_in_any_order_lost_or_repeated_answers_take_nothing_back(said: list[str], order: list[tuple[int, int]]) -> None:
    captions = running()
    now, end, committed = T0, samples(1), ""
    for generation, steps in order:
        for _ in range(steps):
            now, end = now + 4, end + samples(4)
            captions.ask(now, end, timed=False)
        text = said[generation % len(said)]
        words = [Word(word, 1 + at, 2.0 + at) for at, word in enumerate(text.split())]
        captions.hear(heard(captions, text, generation=generation, words=words), now, keeps=False)
        assert captions.committed.startswith(committed)
        committed = captions.committed


# --- asking ---------------------------------------------------------------------------------------------------------


def test_the_next_is_asked_for_when_the_last_is_back_and_enough_is_new() -> None:
    captions = running()
    assert captions.ask(T0, samples(1 + NEW_S) - 1, timed=False) is None
    first = captions.ask(T0, samples(1 + NEW_S), timed=False)
    assert first is not None
    assert (first.generation, first.start, first.end, first.whole, first.timed) == (
        1,
        samples(1),
        samples(1.6),
        False,
        False,
    )
    assert captions.ask(T0 + 1, samples(5), timed=False) is None
    assert captions.hear(heard(captions, "a"), T0 + 1, keeps=False)
    assert captions.ask(T0 + 1, samples(1.6 + NEW_S) - 1, timed=False) is None
    assert captions.ask(T0 + 1, samples(1.6 + NEW_S), timed=False) is not None


def test_where_none_comes_back_they_are_asked_for_less_often() -> None:
    captions = running()
    now, end, asked = T0, samples(1), []
    while now < T0 + 60:
        now, end = now + 0.1, end + samples(0.1)
        if captions.ask(now, end, timed=False):
            asked.append(now)
    gaps = [later - sooner for sooner, later in itertools.pairwise(asked)]
    assert gaps[0] >= LOST_S
    assert gaps[-1] >= MAX_PAUSE_S - 0.01
    captions.hear(heard(captions, "a"), now, keeps=False)
    assert captions.pause == NEW_S


def test_an_answer_counts_once_and_for_its_utterance_alone() -> None:
    captions = running()
    captions.ask(T0, samples(3), timed=False)
    assert not captions.hear(heard(captions, "a", generation=2), T0, keeps=False)
    found = heard(captions, "a")
    assert captions.hear(found, T0, keeps=False)
    assert not captions.hear(found, T0, keeps=False)
    captions.begin(2, samples(4), samples(4.3))
    captions.ask(T0 + 5, samples(9), timed=False)
    assert not captions.hear(found, T0 + 5, keeps=False)
    assert captions.transcript == Agreement()


def test_a_whole_partial_is_asked_for_once_and_its_answer_is_kept() -> None:
    captions = running()
    captions.ask(T0, samples(3), timed=False)
    ask = captions.ask_whole(T0 + 0.1, samples(1), samples(3.2), timed=True)
    assert ask is not None
    assert (ask.generation, ask.whole, ask.timed, ask.prompt) == (2, True, True, "")
    assert captions.ask_whole(T0 + 0.2, samples(1), samples(3.2), timed=True) is None
    assert captions.due_whole(T0 + 0.2) == T0 + 0.1 + SLACK_S + SLOWER * USUAL_S
    captions.hear(heard(captions, "late", generation=1), T0 + 0.3, keeps=False)
    assert captions.whole is None
    captions.hear(heard(captions, "all of it"), T0 + 0.4, keeps=False)
    assert captions.whole is not None
    assert captions.whole.text == "all of it"
    assert captions.due_whole(T0 + 0.4) is None


def test_where_answers_are_slow_no_final_waits_for_one() -> None:
    captions = running()
    captions.ask(T0, samples(3), timed=False)
    captions.hear(heard(captions, "a"), T0 + FAST_S + 0.1, keeps=False)
    assert captions.ask_whole(T0 + 2, samples(1), samples(4), timed=False) is None
    captions = running()
    captions.ask_whole(T0, samples(1), samples(4), timed=False)
    assert captions.due_whole(T0 + FAST_S) is None


# --- long utterances ------------------------------------------------------------------------------------------------


def long_one(*, keeps: bool = False, committed: str = "One two. Three four") -> Captions:
    """Ten seconds, of which the first sentence ends after four."""
    captions = running()
    words = [Word("One", 1.5, 2), Word("two.", 4, 5), Word("Three", 6, 7), Word("four", 8, 9), Word("five", 9, 10)]
    for end in (samples(10), samples(11)):
        ask = captions.ask(T0, end, timed=False)
        assert ask is not None
        assert ask.timed is (end - samples(1) > samples(LONG_S))
        captions.hear(heard(captions, f"{committed} five", words=words), T0, keeps=keeps)
    return captions


def test_the_audio_of_a_committed_sentence_is_let_go() -> None:
    captions = long_one()
    assert (captions.start, captions.settled, captions.committed) == (
        samples(5),
        "One two.",
        "One two. Three four five",
    )
    ask = captions.ask(T0 + 1, samples(12), timed=False)
    assert ask is not None
    assert (ask.start, ask.prompt, ask.timed) == (samples(5), "One two.", False)
    captions.hear(heard(captions, "Three four five six"), T0 + 1, keeps=False)
    captions.hear(heard(captions, "", generation=captions.generation), T0 + 1, keeps=False)
    assert captions.transcript.show(captions.settled) == ("One two. Three four five", "six")


def test_where_scripts_have_no_spaces_none_is_put_in() -> None:
    captions, told = running(), []
    said = "你好。我们走"
    words = [Word(each, 1.0 + at, 2.0 + at) for at, each in enumerate(said)]
    for end, text in ((7.5, said), (8.2, said), (10, said + "吧")):
        captions.ask(T0, samples(end), timed=True)
        captions.hear(heard(captions, text, words=[*words, Word("吧", 7, 8)]), T0, keeps=False)
        told.append(captions.committed)
    assert captions.settled == "你好。"
    assert told == ["", said, said]
    assert agreed("打开", "打开", "打开。我", "打开。我们") == ("打开。我", "们")


def test_a_comma_that_came_later_does_not_keep_the_audio() -> None:
    captions = running()
    for end, text in (
        (3, "well One"),
        (4, "well One two."),
        (10, "well, One two. Three"),
        (11, "well, One two. Three"),
    ):
        captions.ask(T0, samples(end), timed=False)
        words = [Word(word, 1.0 + at, 2.0 + at) for at, word in enumerate(text.split())]
        captions.hear(heard(captions, text, words=words), T0, keeps=False)
    assert (captions.settled, captions.start) == ("well One two.", samples(4))


def test_nothing_is_let_go_while_another_answer_is_under_way() -> None:
    captions = running()
    words = [Word("One", 1.5, 2), Word("two.", 4, 5), Word("Three", 6, 7)]
    captions.ask(T0, samples(10), timed=False)
    captions.hear(heard(captions, "One two. Three", words=words), T0, keeps=False)
    captions.ask(T0, samples(11), timed=False)
    late = captions.generation
    captions.ask(T0 + LOST_S + 0.1, samples(14), timed=False)
    captions.hear(heard(captions, "One two. Three", generation=late, words=words), T0 + 4, keeps=False)
    assert captions.settled == ""
    captions.hear(heard(captions, "One two. Three", words=words), T0 + 5, keeps=False)
    assert captions.settled == "One two."


def test_it_is_kept_where_no_sentence_has_ended_or_translations_are_live() -> None:
    assert long_one(committed="One two three four").settled == ""
    assert long_one(keeps=True).settled == ""


def test_an_answer_about_all_of_a_long_utterance_is_not_taken_for_its_end() -> None:
    captions = long_one()
    before = captions.transcript
    captions.ask_whole(T0 + 1, samples(1), samples(12), timed=False)
    captions.hear(heard(captions, "One two. Three four five six"), T0 + 1, keeps=False)
    assert captions.transcript == before
    assert captions.whole is not None


def test_translations_are_committed_likewise() -> None:
    captions = running()
    for at, text in enumerate(("Hello", "Hello there", "Hello there all")):
        captions.ask(T0 + at, samples(3 + at), timed=False)
        captions.hear(heard(captions, "x", en=text), T0 + at, keeps=True)
    assert captions.translations["en"].show() == ("Hello there", "all")


# --- corrections ----------------------------------------------------------------------------------------------------


def test_corrections_say_which_words_and_where() -> None:
    assert corrections("And so", "And so my fellow") == []
    assert corrections("", "Anything") == []
    assert corrections("And so my", "And so, my fellow") == [Correction(1, "so", "so,")]
    assert corrections("ask an what", "ask not what your") == [Correction(1, "an", "not")]
    assert corrections("ask what", "ask not what your") == [Correction(1, "", "not")]
    assert corrections("ask not not what", "ask not what your") == [Correction(2, "not", "")]
    assert corrections("ask nut", "ask not what your") == [Correction(1, "nut", "not")]
    assert corrections("打开客厅", "打开卧室的灯") == [Correction(2, "客厅", "卧室")]


@given(texts, texts)
def test_no_correction_is_silent(committed: str, final: str) -> None:
    if not corrections(committed, final):
        assert text_of(units(final)).replace(" ", "").startswith(text_of(units(committed)).replace(" ", ""))
