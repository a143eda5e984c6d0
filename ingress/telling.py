"""Who in a room is told which of a speaker's events. PURE: a fold over that speaker's events, as they come in order.

    transcript.final, utterance.empty        everybody
    transcript.partial                       who reads the language that is spoken, and wants words as they come
    translation.partial, translation.final   who reads the target
    speech and its events                    who reads the target and hears
    error about an utterance                 everybody, or who reads its target

What was said in a member's own language needs no translation for them, and none is told. Where the language is not
known before the words are final, it is taken to be that of the sentence before. That somebody has begun to speak is
told to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingress.delivery import Outgoing, SpeechFrame
from wire.messages import AUTO
from wire.protocol import (
    ErrorTold,
    RoomSaid,
    RoomSpeaking,
    Said,
    SessionReady,
    SessionUpdated,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)
from wire.rooms import Member

KEPT = 100
"""Utterances whose language and text are remembered: translations and speech of older ones come no more."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Members who read `language` ("": any) and, where it says so, want `captions` or `speech`."""

    language: str = ""
    captions: bool = False
    speech: bool = False

    def includes(self, member: Member) -> bool:
        return (
            self.language in ("", member.language)
            and (member.captions or not self.captions)
            and (member.speech or not self.speech)
        )


EVERYBODY = Audience()


def is_own(piece: Outgoing) -> bool:
    """Whether a speaker in a room is told this about its own words: nobody hears themselves."""
    return not isinstance(
        piece, TranslationPartial | TranslationFinal | SpeechFrame | SpeechBegan | SpeechFinished | SpeechMissing
    ) and not (isinstance(piece, ErrorTold) and piece.target is not None)


class Telling:
    """One speaker's. `speaker` is their member id."""

    def __init__(self, speaker: str) -> None:
        self.speaker = speaker
        self._source = AUTO
        self._language = ""
        self._spoken: dict[int, str] = {}
        self._texts: dict[tuple[int, str], str] = {}
        self._announced = 0

    def audience(self, piece: Outgoing, at: float) -> Iterator[tuple[Audience, RoomSaid | RoomSpeaking | SpeechFrame]]:
        """What is told of this, and to whom. `at`: when, in seconds since the epoch."""
        match piece:
            case SessionReady(source=source) | SessionUpdated(source=source):
                self._source = source
            case TranscriptPartial(utterance=utterance):
                if utterance > self._announced:
                    self._announced = utterance
                    yield EVERYBODY, RoomSpeaking(speaker=self.speaker, utterance=utterance)
                if language := (self._language if self._source == AUTO else self._source):
                    yield Audience(language, captions=True), self._said(piece, at)
            case TranscriptFinal(utterance=utterance, language=language):
                self._announced = max(self._announced, utterance)
                self._language = language
                self._keep(utterance, language)
                yield EVERYBODY, self._said(piece, at)
            case UtteranceEmpty() | ErrorTold(utterance=int(), target=None):
                yield EVERYBODY, self._said(piece, at)
            case TranslationPartial(target=target):
                if target != (self._language if self._source == AUTO else self._source):
                    yield Audience(target, captions=True), self._said(piece, at)
            case TranslationFinal(utterance=utterance, target=target, text=text):
                if self._spoken.get(utterance) != target:
                    self._texts[utterance, target] = text
                    yield Audience(target), self._said(piece, at)
            case SpeechBegan(target=target) | SpeechFinished(target=target):
                yield Audience(target, speech=True), self._said(piece, at)
            case SpeechMissing(utterance=utterance, target=target):
                if self._spoken.get(utterance) != target:
                    yield Audience(target, speech=True), self._said(piece, at)
            case ErrorTold(utterance=int(), target=str(target)):
                yield Audience(target), self._said(piece, at)
            case SpeechFrame(target=target):
                yield Audience(target, speech=True), piece
            case _:
                pass

    def text(self, utterance: int, target: str) -> str:
        """What this utterance is in `target`, as far as it was told and is remembered."""
        return self._texts.get((utterance, target), "")

    def _said(self, event: Said, at: float) -> RoomSaid:
        return RoomSaid(speaker=self.speaker, at=round(at, 3), event=event)

    def _keep(self, utterance: int, language: str) -> None:
        self._spoken[utterance] = language
        oldest = utterance - KEPT
        self._spoken.pop(oldest, None)
        for key in [key for key in self._texts if key[0] <= oldest]:
            del self._texts[key]
