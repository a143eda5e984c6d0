"""When each step of an utterance was stored, by the server's stamps: where the time of a caption goes.

The server runs on this machine, so its stamps and time.time() are one clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Self

from actors.endpointing import Endpointer, Rules
from wire import subjects
from wire.audio import FRAME_SECONDS
from wire.bus import Bus, Delivered
from wire.env import SchedulerSettings
from wire.messages import (
    AudioChunk,
    ClientMail,
    CloseRequested,
    Hypothesis,
    JobDone,
    JobStarted,
    NodeMail,
    Transcribed,
    decode,
)
from wire.protocol import AnyClientEvent, TranscriptFinal
from wire.records import BindingRecord

Utterance = tuple[str, int]


class Journal:
    """What the streams hold of the sessions that run while it is kept."""

    HOPS: ClassVar = (
        "client has sent -> audio in MAILBOX",
        "-> decided and bound",
        "-> job stored, taken, started",
        "-> transcribed (pipe, engine, stored)",
        "-> event stored",
        "-> caption at the client",
    )

    def __init__(self) -> None:
        self.bindings: dict[Utterance, BindingRecord] = {}
        self.engine: dict[Utterance, float] = {}
        self.answered: dict[tuple[str, int], float] = {}
        """(session, generation) of partials that came back -> when that was stored."""
        self._audio: dict[str, list[tuple[AudioChunk, float]]] = {}
        self._closed: dict[str, float] = {}
        self._done: dict[Utterance, float] = {}
        self._at: dict[tuple[Utterance, type], float] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def kept(cls, bus: Bus) -> AsyncIterator[Self]:
        journal = cls()
        bindings = f"KV_{subjects.BINDINGS_KV}"
        async with asyncio.TaskGroup() as group:
            following = []
            for stream, subject, receive in (
                (subjects.MAILBOX, subjects.MAILBOX_ALL, journal._mail),
                (bindings, ">", journal._binding),
                (subjects.EVENTS, subjects.EVENT_ALL, journal._event),
            ):
                after = await bus.newest(stream)
                following.append(group.create_task(bus.follow(stream, subject, after, receive)))
            yield journal
            for task in following:
                task.cancel()

    def deciding(self, session: str) -> dict[int, int]:
        """Utterance -> the client's chunk whose audio decided that it ended. Those that the close ended are left out.

        Told by the scheduler's own endpointing, over what the mailbox had.
        """
        rules, endpointer, found = Rules.of(SchedulerSettings()), Endpointer(), dict[int, int]()
        for audio, _ in self._audio[session]:
            for _ in endpointer.feed(rules, audio.speech):
                found[len(found) + 1] = audio.last
        return found

    def voice_began(self, session: str) -> float:
        """Seconds into the session's audio; 0.0 where there was no voice."""
        threshold = round(255 * SchedulerSettings().speech_threshold)
        frames = b"".join(audio.speech for audio, _ in self._audio.get(session, []))
        return next((place * FRAME_SECONDS for place, each in enumerate(frames) if each >= threshold), 0.0)

    def stamps(self, session: str, utterance: int, chunk: int | None) -> tuple[float, ...]:
        """Server times of the mailbox message that holds `chunk` (None: of the close) and of all after it."""
        at = (session, utterance)
        mail = self._closed.get(session, 0.0)
        if chunk is not None:
            mail = next(stamp for audio, stamp in self._audio[session] if audio.last >= chunk)
        return mail, *(self._at[at, kind] for kind in (BindingRecord, JobStarted, Transcribed, TranscriptFinal))

    def free_since(self, session: str, utterance: int) -> float:
        """When the node had done the utterance before; 0.0 for the first."""
        return self._done.get((session, utterance - 1), 0.0)

    def _mail(self, found: Delivered) -> None:
        session, side = subjects.session_of_mailbox(found.subject)
        mail: Any = decode(ClientMail if side == "client" else NodeMail, found.data)
        match mail:
            case AudioChunk():
                self._audio.setdefault(session, []).append((mail, found.time))
            case CloseRequested():
                self._closed[session] = found.time
            case JobStarted() | Transcribed():
                self._at.setdefault(((session, mail.utterance), type(mail)), found.time)
            case Hypothesis():
                self.answered[mail.session, mail.generation] = found.time
            case JobDone():
                self.engine[session, mail.utterance] = mail.seconds.get("asr", 0.0)
                self._done[session, mail.utterance] = found.time

    def _binding(self, found: Delivered) -> None:
        record: BindingRecord = decode(BindingRecord, found.data)
        at = (record.session, record.utterance)
        self.bindings.setdefault(at, record)
        self._at.setdefault((at, BindingRecord), found.time)

    def _event(self, found: Delivered) -> None:
        event: Any = decode(AnyClientEvent, found.data)
        if isinstance(event, TranscriptFinal):
            session, _, _ = subjects.addressee(found.subject)
            self._at[(session, event.utterance), TranscriptFinal] = found.time
