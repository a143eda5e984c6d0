"""Live captions: what is shown of an utterance while it is spoken. PURE.

Recognisers change their minds about the end of what they have heard so far. LocalAgreement-2 (Macháček et al. 2023,
https://arxiv.org/abs/2307.14743) makes captions of that which never flicker back: of two hypotheses in a row, the
longest beginning that both agree on is committed and stays; the rest is tentative. A hypothesis that disagrees with
what is committed already changes nothing of it: only what it says after that counts, and the final says what was
corrected.

    when                                                   a partial is asked for
    0.6 s of audio are new, the last has come back         of all that was said so far in this utterance
    nothing was said for the hangover                      `whole`: of just the audio that its final job would carry, if
                                                           the silence goes on; then its answer is the final
    none came back for LOST_S                              again, and less often: the pool is busy
    a final is waited for                                  none

What is long is not decoded again and again: once a sentence is committed, and the audio is long, the hypothesis' word
times say where that sentence ended; what came before goes into `settled`, as text, and its audio out of the question.
"""

from __future__ import annotations

import difflib
import re

import msgspec

from wire.audio import SAMPLE_RATE
from wire.messages import Hypothesis
from wire.options import Correction

NEW_S = 0.6
LOST_S = 3.5
MAX_PAUSE_S = 5.0
FAST_S = 1.2
"""A whole partial is worth waiting for where the last answer took no longer than this."""
USUAL_S = 0.5
SLOWER, SLACK_S = 1.5, 0.1
"""An answer is due when the last one's time, so much longer, and a moment are over."""
LONG_S = 8.0
KEEP_S = 1.0

_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_CLOSE = f"[{_DENSE}\u3000-\u303f\uff00-\uffef]"
_UNIT = re.compile(rf"\s*[{_DENSE}]|\s*[^\s{_DENSE}]+")
_SENTENCE_END = re.compile(r"[.!?…。！？]$")


def units(text: str) -> list[str]:
    """Words with the space before them; characters in scripts that put no space between words."""
    return _UNIT.findall(text.strip())


def joined(before: str, pieces: list[str]) -> str:
    """`pieces` as they follow `before`: their own space before them, if any, is kept."""
    return text_of([before, *_spaced([before] if before else [], pieces)])


def text_of(pieces: list[str]) -> str:
    return "".join(pieces).strip()


class Agreement(msgspec.Struct):
    """One text that grows. `committed` and `tail` are units; `tail` is what the last hypothesis said after those that
    are committed."""

    committed: list[str] = []
    tail: list[str] = []
    shown: tuple[str, str] = ("", "")

    def hear(self, text: str) -> bool:
        """Take in the next hypothesis; returns whether it begins with all that is committed now."""
        heard = units(text)
        at = self._after_committed(heard)
        rest = heard[at:]
        agreed = 0
        while agreed < min(len(rest), len(self.tail)) and rest[agreed].strip() == self.tail[agreed].strip():
            agreed += 1
        self.committed = [*self.committed, *_spaced(self.committed, rest[:agreed])]
        self.tail = rest[agreed:]
        return [_plain(each) for each in heard[: len(self.committed)]] == [_plain(each) for each in self.committed]

    def show(self, before: str = "") -> tuple[str, str] | None:
        """(committed, tentative), if that is not what was shown last. `before` is text that was committed before."""
        now = (joined(before, self.committed), text_of(self.tail))
        if now == self.shown:
            return None
        self.shown = now
        return now

    def _after_committed(self, heard: list[str]) -> int:
        """Where in `heard` that begins which is not committed yet."""
        count = len(self.committed)
        if not count:
            return 0
        last = _plain(self.committed[-1])
        for shift in (0, 1, -1, 2, -2, 3, -3):
            at = count + shift
            if 0 < at <= len(heard) and _plain(heard[at - 1]) == last:
                return at
        return count


def _plain(unit: str) -> str:
    return re.sub(r"\W", "", unit).casefold()


def _spaced(before: list[str], pieces: list[str]) -> list[str]:
    """The first word of a hypothesis has no space before it."""
    if before and pieces and _parted(before[-1], pieces[0]):
        return [" " + pieces[0], *pieces[1:]]
    return pieces


def _parted(left: str, right: str) -> bool:
    """Whether a space belongs between them."""
    return not (right[0].isspace() or re.match(_CLOSE, right) or re.search(_CLOSE + "$", left))


class Ask(msgspec.Struct, frozen=True):
    """A partial that is wanted: audio of samples `start`..`end`, said after `prompt`."""

    generation: int
    start: int
    end: int
    prompt: str
    whole: bool
    timed: bool


