"""What a client of the Realtime API is told, kept and waited for; and what an actor is made to say."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.ingress.stand_in import Actor
from wire import subjects
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.messages import SessionOpened
from wire.protocol import ClientEvent

Event = dict[str, Any]


class Ears:
    """Collects what is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    def hear(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, type: str, count: int = 1, patience: float = 15, **fields: object) -> Event:
        """The first event of this type with these fields, or the `count`-th."""
        async with asyncio.timeout(patience):
            while len(found := self.all(type, **fields)) < count:
                await self.more()
        return found[count - 1]

    async def more(self) -> None:
        """Until something else came."""
        self._changed.clear()
        await self._changed.wait()

    def all(self, type: str, **fields: object) -> list[Event]:
        wanted = {"type": type, **fields}
        return [each for each in self.events if wanted.items() <= each.items()]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


class Script:
    """What an actor says of the only session that there is."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    async def opened(self) -> SessionOpened:
        await self.actor.until(lambda: len(self.actor.sessions) > 0)
        return self.actor.only()[1].opened

    async def audio(self, seconds: float) -> None:
        """Until so much has come."""
        await self.actor.until(lambda: len(self.actor.only()[1].pcm) >= seconds * SAMPLE_RATE * BYTES_PER_SAMPLE)

    async def live(self, event: ClientEvent) -> None:
        session, _ = self.actor.only()
        await self.actor.bus.publish(subjects.live(session), event)

    async def tell(self, event: ClientEvent) -> None:
        session, _ = self.actor.only()
        await self.actor.tell(session, event)
