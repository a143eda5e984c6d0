"""The utterances of a session, from the boundary where speech ended to the last result. PURE.

A number is spent when an utterance begins here, and nowhere else: it ends in exactly one outcome (`actors.outcomes`).
It becomes a job at once, but for one case: where a partial of all its audio is on its way back (`actors.captions`), the
job is held until that is due, and then has its transcript already. Where nothing else was wanted, there is no job. A
partial that comes later than it was due still counts, if the job has not said by then what was heard.

What is written instead of spoken is an utterance too. It has its transcript from the beginning, and no audio.

The audio of a piece of a recording is not asked of the mailbox again, which keeps it for two minutes while the piece
may wait for 25: its job has it, on BATCH, and `pieces` a copy for another attempt. Whoever takes the session over reads
that from the job. A snapshot follows each, so that what it knows of is stored, and what is stored is not begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from actors.attempts import MAX_ROUNDS, PATIENCE_S, SILENCE_S, Work
from actors.audio import AudioBuffer
from actors.captions import LOST_S, Captions
from actors.commands import BuryJob, Command, RunJob, SaveSnapshot, WidenJob, WithdrawJob
from actors.echo import Echo
from actors.endpointing import Boundary
from actors.jobs import binding_of, dead_of, job_of, lacks_audio
from actors.outcomes import Failure, Utterance
from actors.state import SessionState
from wire import subjects
from wire.audio import FRAME_SAMPLES, seconds
from wire.env import SchedulerSettings
from wire.jobs import Job
from wire.messages import (
    FoundEmpty,
    Hypothesis,
    JobDone,
    JobProgressed,
    JobReturned,
    JobStarted,
    NodeMessage,
    StageFailed,
    TextGiven,
    Transcribed,
    Translated,
)

PROGRESS_EXTENDS_S = 20.0
MAX_WORK_S = 110.0
"""An utterance whose result takes longer is given up whatever signs come: the mailbox keeps its audio for 120 s."""
TOLD_AS_IS = ("language_unsupported", "translation_failed", "speech_failed")
"""Codes of faults that mean something to a client; all others are an engine that failed."""
NEVER = 1e12
"""Later than any stamp; JSON has no infinity."""


class Utterances:
    """Acts on `state.utterances`; what is to be done goes to `command`, in order. `pieces` is the audio of those of a
    recording, by number, while it may be needed."""

    def __init__(
        self,
        state: SessionState,
        buffer: AudioBuffer,
        settings: SchedulerSettings,
        command: Callable[[Command], None],
    ) -> None:
        self._state = state
        self._buffer = buffer
        self._settings = settings
        self._command = command
        self.pieces: dict[int, bytes] = {}

    # --- their beginning ---

    def begin(self, boundary: Boundary, now: float) -> None:
        """Speech ended there."""
        state = self._state
        utterance = self._new(boundary.voice, boundary.start * FRAME_SAMPLES, boundary.end * FRAME_SAMPLES, now)
        if utterance.work.recorded:
            self.pieces[utterance.number] = self._buffer.cut(utterance.work.first, utterance.work.end)
            return self._run(utterance)
        number, heard = utterance.number, seconds(self._buffer.end)
        start, end = boundary.voice
        context = state.group.begin(number, now - (heard - start), state.source, self._settings.group_gap_s)
        state.group.busy(now - (heard - end))
        utterance.work.prompt = context if self._settings.prompt_context else ""
        captions = state.captions
        if captions is None or captions.utterance != number:
            return self._run(utterance)
        utterance.committed = captions.committed
        last_voice = boundary.voiced_to * FRAME_SAMPLES
        if not last_voice <= captions.whole_end <= utterance.work.end:
            captions.forget_whole()
            return self._run(utterance)
        if captions.whole is not None:
            return self._adopt(utterance, captions.whole, now)
        if (due := captions.due_whole(now)) is not None:
            utterance.held_until = due
            return None
        return self._run(utterance)

    def write(self, given: TextGiven, now: float) -> None:
        """A client wrote this."""
        state, at = self._state, self._buffer.end
        utterance = self._new((seconds(at), seconds(at)), at, at, now)
        utterance.work.source = given.language
        if state.captions is not None and state.captions.utterance == utterance.number:
            utterance.committed = state.captions.committed  # what was shown under this number was of what is spoken
        job, number = subjects.job_id(state.session, utterance.number), utterance.number
        utterance.fold(
            Transcribed(job=job, utterance=number, attempt=1, node="", text=given.text, language=given.language)
        )
        if given.language in utterance.untranslated:
            known = Translated(job=job, utterance=number, attempt=1, node="", target=given.language, text=given.text)
            self._fold(utterance, known)
        if utterance.unsettled:
            self._run(utterance)

    def _new(self, voice: tuple[float, float], first: int, end: int, now: float) -> Utterance:
        """The next one, of samples `first`..`end`; its voice is heard at these seconds."""
        state, number = self._state, self._state.next_utterance
        state.next_utterance += 1
        speak = state.targets if state.options.spoken is None else state.options.spoken
        recorded = state.options.recorded
        patience = PATIENCE_S if recorded else 0.0
        utterance = Utterance(
            number=number,
            start=round(voice[0], 3),
            end=round(voice[1], 3),
            targets=list(state.targets),
            speak=[each for each in state.targets if each in speak] if state.speech else [],
            work=Work(
                first=first, end=end, source=state.source, pool=state.pool, prompt="", sent_at=now, recorded=recorded
            ),
            deadline=now + (patience or self._settings.result_timeout_s + (voice[1] - voice[0])),
            latest=now + patience + MAX_WORK_S,
            between=bool(state.options.between),
        )
        state.utterances.append(utterance)
        return utterance

    def drop(self) -> None:
        """Nobody waits for any of them. Pieces of a recording would stand in their pool's batch for long."""
        for utterance in self._state.utterances:
            if utterance.work.recorded and utterance.unsettled:
                binding = binding_of(job_of(self._state, utterance, b""), utterance)
                withdrawn = msgspec.structs.replace(binding, attempt=binding.attempt + 1, state="withdrawn")
                self._command(WithdrawJob(withdrawn))
        self._state.utterances.clear()
        self.pieces.clear()

    # --- time, and audio ---

    def deadlines(self) -> Iterator[float]:
        for utterance in self._state.utterances:
            yield utterance.deadline
            if utterance.held_until:
                yield utterance.held_until
            elif utterance.unsettled and (due := utterance.work.deadline()) is not None:
                yield due

    def on_deadline(self, now: float) -> None:
        for utterance in self._state.utterances:
            if utterance.deadline <= now:
                utterance.expire()
                utterance.deadline = NEVER
            elif utterance.held_until:
                if utterance.held_until <= now:
                    if (captions := self._state.captions) is not None:
                        captions.took = LOST_S
                    self._run(utterance, now)
            elif utterance.unsettled and (due := utterance.work.deadline()) is not None and due <= now:
                self._overdue(utterance, now)

    @property
    def unheard(self) -> bool:
        """Whether any final is waited for."""
        return any(utterance.unheard for utterance in self._state.utterances)

    def needed_from(self) -> list[int]:
        """Samples from which on audio may be asked for again."""
        waiting = [utterance for utterance in self._state.utterances if utterance.needs_audio]
        if self.pieces:
            numbers = {utterance.number for utterance in waiting}
            self.pieces = {number: pcm for number, pcm in self.pieces.items() if number in numbers}
        return [utterance.work.first for utterance in waiting if not utterance.work.recorded]

    def lacking(self) -> list[int]:
        """Pieces of a recording whose audio is with their jobs alone."""
        return [
            utterance.number
            for utterance in self._state.utterances
            if utterance.work.recorded and utterance.needs_audio and utterance.number not in self.pieces
        ]

    # --- live captions ---

    def heard_whole(self, captions: Captions, now: float) -> None:
        """The answer about all of an utterance's audio may be there."""
        for utterance in self._state.utterances:
            if utterance.number == captions.utterance and captions.whole is not None and utterance.unheard:
                self._adopt(utterance, captions.whole, now)

    def _adopt(self, utterance: Utterance, found: Hypothesis, now: float) -> None:
        """Its partial is its final."""
        job, bound = subjects.job_id(self._state.session, utterance.number), utterance.bound
        if found.text:
            self._fold(
                utterance,
                Transcribed(
                    job=job,
                    utterance=utterance.number,
                    attempt=utterance.work.attempt,
                    node=found.node,
                    text=found.text,
                    language=found.language,
                    language_probability=found.language_probability,
                    confidence=found.confidence,
                    words=found.words if self._state.options.words else [],
                ),
            )
        else:
            empty = FoundEmpty(
                job=job, utterance=utterance.number, attempt=utterance.work.attempt, node=found.node,
                reason=found.empty or "no_speech",
            )  # fmt: skip
            self._fold(utterance, empty)
        if not bound:
            utterance.held_until = 0.0
            if utterance.unsettled:
                self._run(utterance, now)

    # --- attempts ---

    def _run(self, utterance: Utterance, now: float | None = None) -> None:
        """Command the current attempt."""
        utterance.held_until, utterance.bound = 0.0, True
        if now is not None:
            utterance.work.sent_at = now
        job = self._job(utterance)
        self._command(RunJob(job, binding_of(job, utterance), list(utterance.work.excluded)))
        if utterance.work.recorded:
            self._command(SaveSnapshot())

    def _job(self, utterance: Utterance) -> Job:
        return job_of(self._state, utterance, self._audio(utterance))

    def _audio(self, utterance: Utterance) -> bytes:
        work = utterance.work
        if not utterance.needs_audio:
            return b""
        return self.pieces.get(utterance.number, b"") if work.recorded else self._buffer.cut(work.first, work.end)

    def _overdue(self, utterance: Utterance, now: float) -> None:
        work = utterance.work
        if not work.started:
            work.widened = True
            self._command(WidenJob(self._job(utterance)))
        else:
            self._fault(utterance, "engine_failed", f"gave no sign for {SILENCE_S:.0f} s", now)

    def _fault(self, utterance: Utterance, code: str, reason: str, now: float) -> None:
        """Another attempt elsewhere, or the end of it, told as `code`."""
        work = utterance.work
        if work.fault(reason):
            work.again(now, elsewhere=True)
            self._run(utterance)
            return
        self._bury(utterance)
        utterance.fail(
            "asr",
            None,
            Failure(
                code if code in TOLD_AS_IS else "engine_failed",
                f"given up after {len(work.faults)} attempts: {reason}",
                False,
            ),
        )

    def _bury(self, utterance: Utterance) -> None:
        """A piece of a recording is not kept: the recording says what is missing, and can be brought again."""
        job = self._job(utterance)
        kept = self._settings.keep_dead_jobs and not job.recorded and not lacks_audio(job)
        self._command(BuryJob(dead_of(job, utterance, kept=kept), job if kept else None))

    def result(self, result: NodeMessage, now: float) -> None:
        for utterance in self._state.utterances:
            if utterance.number != result.utterance or utterance.held_until:
                continue  # of what is held there is no job yet that anybody could tell of
            current = result.attempt == utterance.work.attempt
            utterance.work.sign(result, now)
            self._fold(utterance, result)
            match result:
                case JobStarted() | JobProgressed():
                    extended = max(utterance.deadline, now + PROGRESS_EXTENDS_S)
                    utterance.deadline = min(extended, utterance.latest)
                case _ if not (current and utterance.unsettled):
                    pass
                case StageFailed(retryable=True):
                    self._fault(utterance, result.code, result.message, now)
                case JobReturned() if utterance.work.recorded:
                    utterance.work.came_back(now)
                    self._run(utterance)
                case JobReturned() | JobDone() if utterance.work.rounds >= MAX_ROUNDS:
                    self._fault(utterance, "engine_failed", "something is still open after so many attempts", now)
                case JobReturned() | JobDone():
                    utterance.work.again(now, elsewhere=isinstance(result, JobReturned))
                    self._run(utterance)
                case _:
                    pass

    def _fold(self, utterance: Utterance, result: NodeMessage) -> None:
        echo = self._state.echo
        match result:
            case Transcribed(text=text) if echo is not None and echo.is_echo(text, utterance.start, utterance.end):
                result = FoundEmpty(
                    job=result.job, utterance=result.utterance, attempt=result.attempt, node=result.node, reason="echo"
                )
            case Translated(target=target, text=text) if target in utterance.speak and not utterance.work.recorded:
                echo = self._state.echo = echo or Echo()
                echo.translated(utterance.number, f":{target}", text)
        transcript = utterance.fold(result)
        # Pieces of a recording run in any order, and what comes of one must not depend on what came of others.
        if transcript is not None and not utterance.work.recorded:
            self._state.language = transcript.language
            self._state.group.add(utterance.number, transcript.text, transcript.confidence)
