"""PURE. What a client has heard so far, as it must tell when it comes back."""

from __future__ import annotations

from cli.events import Event, SpeechFrame, UnknownEvent
from wire.protocol import ClientEvent, ErrorTold, SpeechBegan, SpeechFinished, SpeechHeard, SpeechMissing


class Hearing:
    """`n` is the number of the last event."""

    def __init__(self) -> None:
        self.n = 0
        self._speech: dict[tuple[int, str], int] = {}

    def take(self, event: Event) -> bool:
        """Whether it is new. A frame of speech that was heard before is not."""
        if isinstance(event, SpeechFrame):
            return self._frame(event)
        if isinstance(event, ClientEvent | UnknownEvent):
            self.n = max(self.n, event.n)
        match event:
            case SpeechBegan(utterance=utterance, target=target):
                self._speech[utterance, target] = 0
            case SpeechFinished(utterance=utterance, target=target) | SpeechMissing(utterance=utterance, target=target):
                self._speech.pop((utterance, target), None)
            case ErrorTold(utterance=int(utterance), target=str(target)):
                self._speech.pop((utterance, target), None)
        return True

    def _frame(self, frame: SpeechFrame) -> bool:
        key = frame.utterance, frame.target
        count = self._speech.get(key, 0)
        if frame.sequence < count:
            return False
        self._speech[key] = frame.sequence + 1
        return True

    @property
    def speech(self) -> list[SpeechHeard]:
        """What has begun and not ended."""
        return [
            SpeechHeard(utterance=utterance, target=target, chunks=count)
            for (utterance, target), count in sorted(self._speech.items())
        ]
