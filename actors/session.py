"""A session, as a fold over its mailbox. PURE: no I/O, no clock, no chance; time is an argument.

    commands = session.handle(mail, sequence, now)     now = the stream's stamp of the message
    session.deadline() -> time | None                  when to wake it if nothing comes
    commands = session.on_deadline(now)                now = that deadline

The same mail in the same order gives the same commands, so a scheduler that takes over loads the last snapshot,
replays what came after, and issues what its predecessor issued, under the same ids. Mail that was folded in already
changes nothing, whether it is the same message again (by sequence) or the same content sent twice (by chunk number,
by state, by first result).

    phase     mail                        what happens
    new       SessionOpened               session.started; open
    open      AudioChunk                  kept; endpointing; an utterance that ended becomes a job
              FinalizeRequested           what is open ends here (once the audio before it is there)
              LanguagesChanged            from the next utterance on
              CloseRequested, ClientLeft  (after a while) what is open ends here; closing
              ClientReturned              session.resumed: where to go on
    open or   results of nodes            folded into their utterance; what is due is told, in order
    closing   last utterance is told      session.closed; closed
    any       SessionTerminated           session.closed; closed

Audio is accepted in chunk order only: what came before is ignored, what skips ahead too (the ingress sends again from
the first that was not acknowledged), unless it says that the audio between is lost for good.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.audio import AudioBuffer
from actors.captions import Captions
from actors.commands import Command, EndSession, RunPartial, SaveSnapshot, TellClient, TellLive
from actors.echo import Echo
from actors.endpointing import Rules
from actors.jobs import partial_of
from actors.outcomes import tell
from actors.state import BufferMark, SessionState, Waiting
from actors.utterances import Utterances
from wire.audio import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, seconds
from wire.env import SchedulerSettings
from wire.messages import (
    AudioChunk,
    ClientLeft,
    ClientMail,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    Hypothesis,
    LanguagesChanged,
    Mail,
    NodeMessage,
    PlaybackEnded,
    PlaybackStarted,
    SessionOpened,
    SessionTerminated,
)
from wire.protocol import (
    AudioAck,
    ClientEvent,
    SessionClosed,
    SessionReady,
    SessionResumed,
    SessionUpdated,
    TranscriptPartial,
    TranslationPartial,
)

ACK_EVERY_S = 1.0
ACK_EVERY_SAMPLES = 5 * SAMPLE_RATE
"""Who sends faster than real time must not run into the end of what may be unacknowledged."""
AUDIO_STALL_S = 4.0
"""An utterance whose audio stops coming ends after this long: a connection that breaks is usually back before."""
WAIT_FOR_AUDIO_S = 30.0
"""Audio that is on its way may be held up by an outage: what comes after the end was granted would be lost."""
SNAPSHOT_EVERY_SAMPLES = 30 * SAMPLE_RATE
MAX_PLAYBACK_S = 120.0
PAUSE_FRAMES = 4
"""In a pause that is longer no partial is asked for, until it is known whether speech has ended."""


class Session:
    """The actor. `state` is all that it remembers, but for the audio in `buffer`."""

    def __init__(self, session: str, settings: SchedulerSettings, state: SessionState | None = None) -> None:
        self.state = state or SessionState(session=session)
        self.settings = settings
        self.rules = Rules.of(settings)
        mark = self.state.buffer
        self.buffer = AudioBuffer(mark.start, mark.first_chunk, mark.connection)
        self._commands: list[Command] = []
        self._utterances = Utterances(self.state, self.buffer, settings, lambda each: self._commands.append(each))

    # --- the three verbs ---

    def handle(self, mail: Mail, sequence: int, now: float) -> list[Command]:
        """Fold in one message. `sequence` is its place in the mailbox; one that was folded in already is ignored."""
        if sequence <= self.state.sequence or self.state.phase == "closed":
            return []
        self.state.sequence = sequence
        if isinstance(mail, ClientMail):
            self.state.heard_from_client = now
        match mail:
            case SessionOpened():
                self._opened(mail, now)
            case _ if self.state.phase == "new":
                return []
            case AudioChunk():
                self._audio(mail, sequence, now)
            case NodeMessage():
                self._utterances.result(mail, now)
                self._let_go()
            case Hypothesis():
                self._hypothesis(mail, now)
                self._let_go()
            case FinalizeRequested() | CloseRequested():
                self._grant_or_wait(mail, now)
            case ClientLeft():
                if mail.connection == self.state.connection:
                    self.state.close_reason = self.state.close_reason or "client_left"
            case ClientReturned():
                self._returned(mail)
            case LanguagesChanged():
                self._languages(mail)
            case PlaybackStarted():
                self._playing(mail, now)
            case PlaybackEnded():
                self.state.group.until = min(self.state.group.until, now)
                if self.state.echo is not None:
                    self.state.echo.ended(mail.utterance, _played(mail), seconds(self.buffer.end))
            case SessionTerminated():
                return self.abort(mail.reason)
            case _:  # ClientSeen: that it was heard from is all that it says
                pass
        return self._finish()

    def deadline(self) -> float | None:
        """The next moment at which something happens although nothing comes."""
        state = self.state
        if state.phase in ("new", "closed"):
            return None
        times = [state.heard_from_client + self.settings.client_timeout_s] if state.phase == "open" else []
        times += self._utterances.deadlines()
        times += [waiting.deadline for waiting in state.waiting]
        if state.endpointer.open:
            times.append(state.heard_audio + AUDIO_STALL_S)
        return min(times, default=None)

    def on_deadline(self, now: float) -> list[Command]:
        """`now` is what `deadline()` said."""
        state = self.state
        self._utterances.on_deadline(now)
        for waiting in [each for each in state.waiting if each.deadline <= now]:
            state.waiting.remove(waiting)
            self._grant(waiting.mail, now)
        if state.endpointer.open and state.heard_audio + AUDIO_STALL_S <= now:
            self._finalize(now)
        if state.phase == "open" and state.heard_from_client + self.settings.client_timeout_s <= now:
            self._finalize(now)
            self._begin_closing(state.close_reason or "client_lost")
        return self._finish()

    def abort(self, reason: str) -> list[Command]:
        """End it now; what is under way is dropped."""
        self.state.utterances.clear()
        self._commands.clear()
        self._close(reason)
        return self._finish()

    # --- snapshots ---

    def snapshot(self) -> SessionState:
        """The state, with the place in the mailbox where the audio that is still needed begins."""
        buffer = self.buffer
        mark = BufferMark(buffer.sequence or 0, buffer.first_chunk, buffer.start, buffer.connection)
        return msgspec.structs.replace(self.state, buffer=mark)

    def refill(self, mail: ClientMail, sequence: int) -> None:
        """Give a restored session what clients sent between its buffer's mark and its state's sequence, in order."""
        if isinstance(mail, AudioChunk | ClientReturned):
            self.buffer.refill(mail, sequence)

    # --- client ---

    def _opened(self, mail: SessionOpened, now: float) -> None:
        state = self.state
        if state.phase != "new":
            return
        state.phase, state.opened_at, state.acked_at = "open", now, now
        state.tenant, state.pool, state.ingress = mail.tenant, mail.pool, mail.ingress
        state.token_hash, state.connection = mail.token_hash, mail.connection
        state.source, state.targets, state.speech = mail.source, mail.targets, mail.speech
        state.options = mail.options
        self._tell(
            lambda n: SessionReady(
                n=n,
                session=state.session,
                source=mail.source,
                targets=mail.targets,
                speech=mail.speech,
                next_chunk=self.buffer.next_chunk,
                between=mail.options.between,
            )
        )
        self._commands.append(SaveSnapshot())

    def _returned(self, mail: ClientReturned) -> None:
        state = self.state
        if mail.connection == state.connection:
            return
        state.ingress, state.connection = mail.ingress, mail.connection
        if state.phase == "open":
            state.close_reason = ""
        samples, next_chunk = self.buffer.end, self.buffer.next_chunk
        self._tell(lambda n: SessionResumed(n=n, next_chunk=next_chunk, samples=samples))

    def _languages(self, mail: LanguagesChanged) -> None:
        state = self.state
        if (mail.source, mail.targets, mail.speech, mail.options) == (
            state.source, state.targets, state.speech, state.options,
        ):  # fmt: skip
            return
        if mail.source != state.source or mail.options.between != state.options.between:
            state.language = ""
            if state.captions is not None:
                state.captions.forget_whole()
        state.source, state.targets, state.speech, state.options = mail.source, mail.targets, mail.speech, mail.options
        between = mail.options.between
        self._tell(
            lambda n: SessionUpdated(n=n, source=mail.source, targets=mail.targets, speech=mail.speech, between=between)
        )

    def _audio(self, chunk: AudioChunk, sequence: int, now: float) -> None:
        state, expected = self.state, self.buffer.next_chunk
        if chunk.connection != state.connection:
            return  # a connection that was replaced goes on for a while; the new one sends all that is missing
        if state.phase != "open" or chunk.last < expected:
            self._ack()
            state.acked_at = now
            return
        state.heard_audio = now
        if chunk.first != expected:
            if not (chunk.gap and chunk.first > expected):
                return
            self._finalize(now)
        self.buffer.append(chunk, sequence)
        for boundary in state.endpointer.feed(self.rules, chunk.speech):
            self._utterances.begin(boundary, now)
        self._caption(now)
        self._let_go()
        if now - state.acked_at >= ACK_EVERY_S or self.buffer.end - state.acked_sample >= ACK_EVERY_SAMPLES:
            self._ack()
            state.acked_at, state.acked_sample = now, self.buffer.end
        if self.buffer.end - state.saved_sample >= SNAPSHOT_EVERY_SAMPLES:
            self._commands.append(SaveSnapshot())
        while state.waiting and state.waiting[0].mail.after < self.buffer.next_chunk:
            self._grant(state.waiting.pop(0).mail, now)

    def _let_go(self) -> None:
        """Forget audio that neither endpointing nor another attempt will ask for."""
        keep = self._utterances.needed_from()
        self.buffer.let_go(min([self.state.endpointer.keep_from(self.rules) * FRAME_SAMPLES, *keep]))

    def _ack(self) -> None:
        if self.buffer.next_chunk > 0:
            self._live(AudioAck(chunk=self.buffer.next_chunk - 1))

    def _grant_or_wait(self, mail: FinalizeRequested | CloseRequested, now: float) -> None:
        if mail.after < self.buffer.next_chunk and not self.state.waiting:
            self._grant(mail, now)
        elif all(waiting.mail != mail for waiting in self.state.waiting):
            self.state.waiting.append(Waiting(mail, now + WAIT_FOR_AUDIO_S))

    def _grant(self, mail: FinalizeRequested | CloseRequested, now: float) -> None:
        self._finalize(now)
        self._ack()
        if isinstance(mail, CloseRequested):
            self._begin_closing(mail.reason)

    def _begin_closing(self, reason: str) -> None:
        if self.state.phase == "open":
            self.state.phase, self.state.close_reason = "closing", reason
            self._commands.append(SaveSnapshot())

    def _close(self, reason: str) -> None:
        state = self.state
        state.phase, state.close_reason = "closed", reason
        self._tell(lambda n: SessionClosed(n=n, reason=reason, utterances=state.next_utterance - 1))
        self._commands.append(EndSession())

    def _finalize(self, now: float) -> None:
        boundary = self.state.endpointer.finalize(self.rules)
        if boundary is not None:
            self._utterances.begin(boundary, now)

    def _playing(self, mail: PlaybackStarted, now: float) -> None:
        state, lasting = self.state, min(mail.seconds, MAX_PLAYBACK_S)
        state.group.busy(now + lasting)
        state.echo = state.echo or Echo()
        if mail.text:
            state.echo.translated(mail.utterance, _played(mail), mail.text)
        state.echo.played(mail.utterance, _played(mail), seconds(self.buffer.end), lasting)

    # --- live captions ---

    def _caption(self, now: float) -> None:
        """Ask for what was said so far of the utterance that is open, if that is due."""
        state, open_ = self.state, self.state.endpointer
        if not (state.options.captions and open_.open and open_.voiced >= self.rules.shortest):
            return
        if self._utterances.unheard:
            return
        captions = state.captions = state.captions or Captions()
        captions.begin(state.next_utterance, open_.start * FRAME_SAMPLES, open_.voiced_from * FRAME_SAMPLES)
        timed, ask = state.options.words, None
        if open_.silent >= self.rules.hangover:
            first, end = open_.start, open_.voiced_to + self.rules.hangover
            ask = captions.ask_whole(now, first * FRAME_SAMPLES, end * FRAME_SAMPLES, timed=timed)
        elif open_.silent < PAUSE_FRAMES:
            ask = captions.ask(now, open_.frame * FRAME_SAMPLES, timed=timed)
        if ask is not None:
            self._commands.append(RunPartial(partial_of(state, ask, self.buffer)))

    def _hypothesis(self, found: Hypothesis, now: float) -> None:
        state, captions = self.state, self.state.captions
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
            self._live(TranscriptPartial(utterance=number, committed=committed, tentative=tentative))
        for target, translation in captions.translations.items():
            if (told := translation.show()) is not None:
                committed, tentative = told
                self._live(
                    TranslationPartial(utterance=number, target=target, committed=committed, tentative=tentative)
                )

    # --- what comes of it ---

    def _tell(self, event: Callable[[int], ClientEvent]) -> None:
        self.state.n += 1
        self._commands.append(TellClient(event(self.state.n)))

    def _live(self, event: ClientEvent) -> None:
        self._commands.append(TellLive(event))

    def _finish(self) -> list[Command]:
        """Tell what is due, close what is finished, and hand over the commands."""
        state = self.state
        due = tell(state.utterances)
        for event in due:
            self._tell(lambda n, event=event: msgspec.structs.replace(event, n=n))  # type: ignore[misc]
        if state.phase == "closing" and not state.utterances:
            self._close(state.close_reason)
        commands, self._commands = self._commands, []
        if due and EndSession() not in commands:
            commands.append(SaveSnapshot())
        if any(isinstance(command, SaveSnapshot) for command in commands):
            state.saved_sample = self.buffer.end
            commands = [command for command in commands if not isinstance(command, SaveSnapshot)] + [SaveSnapshot()]
        return commands


def _played(mail: PlaybackStarted | PlaybackEnded) -> str:
    """Which of all that is played here, of this session and of others in its room."""
    return f"{mail.speaker}:{mail.target}"
