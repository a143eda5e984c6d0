"""What stands around the ingress in its tests: an actor that answers on the real subjects, a leader that says how many
may come in, and a node that beats."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec

from ingress.entry import Known, KnownRecord
from tests.ingress.admission.leader import Leader, leading
from wire import subjects
from wire.bus import Bus, Delivered
from wire.jobs import SpeechChunk
from wire.kv import Bucket
from wire.messages import (
    AudioChunk,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    LanguagesChanged,
    Mail,
    SessionOpened,
    decode,
)
from wire.protocol import (
    AudioAck,
    ClientEvent,
    SessionClosed,
    SessionReady,
    SessionResumed,
    SessionUpdated,
    SpeechBegan,
    SpeechFinished,
    TranscriptFinal,
)
from wire.records import NodeRecord

NODE = NodeRecord(
    node="n1", version="0", pools=["default"], slots=1, busy=0, ready=True, draining=False, device="cpu",
    models=["scripted"], sources=["en", "fr", "de"], targets={"en": ["*"], "de": ["fr"]}, voices={"en": "joe"},
    cpu_percent=0.0, memory_mb=0.0, gpus=[],
)  # fmt: skip


@dataclass
class Heard:
    """One session as its actor knows it."""

    opened: SessionOpened
    connection: str
    mail: list[Mail] = field(default_factory=list)
    pcm: bytearray = field(default_factory=bytearray)
    speech: bytearray = field(default_factory=bytearray)
    waiting: list[FinalizeRequested | CloseRequested] = field(default_factory=list)
    chunk: int = -1
    n: int = 0
    refused: int = 0
    fenced: int = 0
    repeated: int = 0


class Actor:
    """Takes audio in order, drops repeats, refuses gaps and what came through a connection that was replaced,
    acknowledges; answers a finalize with how much it has heard.

    `listens` off: it opens no session. `acknowledges` off: it never says that it has heard anything. `drop_next`: so
    many audio messages are lost on the way.
    """

    leader: Leader

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._records = Bucket(bus, subjects.SESSIONS_KV, KnownRecord)
        self.sessions: dict[str, Heard] = {}
        self.listens = True
        self.acknowledges = True
        self.drop_next = 0
        self.deaf: set[str] = set()
        """Sessions whose mail is not answered any more."""
        self._mail: asyncio.Queue[tuple[str, Mail]] = asyncio.Queue()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, self._receive))
            while True:
                await self._take(*await self._mail.get())
                self._changed.set()

    async def until(self, condition: Callable[[], bool], patience: float = 15) -> None:
        """Wait until `condition` holds; it is asked after each message."""
        async with asyncio.timeout(patience):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def other_than(self, session: str) -> Heard:
        (heard,) = (heard for name, heard in self.sessions.items() if name != session)
        return heard

    def only(self) -> tuple[str, Heard]:
        ((session, heard),) = self.sessions.items()
        return session, heard

    async def tell(self, session: str, event: ClientEvent) -> None:
        """Store the next numbered event."""
        heard = self.sessions[session]
        heard.n += 1
        numbered = msgspec.structs.replace(event, n=heard.n)
        await self.bus.store(subjects.event(session), numbered, id=subjects.event_message_id(session, heard.n))

    async def speak(self, session: str, utterance: int, target: str, chunks: list[bytes]) -> None:
        """Store the chunks, as a node does, and then tell of them."""
        job = subjects.job_id(session, utterance)
        for sequence, pcm in enumerate(chunks):
            chunk = SpeechChunk(job=job, attempt=1, sequence=sequence, sample_rate=22_050, pcm=pcm)
            await self.bus.store(
                subjects.speech(session, utterance, target), chunk, id=subjects.speech_message_id(job, target, sequence)
            )
        await self.tell(session, SpeechBegan(utterance=utterance, target=target, sample_rate=22_050))
        seconds = sum(map(len, chunks)) / 44_100
        await self.tell(
            session, SpeechFinished(utterance=utterance, target=target, seconds=seconds, chunks=len(chunks))
        )

    async def _save(self, session: str, phase: str) -> None:
        heard = self.sessions[session]
        opened = heard.opened
        known = Known(
            opened.token_hash, phase, "client", opened.source, opened.targets, opened.speech, heard.n,
            tenant=opened.tenant,
        )  # fmt: skip
        await self._records.put(subjects.session_key(session), KnownRecord(state=known))

    def _receive(self, message: Delivered) -> None:
        session, _ = subjects.session_of_mailbox(message.subject)
        mail: Mail = decode(Mail, message.data)
        self._mail.put_nowait((session, mail))

    async def _take(self, session: str, mail: Mail) -> None:
        if isinstance(mail, SessionOpened):
            self.sessions[session] = Heard(mail, mail.connection)
            if self.listens:
                await self.tell(
                    session,
                    SessionReady(
                        session=session, source=mail.source, targets=mail.targets, speech=mail.speech, next_chunk=0
                    ),
                )
                await self._save(session, "open")
            return
        if session in self.deaf:
            return
        heard = self.sessions[session]
        match mail:
            case AudioChunk():
                if self.drop_next:
                    self.drop_next -= 1
                elif mail.connection != heard.connection:
                    heard.fenced += 1
                elif mail.first > heard.chunk + 1:
                    heard.refused += 1
                elif mail.last <= heard.chunk:
                    heard.repeated += 1
                else:
                    heard.mail.append(mail)
                    heard.chunk = mail.last
                    heard.pcm += mail.pcm
                    heard.speech += mail.speech
                while heard.waiting and heard.waiting[0].after <= heard.chunk:
                    await self._take(session, heard.waiting.pop(0))
                if self.acknowledges and heard.chunk >= 0:
                    await self.bus.publish(subjects.live(session), AudioAck(chunk=heard.chunk))
                return
            case FinalizeRequested(after=after) | CloseRequested(after=after) if after > heard.chunk:
                heard.waiting.append(mail)
                return
        heard.mail.append(mail)
        match mail:
            case FinalizeRequested():
                text = f"{len(heard.pcm)} bytes"
                await self.tell(session, TranscriptFinal(utterance=1, text=text, language="en", start=0, end=1))
            case ClientReturned():
                heard.connection = mail.connection
                await self.tell(session, SessionResumed(next_chunk=heard.chunk + 1, samples=len(heard.pcm) // 2))
            case LanguagesChanged(source=source, targets=targets, speech=speech):
                await self.tell(session, SessionUpdated(source=source, targets=targets, speech=speech))
            case CloseRequested():
                await self._save(session, "closed")
                await self.tell(session, SessionClosed(reason="client", utterances=0))


@contextlib.asynccontextmanager
async def actor(url: str) -> AsyncIterator[Actor]:
    async with Bus.connect(url, "actor") as bus:
        await bus.declare()
        made = Actor(bus)
        async with leading(bus) as made.leader, asyncio.TaskGroup() as group:
            running = group.create_task(made.run())
            yield made
            running.cancel()


@contextlib.asynccontextmanager
async def node(url: str, record: NodeRecord = NODE) -> AsyncIterator[None]:
    """Its heart beats each second."""
    async with Bus.connect(url, "node") as bus:
        await bus.declare()
        bucket = Bucket(bus, subjects.NODES_KV, NodeRecord)
        gone = asyncio.Event()

        async def beat() -> None:
            while not gone.is_set():
                await bucket.put(record.node, record)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), 1)

        async with asyncio.TaskGroup() as group:
            group.create_task(beat())
            yield
            gone.set()
