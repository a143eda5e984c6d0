"""A recording's sentences, and when each is said: what OpenAI's `verbose_json` calls segments. PURE."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ingress.subtitles.timing import Passage, Unit, said, translated


class Segment(msgspec.Struct, frozen=True):
    """`start` and `end` in seconds of the recording."""

    id: int
    start: float
    end: float
    text: str


def of_original(passages: list[Passage]) -> list[Segment]:
    """In order, and none overlaps the next. Passages are in order."""
    return _segments(unit for passage in passages for unit in said(passage))


def of_translation(passages: list[tuple[Passage, str]]) -> list[Segment]:
    """The same of translations: each passage with what it says in the other language."""
    return _segments(unit for passage, text in passages for unit in translated(passage, text))


def _segments(units: Iterable[Unit]) -> list[Segment]:
    found: list[Segment] = []
    sentence: list[Unit] = []
    now = 0.0
    for unit in units:
        sentence.append(unit)
        if unit.last:
            start = max(now, round(sentence[0].start, 3))
            now = max(start, round(unit.end, 3))
            text = " ".join("".join(each.text for each in sentence).split())
            found.append(Segment(len(found), start, now, text))
            sentence = []
    return found
