"""A socket that translates: `GET /v1/realtime/translations`. Speech goes in, and comes out in another language."""

from __future__ import annotations

import base64
from typing import Any

from ingress.delivery import Outgoing, SpeechFrame
from ingress.openai.realtime import events, interpreting
from ingress.openai.realtime.configuration import PCM_RATE
from ingress.openai.realtime.door import Door
from ingress.openai.realtime.interpreting import Interpreting
from ingress.openai.realtime.messages import Close, TranslationAppend, TranslationMessage, Update, audio_of
from ingress.openai.realtime.rendition import Rendition
from ingress.openai.refusals import Refused
from ingress.resample import Resampler
from wire.audio import BYTES_PER_SAMPLE
from wire.protocol import ErrorTold, SessionClosed, SpeechBegan, SpeechFinished, SpeechMissing

STEP_MS = 200
NO_VOICE = "voice_unavailable"


class Translation(Door):
    MESSAGES = TranslationMessage

    def __init__(self, *args: Any, interpreting: Interpreting, **named: Any) -> None:
        """As a Door. `interpreting` holds at first."""
        super().__init__(*args, **named)
        self._interpreting = interpreting
        self._rendition = Rendition()
        self._half_sample = b""
        self._voice: Resampler | None = None
        self._speaking = 0  # the utterance that is spoken
        self._unvoiced: set[str] = set()  # languages, of which that was told

    def check(self) -> None:
        """Whatever the model is called: there is one way of translating here."""

    def greet(self) -> None:
        self.tell(events.SessionCreated(session=self._shown()))

    async def obey(self, message: TranslationMessage) -> None:
        if self.line is not None and self.line.closing:
            raise Refused("the session is being closed: nothing is taken any more", code="session_closing")
        match message:
            case TranslationAppend():
                await self._append(audio_of(message))
            case Update():
                await self._configure(interpreting.updated(self._interpreting, message.session))
                self.tell(events.SessionUpdated(session=self._shown()))
            case Close() if self.line is not None:
                await self.line.close()
            case Close():
                self._finish()

    async def _append(self, data: bytes) -> None:
        """A sample may be torn between two events."""
        line = await self.open(self._interpreting.wishes(), PCM_RATE)
        data = self._half_sample + data
        whole = len(data) - len(data) % BYTES_PER_SAMPLE
        self._half_sample = data[whole:]
        await self.send_audio(line, data[:whole])

    async def _configure(self, changed: Interpreting) -> None:
        """From the next utterance on."""
        wishes = changed.wishes()
        if changed.transcription is not None:
            self.check_model(changed.transcription, "session.audio.input.transcription.model")
        self.check_served(wishes)
        if self.line is not None:
            await self.line.ask_for(wishes)
        self._interpreting = changed

    def _shown(self) -> interpreting.Shown:
        return interpreting.shown(self._interpreting, f"sess_{self.id}", self.expires_at)

    # --- down ---

    def hear(self, piece: Outgoing) -> None:
        match piece:
            case SpeechFrame(chunk=chunk):
                if self._voice is not None:
                    self._speak(self._voice.feed(chunk.pcm).tobytes())
                return
            case SpeechBegan(utterance=number, sample_rate=rate):
                self._speaking, self._voice = number, Resampler(rate, PCM_RATE)
            case SpeechFinished():
                self._fall_silent()
            case SpeechMissing(target=target):
                self._lack(target)
            case SessionClosed():
                self._finish()
            case ErrorTold(utterance=number):
                if number == self._speaking:
                    self._fall_silent()
                self.report(piece)
            case _:
                pass
        if isinstance(piece, SessionClosed):
            return
        said, rendered = self._rendition.said(piece), self._rendition.rendered(piece)
        if said and self._interpreting.transcription is not None:
            self.tell(events.InputTranscriptDelta(delta=said, elapsed_ms=self._elapsed_ms()))
        if rendered:
            self.tell(events.OutputTranscriptDelta(delta=rendered, elapsed_ms=self._elapsed_ms()))

    def _speak(self, pcm: bytes) -> None:
        if pcm:
            delta = base64.b64encode(pcm).decode()
            self.tell(events.OutputAudioDelta(delta=delta, elapsed_ms=self._elapsed_ms(), sample_rate=PCM_RATE))

    def _fall_silent(self) -> None:
        """What the filter still holds is told, too."""
        voice, self._voice = self._voice, None
        if voice is not None:
            self._speak(voice.finish().tobytes())

    def _lack(self, language: str) -> None:
        """Once for each language."""
        if language not in self._unvoiced:
            self._unvoiced.add(language)
            problem = f"nobody here has a voice for {language!r}: what is said is told as text alone"
            self.report(ErrorTold(code=NO_VOICE, message=problem, retryable=False))

    def _finish(self) -> None:
        self.tell(events.SessionClosed())
        self.finish()

    def _elapsed_ms(self) -> int:
        return round(1000 * self.heard_s) // STEP_MS * STEP_MS
