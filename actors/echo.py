"""Is what was just heard our own voice? PURE.

While a translation is played at a client, its microphone may hear it through the room. What is heard so must not be
translated again: that would be played too, and heard, and so on. The client's echo cancellation comes first, and this
guard after it: a transcript is an echo if it says what was being played when it was said. Who speaks over the playing
(barge-in) says something else, and is kept; where in doubt, words are kept.

    what    most of its words are in what was played, in that order and close together; of three words or fewer, all. A
            word may be one letter off, and where many are, most letters will do: echoes are heard badly. Scripts
            without spaces go by character
    when    nearly all of it lies within the playing: who answers "hello" to a "hello" does so after it. And words count
            only about when their place in the text was due to be heard

In what language it was heard says nothing: Whisper, told to expect French, writes down most English as English (base,
tried with a quiet echo; where it invents French instead, no comparison of texts can tell).

Times are seconds of the session's audio, in which the microphone's and the player's moments are one order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

MAX_LINES, MAX_LINE, MAX_CHARACTERS = 32, 1_000, 4_000
"""Lines that are remembered, and characters of one and of all; the oldest are forgotten first."""
KEPT_S = 60.0
"""A transcript comes long before that."""
PRE_ROLL_S = 0.5
"""An utterance's audio begins before its voice,"""
HANGOVER_S = 0.6
"""and goes on after it; and the sound is on its way for a moment, longer by radio."""
WITHIN = 0.8
DRIFT_S = 1.5
"""Nobody speaks evenly: so far a word may be from its share of the playing."""
SHARE = 0.55
ALL_OF = 3
AMISS = 0.5
"""What a word costs that is wrong, missing, or too much."""
SOME, LETTERS = 0.3, 0.5
"""With fewer words in common, so many letters must be. Measured: echoes heard badly have 0.58 to 0.80, others 0.33."""
MAX_LETTERS = 160
SIMILAR_FROM = 4

UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


class Line(msgspec.Struct, omit_defaults=True):
    """A translation that may be played, and when it is. `seconds` is how long all of it lasts, `until` when it ends or
    was stopped. -1: not yet."""

    utterance: int
    target: str
    text: str
    since: float = -1.0
    seconds: float = 0.0
    until: float = -1.0


class Echo(msgspec.Struct):
    """Part of a session's state."""

    lines: list[Line] = []

    def translated(self, utterance: int, target: str, text: str) -> None:
        """This may be played from now on."""
        self.lines = [line for line in self.lines if not _is(line, utterance, target)]
        self.lines.append(Line(utterance, target, text[:MAX_LINE]))
        while len(self.lines) > MAX_LINES or sum(len(line.text) for line in self.lines) > MAX_CHARACTERS:
            del self.lines[0]

    def played(self, utterance: int, target: str, at: float, seconds: float) -> None:
        """The client began to play this at `at`, and it lasts so long."""
        self.lines = [line for line in self.lines if line.until < 0 or line.until > at - KEPT_S]
        for line in self.lines:
            if _is(line, utterance, target):
                line.since, line.seconds, line.until = at, seconds, at + seconds

    def ended(self, utterance: int, target: str, at: float) -> None:
        """It was played to its end, or was stopped."""
        for line in self.lines:
            if _is(line, utterance, target) and line.since >= 0:
                line.until = min(line.until, max(at, line.since))

    def is_echo(self, text: str, start: float, end: float) -> bool:
        """Whether a transcript of the audio from `start` to `end` says what was being played then."""
        said = words(text)
        playing = sorted((line for line in self.lines if line.since >= 0), key=lambda line: line.since)
        if not said or not _is_within(playing, start, end):
            return False
        return _says(said, [word for line in playing for word in _audible(line, start, end)])


def _is(line: Line, utterance: int, target: str) -> bool:
    return (line.utterance, line.target) == (utterance, target)


def _is_within(playing: Sequence[Line], start: float, end: float) -> bool:
    """Whether nearly all of the time from `start` to `end` is in somebody's playing."""
    covered, reached = 0.0, start
    for line in playing:
        since, until = max(reached, line.since - PRE_ROLL_S), min(end, line.until + HANGOVER_S)
        covered += max(0.0, until - since)
        reached = max(reached, until)
    return covered >= WITHIN * (end - start)


def _audible(line: Line, start: float, end: float) -> Iterator[str]:
    """The words that were due from `start` to `end`, if they are spread evenly over the playing."""
    spread = words(line.text)
    for number, word in enumerate(spread):
        due = line.since + (number + 0.5) / len(spread) * line.seconds
        if due <= line.until + DRIFT_S and start - DRIFT_S <= due <= end + DRIFT_S:
            yield word


def words(text: str) -> list[str]:
    """Without case, accents and punctuation; characters where a script has no spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    found: list[str] = []
    for word in re.findall(r"\w+", "".join(each for each in plain if not unicodedata.combining(each))):
        found += word if unicodedata.name(word[0], "").startswith(UNSPACED) else [word]
    return found


def _says(said: Sequence[str], heard: Sequence[str]) -> bool:
    common = alignment(said, heard)
    if len(said) <= ALL_OF:
        return common == len(said)
    if common >= SHARE * len(said):
        return True
    letters, others = "".join(said)[:MAX_LETTERS], "".join(heard)[: 2 * MAX_LETTERS]
    return common >= SOME * len(said) and alignment(letters, others) >= LETTERS * len(letters)


def alignment(said: Sequence[str], heard: Sequence[str]) -> float:
    """The best local alignment of two texts (Smith and Waterman 1981): 1 for each word that is in both, less AMISS for
    each that is not, from the first to the last that is."""
    best, above = 0.0, [0.0] * (len(heard) + 1)
    for word in said:
        row = [0.0]
        for place, other in enumerate(heard):
            diagonal = above[place] + (1.0 if word == other or _is_similar(word, other) else -AMISS)
            row.append(max(0.0, diagonal, above[place + 1] - AMISS, row[place] - AMISS))
        best, above = max(best, *row), row
    return best


def _is_similar(word: str, other: str) -> bool:
    """One letter of a longer word is wrong, missing, or too much."""
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) < SIMILAR_FROM or len(longer) - len(shorter) > 1:
        return False
    same = next((at for at, letter in enumerate(shorter) if letter != longer[at]), len(shorter))
    return shorter[same + (len(shorter) == len(longer)) :] == longer[same + 1 :]
