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

Every frame belongs to at most one utterance: pre-roll never reaches back past the end of the last one.
Thresholds follow Silero VAD's own iterator (onset at 0.5, release 0.15 lower).
"""

from __future__ import annotations

import msgspec

from wire.audio import FRAME_SECONDS
from wire.env import SchedulerSettings

HANGOVER_S = 0.4
MERGE_S = 1.5
RESUME_S = 1.0
"""A detector that begins anew, because the client came back on another connection, needs a moment to hear again."""


class Rules(msgspec.Struct, frozen=True):
    """Thresholds as bytes (probability times 255), durations in frames."""

    speech: int
    silence: int
    pre_roll: int
    end_silence: int
    hangover: int
    merge: int
    resume: int
    shortest: int
    longest: int

    @classmethod
    def of(cls, settings: SchedulerSettings) -> Rules:
        def frames(seconds: float) -> int:
            return max(1, round(seconds / FRAME_SECONDS))

        end_silence = frames(settings.end_silence_s)
        return cls(
            speech=round(settings.speech_threshold * 255),
            silence=round(min(settings.silence_threshold, settings.speech_threshold) * 255),
            pre_roll=round(settings.pre_roll_s / FRAME_SECONDS),
            end_silence=end_silence,
            hangover=min(frames(HANGOVER_S), end_silence),
            resume=frames(RESUME_S),
            merge=max(frames(MERGE_S), end_silence),
            shortest=frames(settings.min_speech_s),
            longest=frames(settings.max_utterance_s),
        )


class Boundary(msgspec.Struct, frozen=True):
    """An utterance: its audio is frames `start`..`end`, its voice `voiced_from`..`voiced_to` (ends exclusive)."""

    start: int
    end: int
    voiced_from: int
    voiced_to: int


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
        if not self.open and (not speech or max(speech) < rules.speech):
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
        boundary = self._close(rules, self.frame)
        if speaking:
            self.torn_until = self.frame + rules.resume
            self.spent = self.spent if boundary else start
        return boundary

    def _step(self, rules: Rules, probability: int, ended: list[Boundary]) -> None:
        self.frame += 1
        if not self.open:
            if probability < rules.speech:
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
            patience = rules.end_silence if self.voiced >= rules.shortest else rules.merge
            if self.silent >= patience:
                self._end(rules, self.voiced_to + rules.hangover, ended)
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
        boundary = Boundary(self.start, end, self.voiced_from, self.voiced_to)
        enough = self.voiced >= rules.shortest
        self.start, self.spent, self.heard = -1, end if enough else self.frame, b""
        return boundary if enough else None

    def _cut(self, rules: Rules, ended: list[Boundary]) -> None:
        heard, now = self.heard, self.frame
        # The mean of three frames: one weak frame inside a word is not a pause. The latest of equals: fewer words move.
        # What is left after the cut is long enough to stand alone.
        latest = len(heard) - 1 - rules.shortest
        weakest = min(range(latest, len(heard) // 2, -1), key=lambda at: sum(heard[at - 1 : at + 2]), default=latest)
        before, rest = heard[: weakest + 1], heard[weakest + 1 :]
        self.frame = now - len(rest)
        self.voiced = sum(probability >= rules.speech for probability in before)
        self.voiced_to = self.frame - len(before) + max(at for at, p in enumerate(before) if p >= rules.silence) + 1
        self._end(rules, self.frame, ended)
        self.spent = self.frame
        self._open(self.frame)
        for probability in rest:
            self._step(rules, probability, ended)
