"""What tests of clients that come back share: another connection of a session, and a node's results."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.ingress.client import Client, Event, connected
from wire import subjects
from wire.bus import Bus
from wire.jobs import SpeechChunk
from wire.messages import NodeMail, Transcribed, Translated

END_OF_STREAM = 2**60


class Results:
    """What a node would store for a session's first utterance."""

    def __init__(self, bus: Bus, session: str) -> None:
        self._bus = bus
        self._session = session
        self._about: dict[str, Any] = {
            "job": subjects.job_id(session, 1), "utterance": 1, "attempt": 1, "node": "n1",
        }  # fmt: skip

    async def store(self, kind: type[NodeMail], **fields: Any) -> None:
        mail = kind(**self._about, **fields)
        await self._bus.store(subjects.mailbox(self._session, "node"), mail, id=f"{self._session}.{kind.__name__}")

    async def speak(self, *sequences: int) -> None:
        for sequence in sequences:
            piece = SpeechChunk(
                job=self._about["job"], attempt=1, sequence=sequence, sample_rate=22_050, pcm=bytes([sequence, 0] * 50)
            )
            subject = subjects.speech(self._session, 1, "en")
            await self._bus.store(subject, piece, id=f"{self._session}.{sequence}")

    async def texts(self) -> None:
        await self.store(Transcribed, text="bonjour", language="fr")
        await self.store(Translated, target="en", text="hello")


def frames(client: Client) -> list[int]:
    return [event["sequence"] for event in client.events if event["type"] == "speech"]


def last_n(client: Client) -> int:
    return max(client.numbered(), default=0)


@contextlib.asynccontextmanager
async def returned(url: str, started: Event, n: int, **fields: object) -> AsyncIterator[Client]:
    """Another connection of the session, resumed."""
    async with connected(url) as client:
        await client.resume(started["session"], started["token"], n, **fields)
        client.next_chunk = (await client.until("session.resumed"))["next_chunk"]
        yield client


async def job_of(bus: Bus) -> bool:
    return await bus.last(subjects.JOBS, subjects.job_node("n1")) is not None
