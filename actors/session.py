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
              AudioCleared                what is open is no utterance (likewise)
              TextGiven                   an utterance that is written, at once
              LanguagesChanged            from the next utterance on; where they end, from the next frame on
              CloseRequested, ClientLeft  (after a while) what is open ends here; closing
              ClientReturned              session.resumed: where to go on
    open or   results of nodes            folded into their utterance; what is due is told, in order
    closing   last utterance is told      session.closed; closed
    any       SessionTerminated           session.closed; closed

Audio is accepted in chunk order only: what came before is ignored, what skips ahead too (the ingress sends again from
the first that was not acknowledged), unless it says that the audio between is lost for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from actors.audio import AudioBuffer
from actors.captioning import Captioning
from actors.commands import Command, EndSession, SaveSnapshot, TellClient, TellLive
from actors.echo import Echo
from actors.outcomes import tell
from actors.state import CLIENT_LEFT, BufferMark, SessionState, Waiting
from actors.turns import Turns
from actors.utterances import Utterances
from wire.audio import SAMPLE_RATE, seconds
from wire.env import SchedulerSettings
from wire.messages import (
    AudioChunk,
    AudioCleared,
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
    TextGiven,
)
from wire.protocol import AudioAck, ClientEvent, SessionClosed, SessionReady, SessionResumed, SessionUpdated

ACK_EVERY_S = 1.0
ACK_EVERY_SAMPLES = 5 * SAMPLE_RATE
"""Who sends faster than real time must not run into the end of what may be unacknowledged."""
WAIT_FOR_AUDIO_S = 30.0
"""Audio that is on its way may be held up by an outage: what comes after the end was granted would be lost."""
SNAPSHOT_EVERY_SAMPLES = 30 * SAMPLE_RATE
MAX_PLAYBACK_S = 120.0


