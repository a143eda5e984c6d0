from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from ingress.subtitles.cues import LINGER_S, MOST_S, READABLE, Cue, of_original, of_translation
from ingress.subtitles.timing import LINE, Passage, width
from tests.ingress.subtitles.passages import CHINESE, ENGLISH, GERMAN, any_passages, spoken
from wire.options import Word


def shown(cues: list[Cue]) -> list[str]:
    return [" / ".join(cue.lines) for cue in cues]


def test_cues_end_where_one_draws_breath() -> None:
    passage = spoken(ENGLISH)
    cues = of_original([passage])
    assert shown(cues) == [
        "And so, my fellow Americans,",
        "ask not what your country can do for you, / ask what you can do for your country.",
        "Dr. Smith disagreed. No?",
        "He said that it is a / long way to Tipperary.",
    ]
    first, second = cues[:2]
    assert (first.start, first.end) == (300, 1000 * passage.words[4].end)
    assert second.start == 1000 * passage.words[5].start


def test_a_translation_is_shown_while_its_sentence_is_said() -> None:
    english, german = spoken(ENGLISH), of_translation([(spoken(ENGLISH), GERMAN)])
    assert shown(german)[0] == "Und so, meine amerikanischen / Mitbürger, fragt nicht,"
    second = next(cue for cue in german if cue.lines[0].startswith("Dr."))
    began = next(word.start for word in english.words if word.text == "Dr.")
    assert second.start == pytest.approx(1000 * began, abs=1)


def test_chinese_has_shorter_lines() -> None:
    cues = of_original([Passage(0.0, 14.0, CHINESE)])
    assert "".join(line for cue in cues for line in cue.lines) == CHINESE
    assert cues[0].lines == ["大学生利用漏洞免费吃肯德基获刑，", "今天下午在法院宣判了。"]
    assert max(len(line) for cue in cues for line in cue.lines) <= 18


def test_a_pause_ends_a_cue() -> None:
    words = [Word("Wait", 0.5, 0.9), Word("for", 1.0, 1.2), Word("it", 4.0, 4.2), Word("now", 4.3, 4.6)]
    assert shown(of_original([Passage(0.0, 5.0, "Wait for it now", words)])) == ["Wait for", "it now"]


def test_a_short_word_stays_for_a_second_if_nothing_follows() -> None:
    yes = Passage(1.0, 1.6, "Yes.", [Word("Yes.", 1.1, 1.3)])
    assert of_original([yes]) == [Cue(1100, 2100, ["Yes."])]
    no = Passage(1.8, 2.4, "No.", [Word("No.", 1.9, 2.2)])
    assert of_original([yes, no])[0] == Cue(1100, 1800, ["Yes."])


def test_what_is_said_too_fast_stays_to_be_read() -> None:
    (cue,) = of_original([Passage(0.0, 1.0, "An awful lot of letters in a second")])
    assert cue.end == round(1000 * 35 / READABLE)


def test_nothing_said_makes_no_cues() -> None:
    assert of_original([]) == []
    assert of_original([Passage(0.0, 1.0, "")]) == []


@settings(deadline=None, max_examples=60)
@given(any_passages())
def test_whatever_is_said_can_be_shown(passages: list[tuple[Passage, str]]) -> None:
    original = [passage for passage, _ in passages]
    for cues, texts in (
        (of_original(original), [passage.text for passage in original]),
        (of_translation(passages), [text for _, text in passages]),
    ):
        letters = [each for cue in cues for line in cue.lines for each in line if not each.isspace()]
        assert letters == [each for text in texts for each in text if not each.isspace()]
        assert all(a.end <= b.start for a, b in pairwise(cues))
        for cue in cues:
            assert 0 < cue.end - cue.start <= 1000 * MOST_S + 1
            assert 1 <= len(cue.lines) <= 2
            assert all(line and "\n" not in line and width(line) <= LINE for line in cue.lines)
        if cues:
            assert cues[0].start >= int(1000 * original[0].start)
            assert cues[-1].end <= 1000 * (original[-1].end + LINGER_S) + len(cues)
    assert of_original(original) == of_original(original)
