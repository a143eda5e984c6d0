"""Where utterances begin and end. PURE: a fold over speech probabilities, in audio time, one byte for each 32 ms frame.

Closed, it waits for a voiced frame (probability at or over `speech`). That opens an utterance, which begins `pre_roll`
frames earlier, because onsets are soft and the detector is late. Open, a frame under `silence` is silent (the gap
between the two thresholds is hysteresis: a frame inside it keeps speech going but does not begin it). Then:

    silent for `end_silence` frames, enough voiced    the utterance ends, `hangover` frames after the last voice
    the same, but too little voiced                   wait `merge` frames for more speech to join; then drop it
    `longest` frames                                  cut at the least speech-like frame of its second half;
                                                      what follows the cut is open already, so no word is lost
    finalize                                          it ends here, maybe in the middle of a word: what is heard within
                                                      `resume` frames begins right there, so no word is lost
    clear                                             what was heard up to here becomes no utterance

Every frame belongs to at most one utterance: pre-roll never reaches back past the end of the last one.
Thresholds follow Silero VAD's own iterator (onset at 0.5, release 0.15 lower).

Two kinds of sessions have rules of their own, for the same machine:

    recorded    pieces as long as a model takes at once, for it computes 30 s whatever it gets: speech is collected over
                pauses until it is `ripe`, and from then on ever shorter ones are enough. Only a long silence ends what
                is not ripe
    manual      every frame opens, and no silence ends it: nothing but finalize does, and all audio is somebody's
"""

from __future__ import annotations

import msgspec

from wire.audio import FRAME_SECONDS
from wire.env import SchedulerSettings
from wire.options import Options

HANGOVER_S = 0.4
MERGE_S = 1.5
RESUME_S = 1.0
"""A detector that begins anew, because the client came back on another connection, needs a moment to hear again."""
LONGEST_S = 28.0
"""A piece of a recording, or what a client ends itself: the model takes 30 s, a message less than 1 MB."""
RIPE_S = 12.0
RIPE_SILENCE_S, LEAST_SILENCE_S = 0.5, 0.1
"""Pauses that end a piece of a recording that is just ripe, and one that is almost at the longest."""
RECORDED_SILENCE_S = 3.0
LEAST_S = 0.1
"""A client that ends utterances itself ends none that is shorter."""
THRESHOLDS, SILENCES_S, PRE_ROLLS_S = (0.05, 0.95), (0.1, 10.0), (0.0, 2.0)
"""What clients may ask for, from and to."""
LEAST_SILENCE_THRESHOLD = 0.02
NEVER = 1 << 30


