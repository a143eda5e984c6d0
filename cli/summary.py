"""What became of a session, reckoned from what was sent and what came back (PURE: times are arguments).

The protocol promises one outcome for each utterance, for each target after a transcript, and for each speech after a
translation, under numbers without gap or repeat. Everything that the promise lacks at the end counts as lost: an
outcome that is missing or is an `error`, an event number that was skipped or repeated, a speech frame that is missing,
and the end itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cli.events import Event, Interrupted, Postponed, Returned, SpeechFrame, UnknownEvent
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SessionReady,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)

Outcome = Literal["said", "empty", "failed"]


@dataclass(frozen=True)
class Summary:
    """`audio_s` of audio were sent. `final_lag_s` is from the last audio sent to the last transcript or translation, 0
    where that came before; `speech_lag_s` the same for speech. None: there was none. `partials` are live captions,
    of what is said and of translations."""

    audio_s: float
    utterances: int
    first_text_s: float | None
    final_lag_s: float | None
    speech_lag_s: float | None
    lost: int
    partials: int = 0


class Account:
    """Feed it `sent` and `heard`; ask it for `summary` at the end."""

    def __init__(self) -> None:
        self.started: SessionReady | None = None
        self.closed: SessionClosed | None = None
        self._last_n = 0
        self._violations = 0
        self._utterances: dict[int, Outcome] = {}
        self._languages: dict[int, str] = {}
        self._highest = 0
        self._translations: dict[tuple[int, str], Outcome] = {}
        self._speech: dict[tuple[int, str], Outcome] = {}
        self._frames: dict[tuple[int, str], int] = {}
        self._audio_s = 0.0
        self._last_audio = 0.0
        self._partials = 0
        self._first_text: float | None = None
        self._last_final: float | None = None
        self._last_speech: float | None = None

    def sent(self, seconds: float, t: float) -> None:
        """So much more audio was sent, by `t`: seconds since the first audio."""
        self._audio_s += seconds
        self._last_audio = t

    def heard(self, event: Event, t: float) -> None:
        if isinstance(event, SpeechFrame):
            self._heard_frame(event)
        elif not isinstance(event, Interrupted | Returned | Postponed) and self._is_new(event):
            self._highest = max(self._highest, getattr(event, "utterance", None) or 0)
            self._heard_event(event, t)

    def _is_new(self, event: ClientEvent | UnknownEvent) -> bool:
        if event.n == 0:
            return True
        new = event.n > self._last_n
        self._violations += (event.n - self._last_n - 1) if new else 1
        self._last_n = max(self._last_n, event.n)
        return new

    def _heard_event(self, event: ClientEvent | UnknownEvent, t: float) -> None:
        match event:
            case SessionReady():
                self.started = event
            case SessionClosed():
                self.closed = event
            case TranscriptPartial(committed=committed, tentative=tentative):
                self._partials += 1
                if committed or tentative:
                    self._first_text = t if self._first_text is None else self._first_text
            case TranslationPartial():
                self._partials += 1
            case TranscriptFinal(utterance=utterance):
                self._utterances[utterance] = "said"
                self._languages[utterance] = event.language
                self._first_text = t if self._first_text is None else self._first_text
                self._last_final = t
            case UtteranceEmpty(utterance=utterance):
                self._utterances[utterance] = "empty"
            case TranslationFinal(utterance=utterance, target=target):
                self._translations[utterance, target] = "said"
                self._last_final = t
            case SpeechBegan(utterance=utterance, target=target):
                self._frames[utterance, target] = 0
            case SpeechFinished(utterance=utterance, target=target, chunks=chunks):
                whole = self._frames.get((utterance, target)) == chunks
                self._speech[utterance, target] = "said" if whole else "failed"
                self._last_speech = t
            case SpeechMissing(utterance=utterance, target=target):
                self._speech[utterance, target] = "empty"
            case ErrorTold(utterance=int(utterance), target=None):
                self._utterances[utterance] = "failed"
            case ErrorTold(utterance=int(utterance), target=str(target)):
                of = self._speech if (utterance, target) in self._translations else self._translations
                of[utterance, target] = "failed"

    def _heard_frame(self, frame: SpeechFrame) -> None:
        """Counted only in sequence, so that a frame that was skipped or repeated leaves its speech short."""
        key = frame.utterance, frame.target
        if self._frames.get(key) == frame.sequence:
            self._frames[key] += 1

    def _lost(self) -> int:
        lost = self._violations
        if self.closed is None:
            lost += 1
        count = max(self.closed.utterances if self.closed else 0, self._highest)
        for utterance in range(1, count + 1):
            outcome = self._utterances.get(utterance, "failed")
            lost += outcome == "failed"
            if outcome == "said":
                lost += sum(self._lost_of(utterance, target) for target in self._targets(utterance))
        return lost

    def _lost_of(self, utterance: int, target: str) -> bool:
        if self._translations.get((utterance, target), "failed") == "failed":
            return True
        spoken = self.started is not None and self.started.speech
        return spoken and self._speech.get((utterance, target), "failed") == "failed"

    def _targets(self, utterance: int) -> list[str]:
        """Languages that it is wanted in."""
        if self.started is None:
            return []
        spoken = self._languages[utterance] if self.started.between else None
        return [target for target in self.started.targets if target != spoken]

    def summary(self) -> Summary:
        return Summary(
            audio_s=round(self._audio_s, 3),
            utterances=len(self._utterances),
            first_text_s=_rounded(self._first_text),
            final_lag_s=self._lag(self._last_final),
            speech_lag_s=self._lag(self._last_speech),
            lost=self._lost() if self.started else 0,
            partials=self._partials,
        )

    def _lag(self, last: float | None) -> float | None:
        return None if last is None else round(max(0.0, last - self._last_audio), 3)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
