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

from actors.attempts import MAX_ROUNDS, SILENCE_S, Work
from actors.audio import AudioBuffer
from actors.commands import BuryJob, Command, EndSession, RunJob, SaveSnapshot, TellClient, TellLive, WidenJob
from actors.endpointing import Boundary, Rules
from actors.jobs import binding_of, dead_of, job_of
from actors.outcomes import Failure, Utterance, tell
from actors.state import BufferMark, SessionState, Waiting
from wire.audio import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, seconds
from wire.env import SchedulerSettings
from wire.messages import (
    AudioChunk,
    ClientLeft,
    ClientMail,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    Job,
    JobDone,
    JobProgressed,
    JobReturned,
    JobStarted,
    LanguagesChanged,
    Mail,
    NodeMessage,
    PlaybackEnded,
    PlaybackStarted,
    SessionOpened,
    SessionTerminated,
    StageFailed,
)
from wire.protocol import AudioAck, ClientEvent, SessionClosed, SessionReady, SessionResumed, SessionUpdated

ACK_EVERY_S = 1.0
ACK_EVERY_SAMPLES = 5 * SAMPLE_RATE
"""Who sends faster than real time must not run into the end of what may be unacknowledged."""
AUDIO_STALL_S = 4.0
"""An utterance whose audio stops coming ends after this long: a connection that breaks is usually back before."""
WAIT_FOR_AUDIO_S = 30.0
"""Audio that is on its way may be held up by an outage: what comes after the end was granted would be lost."""
PROGRESS_EXTENDS_S = 20.0
SNAPSHOT_EVERY_SAMPLES = 30 * SAMPLE_RATE
MAX_PLAYBACK_S = 120.0
MAX_WORK_S = 110.0
"""An utterance whose result takes longer is given up whatever signs come: the mailbox keeps its audio for 120 s."""
TOLD_AS_IS = ("language_unsupported", "translation_failed", "speech_failed")
"""Codes of faults that mean something to a client; all others are an engine that failed."""
NEVER = 1e12
"""Later than any stamp; JSON has no infinity."""


