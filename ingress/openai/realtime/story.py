"""PURE. What a transcription session tells, retold as OpenAI's clients expect it: items, in order, each of them whole.

    utterance.started                     speech_started                (the client does not end utterances itself)
    transcript.partial                    delta: what is sure by now
    utterance.ended                       speech_stopped, committed, item added, item done
    utterance.dropped                     speech_stopped: nothing comes of it
    transcript.final, utterance.empty     delta: the rest; completed
    error about an utterance              failed

The first four may be lost on their way. Then they are made up from what comes after them: an utterance is committed at
the latest when the next one begins or its outcome is there, and after all before it. So a client sees each item
started, stopped, committed, added and done, and completed or failed, in this order, and items committed in the order in
which they were said.

An item is an utterance, but for those that came to nothing: the next one has the same number, and another item.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ingress.openai.realtime import events
from ingress.openai.realtime.configuration import Detection
from ingress.openai.realtime.events import ServerEvent
from ingress.openai.realtime.growth import Growth
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    TranscriptFinal,
    TranscriptPartial,
    UtteranceDropped,
    UtteranceEmpty,
    UtteranceEnded,
    UtteranceStarted,
)

Dialect = Literal["ga", "beta"]
"""Today's events, or those of `OpenAI-Beta: realtime=v1`."""


class _Turn(msgspec.Struct):
    """An utterance that has no outcome yet. `announced`: its beginning was told. `over`: its end was, too, or it was
    given up."""

    item: str
    start_ms: int
    growth: Growth
    announced: bool = False
    over: bool = False


class Story:
    """`session` is part of the items' names."""

    def __init__(self, session: str, dialect: Dialect) -> None:
        self.detection: Detection | None = None
        """How utterances end; None: where the client says so."""
        self.committed = 0
        """Utterances that became items: all up to this one."""
        self._session = session
        self._dialect = dialect
        self._turns: dict[int, _Turn] = {}
        self._items = 0
        self._last: str | None = None
        self._end_ms = 0

    def hear(self, event: ClientEvent, now_ms: int) -> list[ServerEvent]:
        """`now_ms`: how much audio was sent."""
        match event:
            case UtteranceStarted(utterance=number, start=start):
                return self._begin(number, _ms(start), now_ms)
            case UtteranceEnded(utterance=number, start=start, end=end):
                return self._commit(number, _ms(start), _ms(end), now_ms)
            case UtteranceDropped(utterance=number):
                return self._drop(number, now_ms)
            case TranscriptPartial(utterance=number, committed=text):
                begun = self._begin(number, self._end_ms, now_ms)
                return begun + self._grow(number, text)
            case TranscriptFinal(utterance=number, start=start, end=end):
                told = self._commit(number, _ms(start), _ms(end), now_ms)
                return told + self._complete(number, event.text, event.language, end - start)
            case UtteranceEmpty(utterance=number, start=start, end=end):
                told = self._commit(number, _ms(start), _ms(end), now_ms)
                return told + self._complete(number, "", "", end - start)
            case ErrorTold(utterance=int(number), target=None):
                return self._commit(number, self._end_ms, now_ms, now_ms) + self._fail(number, event)
            case _:
                return []

    def clear(self, now_ms: int) -> list[ServerEvent]:
        """The client does not want what it sent since the last utterance ended."""
        return [*self._drop(self.committed + 1, now_ms), events.Cleared()]

    # --- from beginning to end ---

    def _begin(self, number: int, start_ms: int, now_ms: int) -> list[ServerEvent]:
        if number <= self.committed:
            return []
        told = self._commit_before(number, start_ms, now_ms)
        turn = self._turns.get(number)
        if turn is None or turn.over:
            self._items += 1
            item = f"item_{self._session}{self._items:06}"
            padding = self.detection.prefix_padding_ms if self.detection is not None else 0
            turn = self._turns[number] = _Turn(item, min(now_ms, max(self._end_ms, start_ms - padding)), Growth())
        if self.detection is not None and not turn.announced:
            turn.announced = True
            told.append(events.SpeechStarted(item_id=turn.item, audio_start_ms=turn.start_ms))
        return told

    def _drop(self, number: int, now_ms: int) -> list[ServerEvent]:
        turn = self._turns.get(number)
        return [] if number <= self.committed or turn is None else self._stop(turn, now_ms)

    def _stop(self, turn: _Turn, end_ms: int) -> list[ServerEvent]:
        if turn.over:
            return []
        turn.over = True
        self._end_ms = max(turn.start_ms, end_ms)
        return [events.SpeechStopped(item_id=turn.item, audio_end_ms=self._end_ms)] if turn.announced else []

    def _commit(self, number: int, start_ms: int, end_ms: int, now_ms: int) -> list[ServerEvent]:
        if number <= self.committed:
            return []
        told = self._commit_before(number, start_ms, now_ms)
        if number not in self._turns:
            told += self._begin(number, start_ms, now_ms)
        turn = self._turns[number]
        silence = self.detection.silence_duration_ms if self.detection is not None else 0
        told += self._stop(turn, min(now_ms, end_ms + silence))
        item, before = events.Item(id=turn.item), self._last
        self.committed, self._last = number, turn.item
        told.append(events.Committed(item_id=turn.item, previous_item_id=before))
        if self._dialect == "beta":
            return [*told, events.ItemCreated(item=item, previous_item_id=before)]
        added = events.ItemAdded(item=item, previous_item_id=before)
        return [*told, added, events.ItemDone(item=item, previous_item_id=before)]

    def _commit_before(self, number: int, start_ms: int, now_ms: int) -> list[ServerEvent]:
        """Whatever came before this one has ended, though nobody said so."""
        return [
            event
            for earlier in range(self.committed + 1, number)
            for event in self._commit(earlier, self._end_ms, start_ms, now_ms)
        ]

    # --- what was said ---

    def _grow(self, number: int, text: str) -> list[ServerEvent]:
        turn = self._turns.get(number)
        return self._delta(turn, turn.growth.sure(text)) if turn is not None else []

    def _delta(self, turn: _Turn, more: str) -> list[ServerEvent]:
        return [events.TranscriptDelta(item_id=turn.item, delta=more)] if more else []

    def _complete(self, number: int, text: str, language: str, seconds: float) -> list[ServerEvent]:
        turn = self._turns.pop(number, None)
        if turn is None:
            return []
        completed = events.TranscriptCompleted(
            item_id=turn.item,
            transcript=text,
            usage=events.Usage(seconds=round(seconds, 3)),
            languages=[events.Language(code=language)] if language else [],
        )
        return [*self._delta(turn, turn.growth.final(text)), completed]

    def _fail(self, number: int, error: ErrorTold) -> list[ServerEvent]:
        turn = self._turns.pop(number, None)
        if turn is None:
            return []
        failure = events.Failure(type="server_error", code=error.code, message=error.message)
        return [events.TranscriptFailed(item_id=turn.item, error=failure)]


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
