"""What became of each utterance, told in order. PURE.

Results come back in any order, twice, or not at all; clients are told in utterance order, once, for certain. There is
one lane for transcripts, one for each target's translations, and one for each target's speech. A lane moves on only
when the utterance at its head is settled in that lane; a deadline settles what nobody else did, so no lane stands still
for ever. An utterance that is settled in every lane is forgotten.

What settles an utterance in each lane (the first to come wins, whatever its attempt):

    transcript     Transcribed -> transcript.final   FoundEmpty -> utterance.empty   failure -> error
    translation    Translated -> translation.final   failure -> error                (nothing, if there are no words)
    speech         SpeechEnded -> speech.started, speech.ended      SpeechUnavailable -> speech.unavailable
                   failure -> error                                 (nothing, if there is no translation)

`speech.started` is told as soon as the lane's head has begun to speak, so that playing can begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from actors.attempts import Work
from actors.captions import corrections
from wire.messages import (
    FoundEmpty,
    NodeMessage,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)
from wire.options import Word
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)

Stage = Literal["asr", "translate", "speech"]
NO_ANSWER = "timed_out"


class Failure(msgspec.Struct, frozen=True):
    code: str
    message: str
    retryable: bool


class Voice(msgspec.Struct):
    """Speech into one target."""

    sample_rate: int = 0
    seconds: float = -1.0
    chunks: int = 0
    missing: str | None = None
    failure: Failure | None = None
    began: bool = False

    @property
    def settled(self) -> bool:
        return self.seconds >= 0 or self.missing is not None or self.failure is not None


class Utterance(msgspec.Struct):
    """One utterance under way. `start` and `end` are seconds of the session's audio. `told` counts the lanes' progress:
    "transcript", "t:<target>" and "s:<target>" are in it once settled and told. `held_until`: its job waits for a
    partial; `bound`: it has one. `committed` was shown as its beginning while it was spoken. `between`: of two targets,
    that in which it was said falls away."""

    number: int
    start: float
    end: float
    targets: list[str]
    speak: list[str]
    work: Work
    deadline: float
    latest: float
    held_until: float = 0.0
    bound: bool = False
    between: bool = False
    committed: str = ""
    text: str | None = None
    language: str = ""
    words: list[Word] = []
    empty: str | None = None
    failure: Failure | None = None
    translations: dict[str, str | Failure] = {}
    voices: dict[str, Voice] = {}
    told: list[str] = []

    def fold(self, result: NodeMessage) -> Transcribed | None:
        """Take in a result; returns the transcript if this result settled it."""
        match result:
            case Transcribed() if not self._heard:
                if not result.text.strip():
                    self.empty = "no_speech"
                    return None
                self.text, self.language, self.words = result.text, result.language, result.words
                if self.between:
                    self.targets = [each for each in self.targets if each != result.language]
                    self.speak = [each for each in self.speak if each != result.language]
                return result
            case FoundEmpty() if not self._heard:
                self.empty = result.reason
            case Translated() if result.target in self.targets:
                self.translations.setdefault(result.target, result.text)
            case SpeechStarted() if result.target in self.speak:
                voice = self._voice(result.target)
                voice.sample_rate = voice.sample_rate or result.sample_rate
            case SpeechEnded() if result.target in self.speak and not self._voice(result.target).settled:
                voice = self._voice(result.target)
                voice.seconds, voice.chunks = result.seconds, result.chunks
            case SpeechUnavailable() if result.target in self.speak and not self._voice(result.target).settled:
                self._voice(result.target).missing = result.reason
            case StageFailed(retryable=False):
                later = result.code == NO_ANSWER
                self.fail(result.stage, result.target, Failure(result.code, result.message, later))
            case _:
                pass
        return None

    def fail(self, stage: Stage, target: str | None, failure: Failure) -> None:
        """Settle what is not settled in this stage, and in those that needed it."""
        if stage == "asr" and not self._heard:
            self.failure = failure
        for each in self.targets if target is None else [target]:
            if stage != "speech" and each in self.targets:
                self.translations.setdefault(each, failure)
            if each in self.speak and not self._voice(each).settled:
                self._voice(each).failure = failure

    def expire(self) -> None:
        """Nothing more is to be expected."""
        failure = Failure(NO_ANSWER, self.work.unplaced or "no result came in time", True)
        self.fail("asr", None, failure)

    @property
    def _heard(self) -> bool:
        return self.text is not None or self.empty is not None or self.failure is not None

    def _voice(self, target: str) -> Voice:
        return self.voices.setdefault(target, Voice())

    # --- telling ---

    def transcript_events(self) -> Iterator[ClientEvent]:
        """The transcript lane; adds "transcript" to `told` when it is settled."""
        if not self._heard:
            return
        self.told.append("transcript")
        if self.text is not None:
            yield TranscriptFinal(
                utterance=self.number,
                text=self.text,
                language=self.language,
                start=self.start,
                end=self.end,
                corrected=corrections(self.committed, self.text),
                words=self.words,
            )
        elif self.empty is not None:
            yield UtteranceEmpty(utterance=self.number, reason=self.empty, start=self.start, end=self.end)
        else:
            assert self.failure is not None
            yield _error(self.failure, self.number)

    def translation_events(self, target: str) -> Iterator[ClientEvent]:
        if "transcript" not in self.told:
            return
        if self.text is None:
            self.told.append(f"t:{target}")
            return
        found = self.translations.get(target)
        if found is None:
            return
        self.told.append(f"t:{target}")
        if isinstance(found, Failure):
            yield _error(found, self.number, target)
        else:
            yield TranslationFinal(utterance=self.number, target=target, text=found)

    def speech_events(self, target: str) -> Iterator[ClientEvent]:
        if f"t:{target}" not in self.told:
            return
        if isinstance(self.translations.get(target), Failure) or self.text is None:
            self.told.append(f"s:{target}")
            return
        voice = self._voice(target)
        if voice.sample_rate and not voice.began:
            voice.began = True
            yield SpeechBegan(utterance=self.number, target=target, sample_rate=voice.sample_rate)
        if not voice.settled:
            return
        self.told.append(f"s:{target}")
        if voice.failure is not None:
            yield _error(voice.failure, self.number, target)
        elif voice.missing is not None:
            yield SpeechMissing(utterance=self.number, target=target, reason=voice.missing)
        else:
            yield SpeechFinished(utterance=self.number, target=target, seconds=voice.seconds, chunks=voice.chunks)

    # --- what is left to do ---

    @property
    def untranslated(self) -> list[str]:
        """Targets without an outcome, while there may be one."""
        return [] if self.empty or self.failure else [each for each in self.targets if each not in self.translations]

    @property
    def unspoken(self) -> list[str]:
        if self.empty or self.failure:
            return []
        return [each for each in self.speak if not self._voice(each).settled]

    @property
    def unheard(self) -> bool:
        return not self._heard

    @property
    def needs_audio(self) -> bool:
        """Whether another attempt would need its audio (translation may work from the audio too), if it has any."""
        return self.work.end > self.work.first and (self.unheard or bool(self.untranslated))

    @property
    def unsettled(self) -> bool:
        return self.unheard or bool(self.untranslated) or bool(self.unspoken)

    @property
    def done(self) -> bool:
        return len(self.told) == 1 + len(self.targets) + len(self.speak)


def tell(utterances: list[Utterance]) -> list[ClientEvent]:
    """All events that are due, in order; removes the utterances that are done. `utterances` is in order."""
    events: list[ClientEvent] = []
    blocked: set[str] = set()
    for utterance in utterances:
        lanes = [("transcript", utterance.transcript_events)]
        for target in utterance.targets:
            lanes.append((f"t:{target}", lambda u=utterance, t=target: u.translation_events(t)))  # type: ignore[misc]
        for target in utterance.speak:
            lanes.append((f"s:{target}", lambda u=utterance, t=target: u.speech_events(t)))  # type: ignore[misc]
        for lane, due in lanes:
            if lane in blocked or lane in utterance.told:
                continue
            events.extend(due())
            if lane not in utterance.told:
                blocked.add(lane)
    utterances[:] = [utterance for utterance in utterances if not utterance.done]
    return events


def _error(failure: Failure, utterance: int, target: str | None = None) -> ErrorTold:
    return ErrorTold(
        code=failure.code, message=failure.message, retryable=failure.retryable, utterance=utterance, target=target
    )