class Session:
    """The actor. `state` is all that it remembers, but for the audio in `buffer`."""

    def __init__(self, session: str, settings: SchedulerSettings, state: SessionState | None = None) -> None:
        self.state = state or SessionState(session=session)
        self.settings = settings
        self.rules = Rules.of(settings)
        mark = self.state.buffer
        self.buffer = AudioBuffer(mark.start, mark.first_chunk, mark.connection)
        self._commands: list[Command] = []

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
                self._result(mail, now)
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
                self.state.group.busy(now + min(mail.seconds, MAX_PLAYBACK_S))
            case PlaybackEnded():
                self.state.group.until = min(self.state.group.until, now)
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
        for utterance in state.utterances:
            times.append(utterance.deadline)
            if utterance.unsettled and (due := utterance.work.deadline()) is not None:
                times.append(due)
        times += [waiting.deadline for waiting in state.waiting]
        if state.endpointer.open:
            times.append(state.heard_audio + AUDIO_STALL_S)
        return min(times, default=None)

    def on_deadline(self, now: float) -> list[Command]:
        """`now` is what `deadline()` said."""
        state = self.state
        for utterance in state.utterances:
            if utterance.deadline <= now:
                utterance.expire()
                utterance.deadline = NEVER
            elif utterance.unsettled and (due := utterance.work.deadline()) is not None and due <= now:
                self._overdue(utterance, now)
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
        self._tell(
            lambda n: SessionReady(
                n=n,
                session=state.session,
                source=mail.source,
                targets=mail.targets,
                speech=mail.speech,
                next_chunk=self.buffer.next_chunk,
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
        if (mail.source, mail.targets, mail.speech) == (state.source, state.targets, state.speech):
            return
        state.source, state.targets, state.speech = mail.source, mail.targets, mail.speech
        self._tell(lambda n: SessionUpdated(n=n, source=mail.source, targets=mail.targets, speech=mail.speech))

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
            self._utterance(boundary, now)
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
        keep = [utterance.work.first for utterance in self.state.utterances if utterance.needs_audio]
        self.buffer.let_go(min([self.state.endpointer.keep_from(self.rules) * FRAME_SAMPLES, *keep]))

    def _ack(self) -> None:
        if self.buffer.next_chunk > 0:
            self._commands.append(TellLive(AudioAck(chunk=self.buffer.next_chunk - 1)))

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

    # --- utterances ---

    def _finalize(self, now: float) -> None:
        boundary = self.state.endpointer.finalize(self.rules)
        if boundary is not None:
            self._utterance(boundary, now)

    def _utterance(self, boundary: Boundary, now: float) -> None:
        """A number is spent here, and nowhere else: with the job that it becomes."""
        state, number = self.state, self.state.next_utterance
        state.next_utterance += 1
        start, end = boundary.voiced_from * FRAME_SECONDS, boundary.voiced_to * FRAME_SECONDS
        heard = seconds(self.buffer.end)
        context = state.group.begin(number, now - (heard - start), state.source, self.settings.group_gap_s)
        state.group.busy(now - (heard - end))
        utterance = Utterance(
            number=number,
            start=round(start, 3),
            end=round(end, 3),
            targets=list(state.targets),
            speak=list(state.targets) if state.speech else [],
            work=Work(
                first=boundary.start * FRAME_SAMPLES,
                end=boundary.end * FRAME_SAMPLES,
                source=state.source,
                pool=state.pool,
                prompt=context if self.settings.prompt_context else "",
                sent_at=now,
            ),
            deadline=now + self.settings.result_timeout_s + (end - start),
            latest=now + MAX_WORK_S,
        )
        state.utterances.append(utterance)
        self._run(utterance)

    def _run(self, utterance: Utterance) -> None:
        """Command the current attempt."""
        job = self._job(utterance)
        self._commands.append(RunJob(job, binding_of(job, utterance), list(utterance.work.excluded)))

    def _job(self, utterance: Utterance) -> Job:
        return job_of(self.state, utterance, self.buffer)

    # --- attempts ---

    def _overdue(self, utterance: Utterance, now: float) -> None:
        work = utterance.work
        if not work.started:
            work.widened = True
            self._commands.append(WidenJob(self._job(utterance)))
        else:
            self._fault(utterance, "engine_failed", f"gave no sign for {SILENCE_S:.0f} s", now)

    def _fault(self, utterance: Utterance, code: str, reason: str, now: float) -> None:
        """Another attempt elsewhere, or the end of it, told as `code`."""
        work = utterance.work
        if work.fault(reason):
            work.again(now, elsewhere=True)
            self._run(utterance)
            return
        self._commands.append(BuryJob(dead_of(self._job(utterance), utterance)))
        utterance.fail(
            "asr",
            None,
            Failure(
                code if code in TOLD_AS_IS else "engine_failed",
                f"given up after {len(work.faults)} attempts: {reason}",
                False,
            ),
        )

    def _result(self, result: NodeMessage, now: float) -> None:
        for utterance in self.state.utterances:
            if utterance.number != result.utterance:
                continue
            current = result.attempt == utterance.work.attempt
            utterance.work.sign(result, now)
            transcript = utterance.fold(result)
            if transcript is not None:
                self.state.group.add(utterance.number, transcript.text, transcript.confidence)
            match result:
                case JobStarted() | JobProgressed():
                    extended = max(utterance.deadline, now + PROGRESS_EXTENDS_S)
                    utterance.deadline = min(extended, utterance.latest)
                case _ if not (current and utterance.unsettled):
                    pass
                case StageFailed(retryable=True):
                    self._fault(utterance, result.code, result.message, now)
                case JobReturned() | JobDone() if utterance.work.attempt >= MAX_ROUNDS:
                    self._fault(utterance, "engine_failed", "something is still open after so many attempts", now)
                case JobReturned() | JobDone():
                    utterance.work.again(now, elsewhere=isinstance(result, JobReturned))
                    self._run(utterance)
                case _:
                    pass
            self._let_go()

    # --- what comes of it ---

    def _tell(self, event: Callable[[int], ClientEvent]) -> None:
        self.state.n += 1
        self._commands.append(TellClient(event(self.state.n)))

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
