"""Subtitles: a text with times, cut into cues that people can read. PURE.

A cue has two lines of 42 letters at most (18 Chinese characters), stands for 1 to 7 seconds, and should leave time to
read it: 20 letters a second. Where to cut is weighed, for an utterance as a whole: the cheapest of all ways to cut it
is taken, as Knuth and Plass break paragraphs into lines (1981). It costs most to cut within a clause, to run over a
pause, and to show more than can be read; a cue costs something by itself, so that there are not too many.

A cue that is hard to read in its time may stay a little longer, while nothing else is said.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from operator import add

import msgspec

from ingress.subtitles.timing import LINE, Passage, Unit, said, translated, width

LEAST_S, MOST_S = 1.0, 7.0
READABLE = 20.0
"""Letters a second."""
LINGER_S = 2.0

_CLAUSE = re.compile(r"[,;:،؛，；：、—–][\"'”’»」』)\]]*$")

ONE_MORE = 1.0
AFTER_CLAUSE, WITHIN_CLAUSE = 0.8, 2.5
SENTENCE_ON_A_LINE, SENTENCE_ON_TWO = 0.5, 1.2
"""For one that ends inside a cue."""
LONG_PAUSE_S, PAUSE_INSIDE = 0.8, 3.0
"""For each second."""
TOO_SHORT, TOO_FAST = 6.0, 4.0
"""For a second that is missing; for twice the speed that is readable."""
TINY_LETTERS, TINY = 14.0, 0.6


class Cue(msgspec.Struct, frozen=True):
    """Times are milliseconds; `lines` has one or two."""

    start: int
    end: int
    lines: list[str]


def of_original(passages: list[Passage]) -> list[Cue]:
    """Subtitles of what was said, in order; none overlaps the next. Passages are in order."""
    return _cues([(passage, said(passage)) for passage in passages])


def of_translation(passages: list[tuple[Passage, str]]) -> list[Cue]:
    """The same of translations: each passage with what it says in the other language."""
    return _cues([(passage, translated(passage, text)) for passage, text in passages])


def _cues(timed: list[tuple[Passage, list[Unit]]]) -> list[Cue]:
    found: list[Cue] = []
    now = 0
    for number, (passage, units) in enumerate(timed):
        room = passage.end + LINGER_S
        if number + 1 < len(timed):
            room = min(room, timed[number + 1][0].start)
        for cue in _Text(units, max(room, passage.end)).cues():
            start = max(cue.start, now)
            now = max(cue.end, start + 1)
            found.append(Cue(start, now, cue.lines))
    return found


class _Text:
    """An utterance's units. A stretch of them goes from number `begin` to before number `end`. The last cue may stand
    until `room`."""

    def __init__(self, units: list[Unit], room: float) -> None:
        self._units = units
        self._begins = [unit.start for unit in units] + [room]
        self._bare = [width(unit.text.strip()) for unit in units]
        self._spaces = [float(unit.text[0].isspace()) for unit in units]
        self._sums: list[float] = list(accumulate(map(add, self._bare, self._spaces), initial=0.0))
        self._full = [bisect_right(self._sums, LINE + each) - 1 for each in map(add, self._sums, self._spaces)]
        """Where a line that begins with this unit has to end."""
        self._clauses = [unit.last or bool(_CLAUSE.search(unit.text)) for unit in units]
        self._lasts: list[int] = list(accumulate((int(unit.last) for unit in units), initial=0))
        pauses = (b.start - a.end for a, b in pairwise(units))
        self._pauses: list[float] = list(accumulate((p if p >= LONG_PAUSE_S else 0.0 for p in pauses), initial=0.0))

    def cues(self) -> Iterator[Cue]:
        """Each stands while it is said, and longer where that is needed to read it and possible."""
        for begin, end in self._stretches():
            start, until = self._begins[begin], self._begins[end]
            wanted = max(self._units[end - 1].end, start + LEAST_S, start + self._letters(begin, end) / READABLE)
            stop = min(wanted, start + MOST_S, max(until, start))
            yield Cue(round(start * 1000), round(stop * 1000), self._lines(begin, end))

    def _stretches(self) -> list[tuple[int, int]]:
        """The cheapest way to cut all."""
        best: list[tuple[float, int]] = [(0.0, 0)]  # up to each place: the cost, and where the last cue begins
        for end in range(1, len(self._units) + 1):
            begin = end - 1
            cheapest = (best[begin][0] + self._cost(begin, end), begin)
            while begin and self._fits(begin - 1, end):
                begin -= 1
                cheapest = min(cheapest, (best[begin][0] + self._cost(begin, end), begin))
            best.append(cheapest)
        found: list[tuple[int, int]] = []
        end = len(self._units)
        while end:
            found.append((best[end][1], end))
            end = best[end][1]
        return found[::-1]

    def _fits(self, begin: int, end: int) -> bool:
        if self._units[end - 1].end - self._begins[begin] > MOST_S:
            return False
        turn = self._full[begin]
        return turn >= end or self._letters(turn, end) <= LINE

    def _cost(self, begin: int, end: int) -> float:
        letters, until = self._letters(begin, end), self._begins[end]
        cost = ONE_MORE + (TINY if letters < TINY_LETTERS else 0.0)
        last = self._units[end - 1]
        if not last.last and end < len(self._units):
            paused = until - last.end >= LONG_PAUSE_S
            cost += AFTER_CLAUSE if paused or self._clauses[end - 1] else WITHIN_CLAUSE
        inside = SENTENCE_ON_A_LINE if letters <= LINE else SENTENCE_ON_TWO
        cost += inside * (self._lasts[end - 1] - self._lasts[begin])
        cost += PAUSE_INSIDE * (self._pauses[end - 1] - self._pauses[begin])
        seconds = max(until - self._begins[begin], 0.001)
        cost += TOO_SHORT * max(0.0, LEAST_S - seconds)
        return cost + TOO_FAST * min(10.0, max(0.0, letters / seconds / READABLE - 1.0))

    def _letters(self, begin: int, end: int) -> float:
        return self._sums[end] - self._sums[begin] - self._spaces[begin]

    def _lines(self, begin: int, end: int) -> list[str]:
        """Two where one is not enough: cut after a clause if that is not too uneven, the second the longer one."""
        if self._letters(begin, end) <= LINE:
            return [self._line(begin, end)]

        def ugliness(at: int) -> float:
            first, second = self._letters(begin, at), self._letters(at, end)
            return (
                abs(first - second) / LINE + (0.0 if self._clauses[at - 1] else 0.35) + (0.1 if first > second else 0.0)
            )

        turns = range(begin + 1, self._full[begin] + 1)
        turn = min((at for at in turns if self._letters(at, end) <= LINE), key=ugliness)
        return [self._line(begin, turn), self._line(turn, end)]

    def _line(self, begin: int, end: int) -> str:
        return " ".join("".join(unit.text for unit in self._units[begin:end]).split())
