"""What comes of a recording's session, gathered utterance by utterance. PURE: a fold over what a client is told.

    `take(piece)`   -> utterances that are finished in writing, in order; and speech that there is not
    `reached()`     -> how far each stage is, in seconds of the recording

A session tells transcripts in order, and translations in order for each target, but targets among one another in any.
An utterance is finished in writing when all its translations are settled; it is followed until its speech is, too. Few
are under way at any time, so looking at all of them is cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingress.delivery import Outgoing
from wire.options import Word
from wire.protocol import (
    ErrorTold,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
    UtteranceEnded,
)
from wire.records import Failure, RecordedUtterance


@dataclass(frozen=True, slots=True)
class Finished:
    """An utterance, finished in writing. `empty`: why there are no words; then the rest of it means nothing."""

    told: RecordedUtterance
    words: list[Word]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Unspoken:
    """An utterance that has a translation, and no speech."""

    utterance: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Reached:
    """Seconds."""

    heard: float
    translated: dict[str, float]
    spoken: dict[str, float]


@dataclass(slots=True)
class _Open:
    start: float
    end: float
    language: str = ""
    text: str = ""
    words: list[Word] = field(default_factory=list)
    empty: str = ""
    heard: bool = False
    untranslated: set[str] = field(default_factory=set)
    unspoken: set[str] = field(default_factory=set)
    translations: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    written: bool = False


class Gathering:
    """`between`: of two targets, that in which something was said falls away."""

    def __init__(self, targets: list[str], spoken: list[str], between: list[str]) -> None:
        self.failures = 0
        self.finished = 0
        self._targets, self._spoken, self._between = targets, spoken, between
        self._open: dict[int, _Open] = {}
        self._end = 0.0  # of the newest utterance that has an outcome

    def take(self, piece: Outgoing) -> list[Finished | Unspoken]:
        match piece:
            case UtteranceEnded(utterance=number, start=start, end=end):
                self._utterance(number, start, end)
            case TranscriptFinal(utterance=number, start=start, end=end):
                found = self._utterance(number, start, end)
                found.language, found.text, found.words = piece.language, piece.text, piece.words
                left_out = piece.language if self._between else ""
                found.untranslated = {each for each in self._targets if each != left_out}
                found.unspoken = {each for each in self._spoken if each != left_out}
                self._hear(found)
            case UtteranceEmpty(utterance=number, start=start, end=end, reason=reason):
                found = self._utterance(number, start, end)
                found.empty = reason
                self._hear(found)
            case TranslationFinal(utterance=number, target=target, text=text) if number in self._open:
                self._open[number].translations[target] = text
                self._open[number].untranslated.discard(target)
            case SpeechFinished(utterance=number, target=target) if number in self._open:
                self._open[number].unspoken.discard(target)
            case SpeechMissing(utterance=number, target=target, reason=reason):
                return self._unspoken(number, Failure(target=target, code="speech_unavailable", message=reason))
            case ErrorTold(utterance=int(number), target=target, code=code, message=message):
                return self._failed(number, Failure(target=target, code=code, message=message))
            case _:
                return []
        return list(self._settle())

    def start(self, utterance: int) -> float:
        """Of one whose speech is still to come, or has just."""
        return self._open[utterance].start if utterance in self._open else self._end

    def _failed(self, number: int, failure: Failure) -> list[Finished | Unspoken]:
        self.failures += 1
        found = self._utterance(number, self._end, self._end)
        target = failure.target
        if target is not None and found.heard and target not in found.untranslated:
            return self._unspoken(number, failure)
        found.failures.append(failure)
        if target is None:
            self._hear(found)
        else:
            found.untranslated.discard(target)
            found.unspoken.discard(target)
        return list(self._settle())

    def _unspoken(self, number: int, failure: Failure) -> list[Finished | Unspoken]:
        if (found := self._open.get(number)) is not None:
            found.unspoken.discard(failure.target or "")
        return [Unspoken(number, failure), *self._settle()]

    def _utterance(self, number: int, start: float, end: float) -> _Open:
        """What is known of its beginning and end: an outcome says it, or UtteranceEnded, which may be lost."""
        found = self._open.get(number)
        if found is None:
            found = self._open[number] = _Open(start, end)
        elif end > start:
            found.start, found.end = start, end
        return found

    def _hear(self, found: _Open) -> None:
        found.heard = True
        self._end = max(self._end, found.end)

    def _settle(self) -> Iterator[Finished]:
        for number in sorted(self._open):
            found = self._open[number]
            if not found.heard or found.untranslated:
                break
            if not found.written:
                found.written = True
                self.finished += 1
                yield self._finished(number, found)
        for number in [number for number, each in self._open.items() if each.written and not each.unspoken]:
            del self._open[number]

    def _finished(self, number: int, found: _Open) -> Finished:
        told = RecordedUtterance(
            utterance=number, start=found.start, end=found.end, language=found.language, text=found.text,
            translations={each: found.translations[each] for each in self._targets if each in found.translations},
            errors=sorted(found.failures, key=lambda each: (each.target or "", each.code)),
        )  # fmt: skip
        return Finished(told, found.words, found.empty)

    # --- how far it is ---

    def reached(self) -> Reached:
        under_way = [self._open[number] for number in sorted(self._open)]

        def before(behind: Iterable[_Open]) -> float:
            return min([each.start for each in behind] + [self._end])

        return Reached(
            before(each for each in under_way if not each.heard),
            {t: before(each for each in under_way if not each.heard or t in each.untranslated) for t in self._targets},
            {t: before(each for each in under_way if not each.heard or t in each.unspoken) for t in self._spoken},
        )