class Captions(msgspec.Struct):
    """The utterance that is running. Times are stream time, positions samples; `asked_at` 0: nothing is outstanding.

    `start` is where the audio that is still decoded begins, `settled` the text before it. `whole_end` is the end of the
    last whole partial that was asked for, `whole` its answer. `generation` counts on over all utterances.
    """

    utterance: int = 0
    generation: int = 0
    heard: int = 0
    asked_at: float = 0.0
    asked_to: int = 0
    pause: float = NEW_S
    took: float = 0.0
    start: int = 0
    settled: str = ""
    whole_end: int = 0
    whole: Hypothesis | None = None
    transcript: Agreement = msgspec.field(default_factory=Agreement)
    translations: dict[str, Agreement] = {}

    def begin(self, utterance: int, start: int, onset: int) -> None:
        """Another utterance runs now; `start` is its first sample, `onset` that where the voice began."""
        if utterance == self.utterance:
            return
        self.utterance, self.start, self.settled, self.asked_to = utterance, start, "", onset
        self.asked_at, self.whole_end, self.whole = 0.0, 0, None
        self.transcript, self.translations = Agreement(), {}

    @property
    def committed(self) -> str:
        return joined(self.settled, self.transcript.committed)

    # --- asking ---

    def ask(self, now: float, end: int, *, timed: bool) -> Ask | None:
        """Speech goes on, and audio is there up to sample `end`: is a partial due? `timed`: word times are wanted."""
        if self.asked_at:
            if now - self.asked_at < LOST_S:
                return None
            self.pause = min(2 * self.pause, MAX_PAUSE_S)
            self.took = LOST_S
        if end - self.asked_to < self.pause * SAMPLE_RATE:
            return None
        self.generation += 1
        self.asked_at, self.asked_to = now, end
        long = end - self.start > LONG_S * SAMPLE_RATE
        return Ask(self.generation, self.start, end, self.settled, False, timed or long)

    def ask_whole(self, now: float, start: int, end: int, *, timed: bool) -> Ask | None:
        """Speech seems to have ended: the final would be of `start`..`end`."""
        if self.whole_end == end or self.took > FAST_S:
            return None
        self.whole_end, self.whole = end, None
        self.generation += 1
        self.asked_at, self.asked_to = now, end
        return Ask(self.generation, start, end, "", True, timed)

    def forget(self) -> None:
        """What is shown is no utterance; the next that runs may have its number."""
        self.utterance, self.asked_at = 0, 0.0

    def forget_whole(self) -> None:
        """What was asked for as a whole turned out to be a part."""
        self.whole_end, self.whole = 0, None

    def due_whole(self, now: float) -> float | None:
        """When the answer about all of the audio should be there, if it is on its way and worth waiting for."""
        if self.whole is not None or not self.asked_at or self.asked_to != self.whole_end:
            return None
        due = self.asked_at + SLACK_S + SLOWER * (self.took or USUAL_S)
        return due if due > now else None

    # --- answers ---

    def is_whole(self, found: Hypothesis) -> bool:
        """Whether this answers the whole partial that was asked for last."""
        return found.generation == self.generation and self.whole_end == self.asked_to

    def hear(self, found: Hypothesis, now: float, *, keeps: bool) -> bool:
        """Fold in an answer; returns whether it counts. With `keeps` no audio is let go."""
        if found.utterance != self.utterance or not self.heard < found.generation <= self.generation:
            return False
        self.heard = found.generation
        if found.generation == self.generation:
            self.took = now - self.asked_at if self.asked_at else self.took
            self.asked_at, self.pause = 0.0, NEW_S
            if self.is_whole(found):
                self.whole = found
        if found.text:
            self._fold(found, keeps=keeps)
        return True

    def _fold(self, found: Hypothesis, *, keeps: bool) -> None:
        text = found.text
        if self.settled and (self.whole is found or self.asked_at):
            return  # it is about all of the utterance, or of when less was settled
        agrees = self.transcript.hear(text)
        for target, translation in found.translations.items():
            if target not in self.translations:
                self.translations[target] = Agreement()
            self.translations[target].hear(translation)
        if agrees and found.words and not keeps:
            self._settle(found)

    def _settle(self, found: Hypothesis) -> None:
        """Let the audio of committed sentences go."""
        committed = self.transcript.committed
        ends = [at for at, unit in enumerate(committed) if _SENTENCE_END.search(unit)]
        if self.asked_at or not ends or self.asked_to - self.start < LONG_S * SAMPLE_RATE:
            return
        count = ends[-1] + 1
        letters = sum(len(_plain(unit)) for unit in committed[:count])
        end = _end_of(letters, found)
        if end is None or self.asked_to - end < KEEP_S * SAMPLE_RATE or end <= self.start:
            return
        self.start = end
        self.settled = joined(self.settled, committed[:count])
        self.transcript.committed = committed[count:]


def _end_of(letters: int, found: Hypothesis) -> int | None:
    """The sample at which that word ends with which so many letters have been said."""
    for word in found.words:
        letters -= len(_plain(word.text))
        if letters <= 0:
            return round(word.end * SAMPLE_RATE)
    return None


def corrections(committed: str, final: str) -> list[Correction]:
    """What `final` says otherwise than `committed`, which was to be its beginning."""
    was, now = [unit.strip() for unit in units(committed)], [unit.strip() for unit in units(final)]
    found: list[Correction] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "insert" and a == len(was)):
            continue
        if kind == "replace" and b == len(was):  # the committed text ends here, and the final goes on
            d = min(d, c + b - a)
        found.append(Correction(a, _joined(was[a:b]), _joined(now[c:d])))
    return found


def _joined(words: list[str]) -> str:
    return text_of(_spread(words))


def _spread(words: list[str]) -> list[str]:
    return [word if re.match(f"[{_DENSE}]", word) else f" {word}" for word in words]
