"""How long people wait, as a scheduler sees it: told to the histograms of `wire.metrics` where it happens.

    dispatch        an utterance's end is decided -> its job is stored
    job wait        an attempt is decided -> a node says that it begins it
    final lag       an utterance's end is decided -> its transcript, its translation, its first speech is stored for the
                    client; what a predecessor told already does not count again
    first partial   the beginning of an utterance's audio -> the first words of a live caption, in audio

Times are stream time. Recordings wait by design: only their job wait is told, and apart. The job wait of live speech is
told to the census too: who is let in depends on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from actors.census import Census
from actors.commands import Command, TellLive
from actors.session import Session
from wire import metrics
from wire.audio import seconds
from wire.messages import JobStarted
from wire.protocol import (
    ClientEvent,
    SessionClosed,
    SpeechBegan,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
)

KEPT = 4
"""Utterances that are done are remembered for so many more: what was commanded of them may not be stored yet."""

_LIVE_WAIT, _RECORDED_WAIT = (metrics.JOB_WAIT.labels(work) for work in ("live", "recorded"))
_TRANSCRIPT, _TRANSLATION, _SPEECH = (
    metrics.FINAL_LAG.labels(what) for what in ("transcript", "translation", "speech")
)


class _Course:
    """Of one session: the number of its next utterance, when those under way were decided, and the last that had a
    caption."""

    __slots__ = ("captioned", "decided", "next")

    def __init__(self, number: int) -> None:
        self.next = number
        self.decided: dict[int, float] = {}
        self.captioned = 0


class Lags:
    """Of the sessions of one partition, which `census` counts. `dispatch_seconds` has the latest times to dispatch."""

    def __init__(self, census: Census) -> None:
        self._census = census
        self._courses: dict[str, _Course] = {}
        self.dispatch_seconds: deque[float] = deque(maxlen=1000)

    def dispatched(self, seconds: float) -> None:
        """A job is stored."""
        self.dispatch_seconds.append(seconds)
        metrics.DISPATCH.observe(seconds)

    def began(self, session: Session, mail: JobStarted, now: float) -> None:
        """A node says so; call it before the session knows."""
        for utterance in session.state.utterances:
            work = utterance.work
            if (utterance.number, work.attempt, work.started) == (mail.utterance, mail.attempt, False):
                wait, seconds = _RECORDED_WAIT if work.recorded else _LIVE_WAIT, max(0.0, now - work.sent_at)
                wait.observe(seconds)
                if work.attempt == 1 and not work.recorded:
                    self._census.waited(work.pool, seconds)

    def commanded(self, session: Session, commands: Sequence[Command], since: float) -> None:
        """The session has folded in what is stamped `since`, and this came of it."""
        self._census.commanded(session, commands)
        state = session.state
        course = self._courses.get(state.session)
        if course is None:
            if state.options.recorded:
                return
            course = self._courses[state.session] = _Course(state.next_utterance)
        if course.next != state.next_utterance:
            oldest = state.utterances[0].number if state.utterances else state.next_utterance
            course.decided = {number: at for number, at in course.decided.items() if number >= oldest - KEPT}
            course.decided |= dict.fromkeys(range(course.next, state.next_utterance), since)
            course.next = state.next_utterance
        for command in commands:
            match command:
                case TellLive(TranscriptPartial(utterance=number)) if number > course.captioned:
                    course.captioned = number
                    if state.captions is not None:
                        metrics.FIRST_PARTIAL.observe(seconds(session.buffer.end - state.captions.start))

    def told(self, session: str, event: ClientEvent, now: float) -> None:
        """It is stored, and was not before."""
        course = self._courses.get(session)
        if course is None:
            return
        match event:
            case TranscriptFinal(utterance=number):
                lag = _TRANSCRIPT
            case TranslationFinal(utterance=number):
                lag = _TRANSLATION
            case SpeechBegan(utterance=number):
                lag = _SPEECH
            case SessionClosed():
                del self._courses[session]
                return
            case _:
                return
        if (decided := course.decided.get(number)) is not None:
            lag.observe(max(0.0, now - decided))
