"""A socket that transcribes: `GET /v1/realtime?intent=transcription`."""

from __future__ import annotations

import time
from typing import Any

from ingress.delivery import Outgoing, SpeechFrame
from ingress.line import Line
from ingress.media import g711
from ingress.openai.realtime import configuration, events
from ingress.openai.realtime.configuration import Configuration
from ingress.openai.realtime.door import Door
from ingress.openai.realtime.messages import (
    Append,
    Clear,
    Commit,
    OldUpdate,
    TranscriptionMessage,
    Update,
    audio_of,
)
from ingress.openai.realtime.story import Dialect, Story
from ingress.openai.refusals import Refused
from wire.audio import BYTES_PER_SAMPLE
from wire.messages import AudioCleared
from wire.protocol import ErrorTold, SessionClosed

LEAST_S = 0.1
"""Less audio is not worth a commit."""
TAIL_S = 0.12
"""The resampler and the frame that is not full yet hold back up to 100 ms: silence pushes them out."""
COMMIT_ANSWER_S = 3.0
"""A client that commits where utterances end by themselves hears within this time if there was none."""

EMPTY = "input_audio_buffer_commit_empty"


class Transcription(Door):
    MESSAGES = TranscriptionMessage

    def __init__(self, *args: Any, dialect: Dialect, configuration: Configuration, **named: Any) -> None:
        """As a Door. `configuration` holds at first."""
        super().__init__(*args, **named)
        self._configuration = configuration
        self._dialect = dialect
        self._story = Story(self.id, dialect)
        self._story.detection = configuration.detection
        self._uncommitted_s = 0.0
        self._half_sample = b""
        self._unanswered: tuple[float, int, str | None] | None = None
        """Of a commit that was not answered yet: until when, what was committed before, and its `event_id`."""

    @property
    def name(self) -> str:
        return f"sess_{self.id}"

    def check(self) -> None:
        self.check_model(self._configuration.model, "model")

    def greet(self) -> None:
        match self._dialect:
            case "ga":
                self.tell(events.SessionCreated(session=self._shown()))
            case "beta":
                self.tell(events.OldSessionCreated(session=self._old_shown()))

    async def obey(self, message: TranscriptionMessage) -> None:
        match message:
            case Append():
                await self._append(audio_of(message))
            case Commit():
                await self._commit(message)
            case Clear():
                await self._clear()
            case Update():
                await self._configure(configuration.updated(self._configuration, message.session))
                self.tell(events.SessionUpdated(session=self._shown()))
            case OldUpdate():
                await self._configure(configuration.old_updated(self._configuration, message.session))
                self.tell(events.OldSessionUpdated(session=self._old_shown()))

    async def _configure(self, changed: Configuration) -> None:
        """From the next utterance on."""
        line, wishes = self.line, changed.wishes()
        if line is not None and changed.format != self._configuration.format:
            raise Refused(
                "the format of the audio stays as it was when the first came: open another session",
                param="session.audio.input.format",
            )
        self.check_model(changed.model, "session.audio.input.transcription.model")
        self.check_served(wishes)
        if line is not None:
            await line.ask_for(wishes)
        self._configuration = changed
        self._story.detection = changed.detection

    def _shown(self) -> configuration.Shown:
        return configuration.shown(self._configuration, self.name, self.expires_at)

    def _old_shown(self) -> configuration.OldShown:
        return configuration.old_shown(self._configuration, self.name, self.expires_at)

    # --- audio ---

    async def _append(self, data: bytes) -> None:
        """In the client's format; a sample may be torn between two events."""
        line = await self.open(self._configuration.wishes(), self._configuration.rate)
        match self._configuration.format:
            case "audio/pcm":
                data = self._half_sample + data
                whole = len(data) - len(data) % BYTES_PER_SAMPLE
                pcm, self._half_sample = data[:whole], data[whole:]
            case "audio/pcmu":
                pcm = g711.decode_mulaw(data).tobytes()
            case "audio/pcma":
                pcm = g711.decode_alaw(data).tobytes()
        self._uncommitted_s += len(pcm) / BYTES_PER_SAMPLE / line.entry.sample_rate
        await self.send_audio(line, pcm)

    async def _commit(self, message: Commit) -> None:
        line, manual = self.line, self._configuration.detection is None
        if line is None or self._uncommitted_s < (LEAST_S if manual else 1e-9):
            raise Refused(
                f"the buffer holds {1000 * self._uncommitted_s:.0f} ms of audio: an utterance has at least "
                f"{1000 * LEAST_S:.0f} ms",
                code=EMPTY,
            )
        if manual:
            await self._push(line)
        else:
            self._unanswered = (time.monotonic() + COMMIT_ANSWER_S, self._story.committed, message.event_id)
        self._forget_buffer()
        await line.finalize()
        line.stir()

    async def _push(self, line: Line) -> None:
        rate = line.entry.sample_rate
        await self.send_audio(line, bytes(round(TAIL_S * rate) * BYTES_PER_SAMPLE))

    async def _clear(self) -> None:
        self._forget_buffer()
        if self.line is not None:
            await self.line.send(AudioCleared(after=self.line.uplink.last_chunk))
        self.tell(*self._story.clear(self._now_ms()))

    def _forget_buffer(self) -> None:
        self._uncommitted_s, self._half_sample = 0.0, b""

    # --- down ---

    def hear(self, piece: Outgoing) -> None:
        match piece:
            case SpeechFrame():
                pass
            case SessionClosed():  # by an operator, or for want of a client that was there
                self.finish()
            case ErrorTold(utterance=None):
                self.report(piece)
            case _:
                self.tell(*self._story.hear(piece, self._now_ms()))

    def _now_ms(self) -> int:
        return round(1000 * self.heard_s)

    @property
    def busy(self) -> bool:
        return super().busy or self._unanswered is not None

    def tend(self, now: float) -> None:
        super().tend(now)
        if self._unanswered is None:
            return
        until, committed, culprit = self._unanswered
        if self._story.committed > committed:
            self._unanswered = None
        elif now > until:
            self._unanswered = None
            self.refuse(Refused("nobody has spoken since the last utterance ended", code=EMPTY), culprit)