class Rules(msgspec.Struct, frozen=True):
    """Thresholds as bytes (probability times 255), durations in frames.

    A frame at or over `opens` opens an utterance; somebody is known to speak after `onset` voiced frames; an utterance
    has at least `shortest` voiced ones, and `least` of any kind. What is longer than `ripe` ends in pauses of
    `ripe_silence`, falling to `least_silence` at the longest.
    """

    speech: int
    silence: int
    pre_roll: int
    end_silence: int
    hangover: int
    merge: int
    resume: int
    shortest: int
    longest: int
    onset: int
    opens: int
    least: int = 0
    ripe: int = NEVER
    ripe_silence: int = 0
    least_silence: int = 0

    @classmethod
    def of(cls, settings: SchedulerSettings, options: Options = Options()) -> Rules:  # noqa: B008  # it is immutable
        """As the scheduler is set, but for what the session asks for, within reason."""
        asked = options.endpointing
        threshold = _within(THRESHOLDS, asked.threshold, settings.speech_threshold)
        hysteresis = max(0.0, settings.speech_threshold - settings.silence_threshold)
        end_silence = _frames(_within(SILENCES_S, asked.silence_s, settings.end_silence_s))
        shortest, speech = _frames(settings.min_speech_s), round(threshold * 255)
        rules = cls(
            speech=speech,
            silence=round(max(threshold - hysteresis, min(threshold, LEAST_SILENCE_THRESHOLD)) * 255),
            pre_roll=round(_within(PRE_ROLLS_S, asked.pre_roll_s, settings.pre_roll_s) / FRAME_SECONDS),
            end_silence=end_silence,
            hangover=min(_frames(HANGOVER_S), end_silence),
            resume=_frames(RESUME_S),
            merge=max(_frames(MERGE_S), end_silence),
            shortest=shortest,
            longest=_frames(settings.max_utterance_s),
            onset=shortest,
            opens=speech,
        )
        longest = _frames(LONGEST_S)
        if asked.manual:
            return msgspec.structs.replace(
                rules,
                opens=0,
                end_silence=NEVER,
                merge=NEVER,
                hangover=NEVER,
                shortest=0,
                least=_frames(LEAST_S),
                longest=longest,
            )
        if options.recorded:
            patience = _frames(RECORDED_SILENCE_S)
            return msgspec.structs.replace(
                rules,
                end_silence=max(patience, end_silence),
                merge=max(patience, rules.merge),
                hangover=_frames(HANGOVER_S),
                longest=longest,
                ripe=_frames(RIPE_S),
                ripe_silence=_frames(_within(SILENCES_S, asked.silence_s, RIPE_SILENCE_S)),
                least_silence=_frames(LEAST_SILENCE_S),
            )
        return rules

    def patience(self, voiced: int, length: int) -> int:
        """So many silent frames end an utterance of `length` frames."""
        if voiced < self.shortest:
            return self.merge
        if length < self.ripe:
            return self.end_silence
        share = (length - self.ripe) / (self.longest - self.ripe)
        return round(self.ripe_silence - share * (self.ripe_silence - self.least_silence))

    def tail(self, patience: int) -> int:
        """So many frames after the last voice are an utterance's, where such a silence ended it: of a short pause what
        comes next needs its share."""
        return min(self.hangover, patience if patience >= self.end_silence else patience - patience // 3)


def _frames(seconds: float) -> int:
    return max(1, round(seconds / FRAME_SECONDS))


def _within(limits: tuple[float, float], asked: float | None, usual: float) -> float:
    return usual if asked is None else min(max(asked, limits[0]), limits[1])


class Boundary(msgspec.Struct, frozen=True):
    """An utterance: its audio is frames `start`..`end`, its voice `voiced_from`..`voiced_to` (ends exclusive)."""

    start: int
    end: int
    voiced_from: int
    voiced_to: int

    @property
    def voice(self) -> tuple[float, float]:
        """Where its voice begins and ends, in seconds of the session's audio."""
        return round(self.voiced_from * FRAME_SECONDS, 3), round(self.voiced_to * FRAME_SECONDS, 3)


class Endpointer(msgspec.Struct):
    """The fold's state. `frame` counts all frames seen; `spent` is where audio is no longer anybody's. Until frame
    `torn_until`, speech is taken to go on from there: it was cut off in the middle."""

    frame: int = 0
    spent: int = 0
    torn_until: int = -1
    start: int = -1
    voiced_from: int = 0
    voiced_to: int = 0
    voiced: int = 0
    silent: int = 0
    heard: bytes = b""

    @property
    def open(self) -> bool:
        return self.start >= 0

    def keep_from(self, rules: Rules) -> int:
        """Frames before this one will never be asked for again."""
        if self.open:
            return self.start
        return self.spent if self.frame <= self.torn_until else max(self.spent, self.frame - rules.pre_roll)

    def feed(self, rules: Rules, speech: bytes) -> list[Boundary]:
        """Fold in the next frames; returns the utterances that ended."""
        if not self.open and (not speech or max(speech) < rules.opens):
            self.frame += len(speech)
            return []
        ended: list[Boundary] = []
        for probability in speech:
            self._step(rules, probability, ended)
        return ended

    def finalize(self, rules: Rules) -> Boundary | None:
        """End what is open, here."""
        if not self.open:
            return None
        start, speaking = self.start, self.silent < rules.hangover
        boundary = self._close(rules, min(self.frame, self.voiced_to + rules.hangover))
        if speaking:
            self.torn_until = self.frame + rules.resume
            self.spent = self.spent if boundary else start
        return boundary

    def clear(self) -> None:
        """What was heard so far is nobody's."""
        self.start, self.spent, self.torn_until, self.heard = -1, self.frame, -1, b""

    def _step(self, rules: Rules, probability: int, ended: list[Boundary]) -> None:
        self.frame += 1
        if not self.open:
            if probability < rules.opens:
                return
            torn = self.frame <= self.torn_until
            self._open(self.spent if torn else max(self.spent, self.frame - 1 - rules.pre_roll))
        self.heard += bytes((probability,))
        if probability >= rules.speech:
            if not self.voiced:
                self.voiced_from = self.start if self.frame <= self.torn_until else self.frame - 1
                self.torn_until = -1
            self.voiced += 1
        if probability >= rules.silence:
            self.voiced_to = self.frame
            self.silent = 0
        else:
            self.silent += 1
            patience = rules.patience(self.voiced, self.frame - self.start)
            if self.silent >= patience:
                self._end(rules, self.voiced_to + rules.tail(patience), ended)
                return
        if self.frame - self.start >= rules.longest:
            self._cut(rules, ended)

    def _open(self, start: int) -> None:
        self.start, self.voiced, self.silent, self.heard = start, 0, 0, b""
        self.voiced_from = self.voiced_to = self.frame

    def _end(self, rules: Rules, end: int, ended: list[Boundary]) -> None:
        boundary = self._close(rules, min(end, self.frame))
        if boundary is not None:
            ended.append(boundary)

    def _close(self, rules: Rules, end: int) -> Boundary | None:
        voice = (self.voiced_from, self.voiced_to) if self.voiced else (self.start, end)
        boundary = Boundary(self.start, end, *voice)
        enough = self.voiced >= rules.shortest and end - self.start >= rules.least
        self.start, self.spent, self.heard = -1, end if enough else self.frame, b""
        return boundary if enough else None

    def _cut(self, rules: Rules, ended: list[Boundary]) -> None:
        heard, now = self.heard, self.frame
        # The mean of three frames: one weak frame inside a word is not a pause. The latest of equals: fewer words move.
        # What is left after the cut is long enough to stand alone.
        latest = len(heard) - 1 - max(rules.shortest, rules.least)
        weakest = min(range(latest, len(heard) // 2, -1), key=lambda at: sum(heard[at - 1 : at + 2]), default=latest)
        before, rest = heard[: weakest + 1], heard[weakest + 1 :]
        self.frame = now - len(rest)
        self.voiced = sum(probability >= rules.speech for probability in before)
        last = max((at for at, p in enumerate(before) if p >= rules.silence), default=-1)
        self.voiced_to = self.frame - len(before) + last + 1
        self._end(rules, self.frame, ended)
        self.spent = self.frame
        self._open(self.frame)
        for probability in rest:
            self._step(rules, probability, ended)
