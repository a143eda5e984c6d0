"""An actor that makes an utterance of each two seconds of a recording, and a recording for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import wave
from collections.abc import AsyncIterator

import numpy as np

from tests.ingress.stand_in import Actor
from wire import subjects
from wire.audio import SAMPLE_RATE
from wire.bus import Bus
from wire.messages import ClientSeen, CloseRequested, Mail, SessionOpened, SessionTerminated
from wire.options import Word
from wire.protocol import SessionClosed, TranscriptFinal, TranslationFinal, UtteranceEmpty, UtteranceEnded

PIECE_S = 2
PIECE_BYTES = 2 * SAMPLE_RATE * PIECE_S
SPEECH_RATE = 22_050


class Scribe(Actor):
    """Utterance 3 is empty. `halts`: after that utterance of each session it says nothing more, until `go`."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.written: dict[str, int] = {}
        self.terminated: set[str] = set()
        self.halts = 0
        self._closing: set[str] = set()

    def go(self) -> None:
        self.halts = 0
        for session in self.sessions:
            self._mail.put_nowait((session, ClientSeen()))

    async def _take(self, session: str, mail: Mail) -> None:
        match mail:
            case SessionTerminated():
                self.terminated.add(session)
                return
            case CloseRequested(after=after) if after <= self.sessions[session].chunk:
                self._closing.add(session)
            case _:
                await super()._take(session, mail)
        if not isinstance(mail, SessionOpened):
            await self._write(session)

    async def _write(self, session: str) -> None:
        pcm, closing = self.sessions[session].pcm, session in self._closing
        self.written.setdefault(session, 0)
        while len(pcm) - self.written[session] * PIECE_BYTES >= (1 if closing else PIECE_BYTES):
            if self.halts and self.written[session] == self.halts:
                return
            self.written[session] += 1
            end = min(len(pcm) / 2 / SAMPLE_RATE, self.written[session] * PIECE_S)
            await self._utterance(session, self.written[session], end)
        if closing:
            self._closing.discard(session)
            await self.tell(session, SessionClosed(reason="client", utterances=self.written[session]))

    async def _utterance(self, session: str, number: int, end: float) -> None:
        start = (number - 1.0) * PIECE_S
        await self.bus.publish(subjects.live(session), UtteranceEnded(utterance=number, start=start, end=end))
        if number == 3:
            await self.tell(session, UtteranceEmpty(utterance=number, reason="noise", start=start, end=end))
            return
        opened = self.sessions[session].opened
        words = [Word("spoken", start + 0.1, start + 0.5), Word(f"words{number}", start + 0.6, start + 1.0)]
        final = TranscriptFinal(
            utterance=number, text=f"Spoken words{number}.", language="fr", start=start, end=end, words=words
        )
        await self.tell(session, final)
        for target in opened.targets:
            await self.tell(session, TranslationFinal(utterance=number, target=target, text=f"{target} {number}."))
        for target in opened.options.spoken or []:
            await self.speak(session, number, target, [sound(0.4, SPEECH_RATE), sound(0.3, SPEECH_RATE)])


def sound(seconds: float, rate: int = SAMPLE_RATE) -> bytes:
    """A tone, PCM16 mono."""
    times = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes()


def recording(seconds: float) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(SAMPLE_RATE)
        made.writeframes(sound(seconds))
    return file.getvalue()


@contextlib.asynccontextmanager
async def writing(url: str) -> AsyncIterator[Scribe]:
    async with Bus.connect(url, "actor") as bus:
        await bus.declare()
        made = Scribe(bus)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.run())
            yield made
            running.cancel()
