"""A session's line without any client: what is the same for all is tried through browsers in test_session.py and
test_resume.py; here is what a line leaves to whoever has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ingress import endings, entry, line
from ingress.delivery import Outgoing
from ingress.endings import Ending
from ingress.line import Line
from ingress.shared import Ingress
from ingress.vad import SpeechModel
from ingress.wishes import Wishes
from tests.ingress.stand_in import NODE, Actor
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import NoScheduler
from wire.fleet import FleetView
from wire.messages import ClientLeft, LanguagesChanged
from wire.protocol import AudioAck, SessionClosed, SessionReady, SessionUpdated


class Plain(Line):
    def __init__(self, ingress: Ingress) -> None:
        self.endings: list[Ending] = []
        super().__init__(
            ingress, entry.new(Wishes("en"), 16_000, ingress.id, "default"), lambda ending: self.endings.append(ending)
        )
        self.heard: list[Outgoing] = []
        self.tended = 0
        self.more = asyncio.Event()

    def hear(self, piece: Outgoing) -> None:
        self.heard.append(piece)
        self.more.set()

    async def tend(self, now: float) -> None:
        self.tended += 1
        self.more.set()

    async def until(self, kind: type[object]) -> object:
        async with asyncio.timeout(10):
            while True:
                for piece in self.heard:
                    if isinstance(piece, kind):
                        return piece
                self.more.clear()
                await self.more.wait()


@pytest.fixture
async def plain(bus: Bus, actor: Actor, model: SpeechModel) -> AsyncIterator[Plain]:
    ingress = Ingress(IngressSettings(), bus, FleetView(), model)
    ingress.fleet.apply("n1", NODE)
    await ingress.feed.start()
    made = Plain(ingress)
    with made.connected():
        yield made
    assert not ingress.feed.sessions


async def test_a_line_hears_what_its_actor_tells_in_order(plain: Plain, actor: Actor) -> None:
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(plain.keep())
        await plain.enter()
        await plain.audio(0, bytes(6400))
        await plain.ask_for(Wishes("fr"))
        await plain.close()
        await plain.until(SessionClosed)
        keeping.cancel()
    told = [type(piece) for piece in plain.heard if getattr(piece, "n", 0)]
    assert told == [SessionReady, SessionUpdated, SessionClosed]
    ready = await plain.until(SessionReady)
    assert isinstance(ready, SessionReady)
    assert ready.token == plain.entry.token, "who has the line may come back with it"
    assert plain.wishes == Wishes("fr")
    _, heard = actor.only()
    assert len(heard.pcm) == 6400
    assert isinstance(heard.mail[1], LanguagesChanged)
    assert plain.tended
    assert not plain.endings


async def test_chunks_that_the_resampler_added_are_not_acknowledged(plain: Plain, actor: Actor) -> None:
    await plain.enter()
    await plain.audio(0, bytes(6400))
    plain._come(AudioAck(chunk=7))
    assert plain.heard[-1] == AudioAck(chunk=0)


async def test_who_leaves_says_so_unless_it_closed(plain: Plain, actor: Actor) -> None:
    await plain.enter()
    await plain.leave()
    session, heard = actor.only()
    await actor.until(lambda: any(isinstance(mail, ClientLeft) for mail in heard.mail))
    await plain.close()
    await plain.leave()
    await plain.until(SessionClosed)
    assert sum(isinstance(mail, ClientLeft) for mail in heard.mail) == 1
    assert session == plain.id


async def test_without_an_answer_nobody_enters(plain: Plain, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "SCHEDULER_S", 0.3)
    actor.listens = False
    with pytest.raises(NoScheduler):
        await plain.enter()


async def test_what_takes_too_long_after_the_close_ends(plain: Plain, actor: Actor) -> None:
    plain.closing_s = 0.1
    await plain.enter()
    actor.deaf.add(plain.id)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(plain.keep())
        await plain.close()
        async with asyncio.timeout(10):
            while not plain.endings:
                plain.more.clear()
                await plain.more.wait()
        keeping.cancel()
    assert plain.endings[0] is endings.NO_SCHEDULER
