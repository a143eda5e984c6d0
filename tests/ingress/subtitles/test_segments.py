from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings

from ingress.subtitles.segments import Segment, of_original, of_translation
from ingress.subtitles.timing import Passage
from tests.ingress.subtitles.passages import ENGLISH, GERMAN, any_passages, spoken


def test_a_segment_is_a_sentence_with_the_times_of_its_words() -> None:
    passage = spoken(ENGLISH)
    segments = of_original([passage, Passage(60.0, 62.0, "Done")])
    assert [each.text for each in segments[1:4]] == [
        "Dr. Smith disagreed.",
        "No?",
        "He said that it is a long way to Tipperary.",
    ]
    assert segments[0].start == passage.words[0].start
    assert segments[-1] == Segment(4, 60.0, 62.0, "Done")
    assert len(of_translation([(passage, GERMAN)])) == 4


@settings(deadline=None, max_examples=60)
@given(any_passages())
def test_segments_are_all_of_the_text_in_order(passages: list[tuple[Passage, str]]) -> None:
    segments = of_original([passage for passage, _ in passages])
    assert "".join("".join(each.text.split()) for each in segments) == "".join(
        "".join(passage.text.split()) for passage, _ in passages
    )
    assert all(a.end <= b.start for a, b in pairwise(segments))
    assert [each.id for each in segments] == list(range(len(segments)))
