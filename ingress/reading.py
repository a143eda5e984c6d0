"""One speaker of a room, read once for all members at this ingress.

What is in the stream when it begins is history: it is kept for those who join, and told as text. What comes after goes
to each member who is an audience of it, encoded once, the same bytes to all.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ingress import browser, events
from ingress.delivery import Delivery, Outgoing, SpeechFrame
from ingress.feed import END_OF_STREAM, Feed, SessionFeed
from ingress.outbox import Frame
from ingress.replay import Replay
from ingress.telling import Audience, Telling
from wire import subjects
from wire.bus import Bus
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SpeechBegan,
    SpeechFinished,
    SpeechHeard,
    SpeechMissing,
)

ALL_CHUNKS = 2**31


class Reading:
    """`tell` is called with each frame and whom it is for; `number` marks the speaker's voice."""

    def __init__(
        self, bus: Bus, session: str, speaker: str, number: int, tell: Callable[[str, Audience, Frame], None]
    ) -> None:
        self.session = session
        self.speaker = speaker
        self.number = number
        self.replay = Replay()
        self.over = False
        """Nothing more comes from this session."""
        self.left_at: float | None = None
        self._bus = bus
        self._telling = Telling(speaker)
        self._tell = tell
        self._feed: SessionFeed | None = None
        self._n = 0

    @property
    def begun(self) -> bool:
        return self._feed is not None or self.over

    async def begin(self, feed: Feed, have: int | None, since: float, stir: Callable[[], None]) -> None:
        """History is what was told before `since` (seconds since the epoch) and, with `have`, events up to this number.

        Raises NatsUnavailable.
        """
        subject = subjects.event(self.session)
        after, checkpoint, speaking = 0, 0, set[tuple[int, str]]()
        for found in await self._bus.read(subjects.EVENTS, subject, 1, END_OF_STREAM):
            event = events.read(found.data)
            if found.time >= since or (have is not None and after and event.n > have):
                after = after or event.n - 1
                break
            after, checkpoint = event.n, found.sequence
            self._remember(event, found.time)
            match event:
                case SpeechBegan(utterance=utterance, target=target):
                    speaking.add((utterance, target))
                case (
                    SpeechFinished(utterance=utterance, target=target)
                    | SpeechMissing(utterance=utterance, target=target)
                ):
                    speaking.discard((utterance, target))
                case ErrorTold(utterance=int(utterance), target=str(target)):
                    speaking.discard((utterance, target))
        self._n = after
        if self.over:
            return
        heard = [SpeechHeard(utterance=number, target=target, chunks=ALL_CHUNKS) for number, target in speaking]
        self._feed = SessionFeed(
            self._bus, self.session, self._pass, stir, self.stop, Delivery(after, heard), checkpoint
        )  # fmt: skip
        feed.readings[self.session] = self._feed
        self._feed.hurry()

    def end(self, feed: Feed) -> None:
        """Read no more; what was said stays."""
        if self._feed is not None and feed.readings.get(self.session) is self._feed:
            del feed.readings[self.session]
        self._feed = None
        self.over = True

    def stop(self) -> None:
        """Another took its place."""
        self.over = True

    @property
    def due(self) -> float:
        return self._feed.due if self._feed is not None and not self.over else float("inf")

    async def keep(self, now: float) -> None:
        """Read what was lost on the way, if it is time."""
        if self._feed is not None and not self.over:
            await self._feed.keep(now)

    def text(self, utterance: int, target: str) -> str:
        return self._telling.text(utterance, target)

    def _remember(self, event: ClientEvent, at: float) -> None:
        for audience, told in self._telling.audience(event, at):
            if not isinstance(told, SpeechFrame) and not audience.speech:
                self.replay.add(event.n, at, audience, browser.write_event(told))
        self.over = isinstance(event, SessionClosed)

    def _pass(self, piece: Outgoing) -> None:
        at = time.time()
        if not isinstance(piece, SpeechFrame):
            self._n = piece.n or self._n
        for audience, told in self._telling.audience(piece, at):
            if isinstance(told, SpeechFrame):
                frame: Frame = browser.write_speech(told.utterance, told.target, told.chunk, self.number)
            else:
                frame = browser.write_event(told)
            if isinstance(piece, SpeechFrame) or piece.n:
                self.replay.add(self._n, at, audience, frame)
            self._tell(self.speaker, audience, frame)
        if isinstance(piece, SessionClosed):
            self.over = True
