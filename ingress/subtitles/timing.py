"""When each bit of a text is said. PURE.

A `Passage` is an utterance: its text, and the times of words where they are known. The text is what is shown; words
only say when. They are looked for in the text one after another, and those that are not there (a glossary may have
mended them) are passed over. Between two that were found, time goes on evenly with the letters.

A translation has no words with times. Its sentences take the time of the sentences they translate, where there are as
many, and are otherwise spread over all of the utterance; either way only over the time in which somebody spoke.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

import msgspec

from wire import sentences
from wire.options import Word

WIDE = 2.25
"""Of how many letters a character of Chinese, Japanese or Korean takes the room and the time."""
LINE = 42.0
"""The width of a line, in letters; no unit is wider."""
PAUSE_S = 0.3
"""Nobody speaks in a gap between words that is longer than this."""

_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_OPENING = "「『（【《〈“‘"
_CLOSING = "、。，．：；！？」』）】》〉”’…ー・"
_UNIT = re.compile(
    rf"\s*(?:[{_OPENING}]*[{_DENSE}][{_CLOSING}]*|[{_OPENING}]*[^\s{_DENSE}{_OPENING}]+|[{_OPENING}{_CLOSING}]+)"
)


class Passage(msgspec.Struct, frozen=True):
    """An utterance. `start`, `end` and the times of `words` are seconds of the recording."""

    start: float
    end: float
    text: str
    words: list[Word] = []


class Unit(msgspec.Struct, frozen=True):
    """What is never broken: a word, or a character of a script without spaces, with the punctuation that clings to it.
    `text` begins with the space that stands before it, if any. `last`: a sentence ends with it."""

    text: str
    start: float
    end: float
    last: bool


def width(text: str) -> float:
    """In letters."""
    return sum(
        WIDE if unicodedata.east_asian_width(each) in "WF" else 1.0 for each in text if not unicodedata.combining(each)
    )


def said(passage: Passage) -> list[Unit]:
    """The text of the passage itself."""
    return _units(passage.text, _Clock(_found(passage) or [(0, len(passage.text), passage.start, passage.end)]))


def translated(passage: Passage, text: str) -> list[Unit]:
    """`text`, which says in another language what the passage says."""
    ours, theirs = sentences.spans(passage.text), sentences.spans(text)
    found = _found(passage)
    if not found or len(ours) != len(theirs):
        return _units(text, _Clock(_spread(0, len(text), _voiced(found, passage.start, passage.end))))
    clock, anchors = _Clock(found), list[_Anchor]()
    for (begin, end), (to_begin, to_end) in zip(ours, theirs, strict=True):
        anchors += _spread(to_begin, to_end, _voiced(found, clock.begins(begin), clock.ends(end)))
    return _units(text, _Clock(anchors))


_Anchor = tuple[int, int, float, float]
"""Characters from one place to another are said from one time to another."""


class _Clock:
    """Anchors are in order, in places and in times."""

    def __init__(self, anchors: list[_Anchor]) -> None:
        self._anchors = anchors
        self._begins = [begin for begin, _, _, _ in anchors]

    def begins(self, place: int) -> float:
        """When the character there begins."""
        return self._at(place, bisect_right(self._begins, place) - 1)

    def ends(self, place: int) -> float:
        """When the character before it ends."""
        return self._at(place, bisect_right(self._begins, place - 1) - 1)

    def _at(self, place: int, index: int) -> float:
        if index < 0:
            return self._anchors[0][2]
        begin, end, start, stop = self._anchors[index]
        if place > end:  # after what was found: between it and the next
            following = self._anchors[index + 1] if index + 1 < len(self._anchors) else (place, 0, stop, 0.0)
            begin, end, start, stop = end, following[0], stop, following[2]
        return stop if place >= end else start + (stop - start) * (place - begin) / (end - begin)


def _found(passage: Passage) -> list[_Anchor]:
    """The words that are in the text, with the punctuation around them, in order and inside the passage."""
    text, found = passage.text, list[_Anchor]()
    place, now = 0, passage.start
    for word in passage.words:
        spelt = word.text.strip()
        begin = text.find(spelt, place) if spelt else -1
        if begin < 0:
            continue
        end = begin + len(spelt)
        while begin > place and _clings(text[begin - 1]):
            begin -= 1
        while end < len(text) and _clings(text[end]):
            end += 1
        start = min(max(word.start, now), passage.end)
        now = min(max(word.end, start), passage.end)
        found.append((begin, end, start, now))
        place = end
    return found


def _clings(character: str) -> bool:
    return not character.isspace() and not character.isalnum()


def _voiced(found: list[_Anchor], start: float, stop: float) -> list[tuple[float, float]]:
    """When somebody spoke between `start` and `stop`; never nothing."""
    spans: list[tuple[float, float]] = []
    for _, _, begin, end in found:
        begin, end = max(begin, start), min(end, stop)
        if begin >= end:
            continue
        if spans and begin - spans[-1][1] <= PAUSE_S:
            begin = spans.pop()[0]
        spans.append((begin, end))
    return spans or [(start, stop)]


def _spread(begin: int, end: int, voiced: list[tuple[float, float]]) -> list[_Anchor]:
    """Characters `begin` to `end` over these times, evenly; each time has whole characters."""
    total = sum(stop - start for start, stop in voiced)
    anchors: list[_Anchor] = []
    spent, place = 0.0, begin
    for start, stop in voiced:
        spent += stop - start
        until = round(begin + (end - begin) * spent / total) if total > 0 else end
        if until > place:
            anchors.append((place, until, start, stop))
        place = max(place, until)
    return anchors or [(begin, end, voiced[0][0], voiced[-1][1])]


def _units(text: str, clock: _Clock) -> list[Unit]:
    lasts = {end for _, end in sentences.spans(text)}
    units: list[Unit] = []
    now = 0.0
    for begin, end in _cuts(text):
        bare = begin + len(text[begin:end]) - len(text[begin:end].lstrip())
        start = max(clock.begins(bare), now)
        now = max(clock.ends(end), start)
        units.append(Unit(text[begin:end], start, now, end in lasts))
    return units


def _cuts(text: str) -> list[tuple[int, int]]:
    """Where units begin and end. What is wider than a line is cut between characters: Thai has no spaces either."""
    found: list[tuple[int, int]] = []
    for match in _UNIT.finditer(text.rstrip()):
        begin, end = match.span()
        if width(match.group()) <= LINE:
            found.append((begin, end))
            continue
        for place in range(begin, end):
            if place > begin and (unicodedata.category(text[place])[0] == "M" or text[place - 1].isspace()):
                found[-1] = (found[-1][0], place + 1)
            else:
                found.append((place, place + 1))
    return found
