from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.recordings import accuracy
from ingress.recordings.accuracy import Counts, compared, normalised

VOCABULARY = ["one", "two", "three", "four", "don't", "well-known", "Ça", "été"]
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Don't  STOP — now!", "dont stop now"),
        ("l’été, n° 5", "lété n 5"),
        ("well-known\nfacts", "well known facts"),
        ("今日は、雨です。", "今日は 雨です"),
        ("<b>x & y</b>", "b x y b"),
        ("", ""),
    ],
)
def test_what_does_not_count_is_taken_away(text: str, plain: str) -> None:
    assert normalised(text) == plain


@given(WORDS, WORDS)
def test_rates_are_those_of_jiwer_and_counts_add_up(said: str, heard: str) -> None:
    found = compared(said, heard)
    said, heard = normalised(said), normalised(heard)
    if said:
        assert found.words.rate == pytest.approx(jiwer.wer(said, heard), abs=1e-6)
        assert found.characters.rate == pytest.approx(jiwer.cer(said, heard), abs=1e-6)
    else:
        assert found.words.rate == found.characters.rate == bool(heard)
    for counts in (found.words, found.characters):
        assert counts.hits + counts.substitutions + counts.deletions == counts.reference
        assert counts.hits + counts.substitutions + counts.insertions == counts.hypothesis
    wrong = found.words.substitutions + found.words.deletions + found.words.insertions
    assert bool(found.differences) is (wrong > 0)


def test_differences_are_shown_with_the_words_around_them() -> None:
    found = compared("The quick brown fox jumps over the lazy dog.", "the quick browne fox jumps over a the dog")
    assert found.measure == "wer"
    assert found.words == Counts(reference=9, hypothesis=9, hits=7, substitutions=1, deletions=1, insertions=1)
    first, second, third = found.differences
    assert (first.at, first.kind, first.reference, first.hypothesis) == (2, "substituted", "brown", "browne")
    assert (second.at, second.kind, second.reference, second.hypothesis) == (6, "put_in", "", "a")
    assert (third.at, third.kind, third.reference, third.hypothesis) == (7, "left_out", "lazy", "")
    assert (first.before, first.after) == ("the quick", "fox jumps over the")
    assert "… the quick [brown -> browne] fox jumps over the …" in accuracy.as_text(found)
    assert "- … the quick ~~brown~~ **browne** fox jumps over the …" in accuracy.as_markdown(found)
    assert "| error rate | 33.33% |" in accuracy.as_markdown(found)
    assert accuracy.as_json(found)["wer"] == pytest.approx(3 / 9, abs=1e-6)
    assert accuracy.as_json(found)["differences"][1] == {
        "at": 6, "kind": "put_in", "reference": "", "hypothesis": "a",
    }  # fmt: skip


def test_what_is_written_without_spaces_is_compared_by_characters() -> None:
    found = compared("今天 天气很好。", "今天天汽很好")
    assert found.measure == "cer"
    assert found.characters == Counts(reference=6, hypothesis=6, hits=5, substitutions=1, deletions=0, insertions=0)
    (only,) = found.differences
    assert (only.at, only.reference, only.hypothesis, only.before, only.after) == (3, "气", "汽", "今天天", "很好")


@pytest.mark.parametrize(("said", "heard", "rate"), [("", "", 0.0), ("", "a b", 1.0), ("a b", "", 1.0)])
def test_nothing_can_be_said_or_heard(said: str, heard: str, rate: float) -> None:
    found = compared(said, heard)
    assert found.words.rate == rate
    assert accuracy.as_text(found)
    assert ("None." in accuracy.as_markdown(found)) is (rate == 0)