class Session:
    """The actor. `state` is all that it remembers, but for the audio that is still needed."""

    def __init__(self, session: str, settings: SchedulerSettings, state: SessionState | None = None) -> None:
        self.state = state or SessionState(session=session)
        self.settings = settings
        mark = self.state.buffer
        self.buffer = AudioBuffer(mark.start, mark.first_chunk, mark.connection)
        self._commands: list[Command] = []
        self._utterances = Utterances(self.state, self.buffer, settings, self._command)
        self._turns = Turns(self.state, settings, self._utterances, self._command)
        self._captioning = Captioning(self.state, self.buffer, self._utterances, self._command)

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
                self._captioning.hear(mail, now)
                self._let_go()
            case FinalizeRequested() | AudioCleared() | CloseRequested():
                self._grant_or_wait(mail, now)
            case TextGiven():
                self._text(mail, now)
            case ClientLeft():
                if mail.connection == self.state.connection:
                    self.state.close_reason = self.state.close_reason or CLIENT_LEFT
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
        if (stalled := self._turns.stalled_at()) is not None:
            times.append(stalled)
        return min(times, default=None)

    def on_deadline(self, now: float) -> list[Command]:
        """`now` is what `deadline()` said."""
        state = self.state
        self._utterances.on_deadline(now)
        for waiting in [each for each in state.waiting if each.deadline <= now]:
            state.waiting.remove(waiting)
            self._grant(waiting.mail, now)
        if (stalled := self._turns.stalled_at()) is not None and stalled <= now:
            self._turns.finalize(now)
        if state.phase == "open" and state.heard_from_client + self.settings.client_timeout_s <= now:
            self._turns.finalize(now)
            self._begin_closing(state.close_reason or "client_lost")
        return self._finish()

    def abort(self, reason: str) -> list[Command]:
        """End it now; what is under way is dropped."""
        self._commands.clear()
        self._utterances.drop()
        self._close(reason)
        return self._finish()

    # --- snapshots ---

    def snapshot(self) -> SessionState:
        """The state, with the place in the mailbox where the audio that is still needed begins."""
        buffer = self.buffer
        mark = BufferMark(
            buffer.sequence or 0, buffer.first_chunk, buffer.start, buffer.connection, buffer.end, buffer.next_chunk
        )
        return msgspec.structs.replace(self.state, buffer=mark)

    def refill(self, mails: Iterable[tuple[int, ClientMail]]) -> None:
        """Give a restored session what clients sent between its buffer's mark and its state's sequence, in order, each
        with its sequence, as far as the mailbox still has it."""
        mark = self.state.buffer
        for sequence, mail in mails:
            if self.buffer.next_chunk == mark.next_chunk:
                break  # what came after that was not taken: the session was closing
            if isinstance(mail, AudioChunk | ClientReturned):
                self.buffer.refill(mail, sequence)
        self.buffer.settle(mark.end, mark.next_chunk)

    def lacking(self) -> list[int]:
        """Utterances of a restored session that are pieces of a recording: their jobs on BATCH have their audio."""
        return self._utterances.lacking()

    def give(self, utterance: int, pcm: bytes) -> None:
        """The audio of one that was `lacking`."""
        self._utterances.pieces[utterance] = pcm

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
        self._turns.changed()
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
        self._command(SaveSnapshot())

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
        self._turns.changed()
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
            self._turns.lost(now)
        self.buffer.append(chunk, sequence)
        self._turns.feed(chunk.speech, now)
        self._captioning.ask(self._turns.rules, now)
        self._let_go()
        if now - state.acked_at >= ACK_EVERY_S or self.buffer.end - state.acked_sample >= ACK_EVERY_SAMPLES:
            self._ack()
            state.acked_at, state.acked_sample = now, self.buffer.end
        if self.buffer.end - state.saved_sample >= SNAPSHOT_EVERY_SAMPLES:
            self._command(SaveSnapshot())
        while state.waiting and state.waiting[0].mail.after < self.buffer.next_chunk:
            self._grant(state.waiting.pop(0).mail, now)

    def _let_go(self) -> None:
        """Forget audio that neither endpointing nor another attempt will ask for."""
        self.buffer.let_go(min([self._turns.needed_from(), *self._utterances.needed_from()]))

    def _ack(self) -> None:
        if self.buffer.next_chunk > 0:
            self._command(TellLive(AudioAck(chunk=self.buffer.next_chunk - 1)))

    def _text(self, mail: TextGiven, now: float) -> None:
        if self.state.phase == "open" and mail.number > self.state.texts:
            self.state.texts = mail.number
            self._turns.write(mail, now)

    def _grant_or_wait(self, mail: FinalizeRequested | AudioCleared | CloseRequested, now: float) -> None:
        if mail.after < self.buffer.next_chunk and not self.state.waiting:
            self._grant(mail, now)
        elif all(waiting.mail != mail for waiting in self.state.waiting):
            self.state.waiting.append(Waiting(mail, now + WAIT_FOR_AUDIO_S))

    def _grant(self, mail: FinalizeRequested | AudioCleared | CloseRequested, now: float) -> None:
        if isinstance(mail, AudioCleared):
            self._turns.clear()
        else:
            self._turns.finalize(now)
        self._ack()
        if isinstance(mail, CloseRequested):
            self._begin_closing(mail.reason)

    def _begin_closing(self, reason: str) -> None:
        if self.state.phase == "open":
            self.state.phase, self.state.close_reason = "closing", reason
            self._command(SaveSnapshot())

    def _close(self, reason: str) -> None:
        state = self.state
        state.phase, state.close_reason = "closed", reason
        self._tell(lambda n: SessionClosed(n=n, reason=reason, utterances=state.next_utterance - 1))
        self._command(EndSession())

    def _playing(self, mail: PlaybackStarted, now: float) -> None:
        state, lasting = self.state, min(mail.seconds, MAX_PLAYBACK_S)
        state.group.busy(now + lasting)
        state.echo = state.echo or Echo()
        if mail.text:
            state.echo.translated(mail.utterance, _played(mail), mail.text)
        state.echo.played(mail.utterance, _played(mail), seconds(self.buffer.end), lasting)

    # --- what comes of it ---

    def _tell(self, event: Callable[[int], ClientEvent]) -> None:
        self.state.n += 1
        self._command(TellClient(event(self.state.n)))

    def _command(self, command: Command) -> None:
        self._commands.append(command)

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
