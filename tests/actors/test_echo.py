from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import echo
from actors.echo import Echo, alignment, words

LINE = "Please turn the light off before you leave the house, and do not forget to close the windows in the kitchen."
SECONDS = 6.0
AT = 10.0


def playing(text: str = LINE, seconds: float = SECONDS) -> Echo:
    """Begun at 10.0, which is in the middle of nothing."""
    guard = Echo()
    guard.translated(3, "en", text)
    guard.played(3, "en", AT, seconds)
    return guard


@pytest.mark.parametrize(
    ("heard", "start", "end"),
    [
        (LINE, 9.9, 16.5),
        (LINE.upper().replace(",", ""), 9.9, 16.5),
        ("Turn the light off before you leave.", 10.1, 12.7),
        ("please turn the lights of before you live the house", 9.9, 13.3),  # heard badly
        ("Do not forget to close the window in the kitchen", 13.0, 16.6),
        ("not to get the clothes the windows in the chicken", 13.2, 16.6),  # very badly: most letters
        ("the kitchen", 15.2, 16.6),
        ("Kitchen.", 15.4, 16.7),
    ],
)
def test_what_is_played_is_an_echo(heard: str, start: float, end: float) -> None:
    assert playing().is_echo(heard, start, end)


@pytest.mark.parametrize(
    ("heard", "start", "end"),
    [
        ("Stop!", 12.0, 13.0),
        ("Yes.", 12.0, 13.0),
        ("Wait a moment, please.", 12.0, 14.0),
        ("Which light do you mean?", 12.0, 14.0),
        ("I do not want to leave the house before you have told me which of the windows it is", 11.0, 15.5),
        ("Turn on the living room light.", 10.0, 12.7),
        ("Kitchen.", 10.0, 11.2),  # due five seconds later
        ("Please turn the light off.", 15.2, 16.6),  # was over five seconds ago
        (
            "And do not forget to close the windows. No, wait, I will do that myself, you go and get some sleep",
            12.6,
            16.6,
        ),
        ("", 12.0, 13.0),
        ("…", 12.0, 13.0),
        (LINE, 2.0, 8.0),  # before
        (LINE, 17.0, 23.0),  # after: said again by a person
        ("Kitchen!", 16.1, 17.3),  # an answer
        (LINE, 9.9, 21.0),  # so much longer: somebody speaks on
    ],
)
def test_barge_in_is_kept(heard: str, start: float, end: float) -> None:
    assert not playing().is_echo(heard, start, end)


def test_scripts_without_spaces_go_by_character() -> None:
    guard = playing("请在离开家之前把灯关掉，别忘了关上厨房的窗户。", 5.0)
    assert guard.is_echo("请在离开家之前把登关掉", 10.0, 13.0)
    assert guard.is_echo("关上厨房的窗户", 12.8, 15.5)
    assert not guard.is_echo("等一下，我听不懂", 11.0, 13.0)
    assert not guard.is_echo("好", 11.0, 12.0)
    assert words("ガラス, ok") == [*words("カラス"), "ok"]


def test_accents_and_apostrophes_make_no_difference() -> None:
    assert playing("C'est très gentil de votre part, à bientôt", 3.0).is_echo(
        "Cest tres gentil de votre part", 10, 12.5
    )


def test_what_is_not_played_is_no_echo() -> None:
    guard = Echo()
    guard.translated(3, "en", LINE)
    assert not guard.is_echo(LINE, 9.9, 16.5)
    guard.played(4, "en", 10.0, SECONDS)
    guard.played(3, "de", 10.0, SECONDS)
    guard.ended(3, "en", 11.0)
    assert not guard.is_echo(LINE, 9.9, 16.5)


def test_what_was_stopped_was_not_heard_to_its_end() -> None:
    guard = playing()
    guard.ended(3, "en", 12.0)
    assert guard.is_echo("please turn the light off", 9.9, 12.2)
    assert not guard.is_echo("the windows in the kitchen", 13.8, 16.4)


def test_two_lines_may_be_heard_as_one() -> None:
    guard = playing("Good evening to all of you.", 2.0)
    guard.translated(4, "en", "I am glad that you came.")
    guard.played(4, "en", 12.1, 2.0)
    assert guard.is_echo("Good evening to all of you I am glad you came", 10.0, 14.6)


def test_what_is_long_over_is_forgotten() -> None:
    guard = playing()
    guard.translated(4, "en", "And now to something else.")
    guard.played(4, "en", AT + SECONDS + echo.KEPT_S + 1, 2.0)
    assert [line.utterance for line in guard.lines] == [4]


def test_alignment_counts_words_in_order_and_close_together() -> None:
    assert alignment("abc", "xxabcxx") == 3
    assert alignment("abc", "axbxc") == 2
    assert alignment("cba", "abc") == 1
    assert alignment(["window", "house", "cat", "on"], ["windows", "hose", "car", "of"]) == 2
    assert alignment(["windows"], ["window"]) == 1
    assert alignment(["window"], ["windmill"]) == 0
    assert alignment([], ["a"]) == 0


vocabulary = st.sampled_from(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
foreign = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "zeta"])


@given(st.lists(vocabulary, min_size=4, max_size=60), st.data())
def test_any_part_of_what_is_played_is_its_echo_when_it_is_due(spoken: list[str], data: st.DataObject) -> None:
    guard = playing(" ".join(spoken), len(spoken) / 3)
    first = data.draw(st.integers(0, len(spoken) - 1))
    last = data.draw(st.integers(first + 1, len(spoken)))
    late = data.draw(st.floats(0, 0.3))
    start, end = (AT + place / 3 + late for place in (first, last))
    assert guard.is_echo(" ".join(spoken[first:last]), start - 0.3, end + 0.3)


@given(st.lists(vocabulary, min_size=1, max_size=60), st.lists(foreign, min_size=1), st.floats(0, 30), st.floats(0, 30))
def test_other_words_are_never_an_echo(spoken: list[str], said: list[str], start: float, length: float) -> None:
    assert not playing(" ".join(spoken)).is_echo(" ".join(said), start, start + length)


def test_only_so_much_is_remembered() -> None:
    guard = Echo()
    for utterance in range(1, 101):
        guard.translated(utterance, "en", "x" * 10_000)
        assert sum(len(line.text) for line in guard.lines) <= echo.MAX_CHARACTERS
    assert [line.utterance for line in guard.lines] == [97, 98, 99, 100]
    for utterance in range(1, 101):
        guard.translated(utterance, "en", "x")
    assert len(guard.lines) == echo.MAX_LINES


@given(
    st.lists(
        st.tuples(st.sampled_from("tpe"), st.integers(1, 50), st.text(max_size=2000), st.floats(0, 1000)), max_size=80
    )
)
def test_the_state_is_bounded_and_survives_a_snapshot(steps: list[tuple[str, int, str, float]]) -> None:
    guard = Echo()
    for what, utterance, text, at in steps:
        match what:
            case "t":
                guard.translated(utterance, "en", text)
            case "p":
                guard.played(utterance, "en", at, 5.0)
            case "e":
                guard.ended(utterance, "en", at)
        restored = msgspec.json.decode(msgspec.json.encode(guard), type=Echo)
        assert restored == guard
        assert restored.is_echo(text, at, at + 2.0) == guard.is_echo(text, at, at + 2.0)
    assert len(guard.lines) <= echo.MAX_LINES
    assert sum(len(line.text) for line in guard.lines) <= echo.MAX_CHARACTERS
