"""Who speaks when: a session's endpointing, and what its client is told of it at once. PURE.

`actors.endpointing` says where utterances begin and end; here that becomes utterances, and, for a client that asked for
boundaries, events that are live only:

    utterance.started    somebody is known to speak: enough frames had a voice
    utterance.ended      it is an utterance now, and its outcome follows
    utterance.dropped    it is none: it was cleared, or too little was left of it, or a text took its number

Each that ended had been started, under the same number; of what was dropped the number is used again. They are of one
moment alone, so a scheduler that takes over does not tell again what its predecessor told, or was about to. `begun` in
the state is part of the fold, told or not: what it goes on with is in step with what was told before, and all that a
client may miss is an event that fell into the gap. Outcomes are never missed, and say as much.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.commands import Command, TellLive
from actors.endpointing import Boundary, Rules
from actors.state import SessionState
from actors.utterances import Utterances
from wire.audio import FRAME_SAMPLES, FRAME_SECONDS
from wire.env import SchedulerSettings
from wire.messages import TextGiven
from wire.protocol import ClientEvent, UtteranceDropped, UtteranceEnded, UtteranceStarted

AUDIO_STALL_S = 4.0
"""An utterance whose audio stops coming ends after this long: a connection that breaks is usually back before."""


class Turns:
    """Acts on `state.endpointer`; `rules` are those of the session as it is now."""

    def __init__(
        self,
        state: SessionState,
        settings: SchedulerSettings,
        utterances: Utterances,
        command: Callable[[Command], None],
    ) -> None:
        self._state = state
        self._settings = settings
        self._utterances = utterances
        self._command = command
        self.rules = Rules.of(settings, state.options)

    def changed(self) -> None:
        """The session's options are others now: they hold from the next frame on."""
        self.rules = Rules.of(self._settings, self._state.options)

    def feed(self, speech: bytes, now: float) -> None:
        """The next frames' speech probabilities."""
        for boundary in self._state.endpointer.feed(self.rules, speech):
            self._ended(boundary, now)
        self._look()

    def finalize(self, now: float) -> None:
        """What is open ends here."""
        boundary = self._state.endpointer.finalize(self.rules)
        if boundary is not None:
            self._ended(boundary, now)
        self._look()

    def clear(self) -> None:
        """What was said since the last utterance is not wanted."""
        self._state.endpointer.clear()
        self._look()

    def write(self, given: TextGiven, now: float) -> None:
        """A text takes the next number; who speaks meanwhile goes on under the one after it."""
        state = self._state
        if state.begun == state.next_utterance:
            state.begun = 0
            self._tell(UtteranceDropped(utterance=state.next_utterance))
        self._utterances.write(given, now)
        self._look()

    def lost(self, now: float) -> None:
        """Audio is missing before that which comes next. Where the client ends utterances itself, that ends none."""
        if not self._state.options.endpointing.manual:
            self.finalize(now)

    def stalled_at(self) -> float | None:
        """When what is open ends because no audio has come. Not where a client ends utterances itself, nor a recording:
        its pieces wait for each other."""
        options = self._state.options
        if not self._state.endpointer.open or options.endpointing.manual or options.recorded:
            return None
        return self._state.heard_audio + AUDIO_STALL_S

    def needed_from(self) -> int:
        """The first sample that may become an utterance's yet."""
        return self._state.endpointer.keep_from(self.rules) * FRAME_SAMPLES

    # --- what is told ---

    def _ended(self, boundary: Boundary, now: float) -> None:
        state, number = self._state, self._state.next_utterance
        start, end = boundary.voice
        if state.begun == number and state.begun_at != boundary.start:
            self._drop()
        if state.begun != number:
            self._begin(boundary.start, start)
        self._utterances.begin(boundary, now)
        self._tell(UtteranceEnded(utterance=number, start=start, end=end))

    def _look(self) -> None:
        """What was open may have gone; what is open may be known to be speech by now."""
        state, open_ = self._state, self._state.endpointer
        if state.begun == state.next_utterance and state.begun_at != open_.start:
            self._drop()
        if open_.open and open_.voiced >= self.rules.onset and state.begun != state.next_utterance:
            self._begin(open_.start, round(open_.voiced_from * FRAME_SECONDS, 3))

    def _begin(self, at: int, start: float) -> None:
        self._state.begun, self._state.begun_at = self._state.next_utterance, at
        self._tell(UtteranceStarted(utterance=self._state.begun, start=start))

    def _drop(self) -> None:
        state = self._state
        if state.captions is not None and state.captions.utterance == state.begun:
            state.captions.forget()
        self._tell(UtteranceDropped(utterance=state.begun))
        state.begun = 0

    def _tell(self, event: ClientEvent) -> None:
        if self._state.options.boundaries:
            self._command(TellLive(event))
