"""What a session's client is shown of what is being said. PURE.

When partials are due, and what is committed of their answers, is for `actors.captions` to say; here they are
asked for and shown.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.audio import AudioBuffer
from actors.captions import Captions
from actors.commands import Command, RunPartial, TellLive
from actors.endpointing import Rules
from actors.jobs import partial_of
from actors.state import SessionState
from actors.utterances import Utterances
from wire.audio import FRAME_SAMPLES, FRAME_SECONDS, seconds
from wire.messages import Hypothesis
from wire.protocol import TranscriptPartial, TranslationPartial

PAUSE_FRAMES = 4
"""In a pause that is longer no partial is asked for, until it is known whether speech has ended."""


class Captioning:
    """Acts on `state.captions`."""

    def __init__(
        self, state: SessionState, buffer: AudioBuffer, utterances: Utterances, command: Callable[[Command], None]
    ) -> None:
        self._state = state
        self._buffer = buffer
        self._utterances = utterances
        self._command = command

    def ask(self, rules: Rules, now: float) -> None:
        """Ask for what was said so far of the utterance that is open, if that is due."""
        state, open_ = self._state, self._state.endpointer
        if not (state.options.captions and open_.open and open_.voiced >= rules.onset) or state.options.recorded:
            return
        if self._utterances.unheard:
            return
        captions = state.captions = state.captions or Captions()
        captions.begin(state.next_utterance, open_.start * FRAME_SAMPLES, open_.voiced_from * FRAME_SAMPLES)
        timed, ask = state.options.words, None
        if open_.silent >= rules.hangover:
            first, end = open_.start, open_.voiced_to + rules.hangover
            ask = captions.ask_whole(now, first * FRAME_SAMPLES, end * FRAME_SAMPLES, timed=timed)
        elif open_.silent < PAUSE_FRAMES:
            ask = captions.ask(now, open_.frame * FRAME_SAMPLES, timed=timed)
        if ask is not None:
            self._command(RunPartial(partial_of(state, ask, self._buffer)))

    def hear(self, found: Hypothesis, now: float) -> None:
        """An answer has come."""
        state, captions = self._state, self._state.captions
        if captions is None:
            return
        shown = found
        if state.echo is not None:
            onset = max(seconds(captions.start), state.endpointer.voiced_from * FRAME_SECONDS)
            if state.echo.is_echo(found.text, onset, seconds(captions.asked_to)):
                shown = msgspec.structs.replace(found, text="")
        if not captions.hear(shown, now, keeps=bool(state.options.live)):
            return
        if captions.whole is shown:
            captions.whole = found  # its final decides anew, by the whole utterance, whether it is an echo
        self._utterances.heard_whole(captions, now)
        if captions.utterance != state.next_utterance:
            return  # its final says it
        number = captions.utterance
        if (told := captions.transcript.show(captions.settled)) is not None:
            committed, tentative = told
            self._command(TellLive(TranscriptPartial(utterance=number, committed=committed, tentative=tentative)))
        for target, translation in captions.translations.items():
            if (told := translation.show()) is not None:
                committed, tentative = told
                grown = TranslationPartial(utterance=number, target=target, committed=committed, tentative=tentative)
                self._command(TellLive(grown))
