"""What is lost on the way to the client is read again from the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ingress import feed
from ingress.delivery import Outgoing, SpeechFrame
from ingress.feed import Feed, SessionFeed
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.jobs import SpeechChunk
from wire.messages import Message, encode
from wire.protocol import AudioAck, ClientEvent, SpeechBegan, SpeechFinished, TranscriptFinal

NAME = "s1"


class Side:
    """A client's side of one SessionFeed: what came, and whether it was stirred."""

    def __init__(self, bus: Bus) -> None:
        self.out: list[Outgoing] = []
        self.stirred = asyncio.Event()
        self.feed = SessionFeed(bus, NAME, self._take, self.stirred.set, lambda: None)
        self._changed = asyncio.Event()

    def _take(self, piece: Outgoing) -> None:
        self.out.append(piece)
        self._changed.set()

    def seen(self) -> list[object]:
        return [each.chunk.sequence if isinstance(each, SpeechFrame) else each.n for each in self.out]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def final(n: int) -> TranscriptFinal:
    return TranscriptFinal(n=n, utterance=n, text="x", language="en", start=0, end=1)


async def tell(bus: Bus, event: ClientEvent) -> None:
    await bus.store(subjects.event(NAME), event, id=subjects.event_message_id(NAME, event.n))


async def speak(bus: Bus, sequence: int, session: str = NAME) -> None:
    piece = SpeechChunk(job="j", attempt=1, sequence=sequence, sample_rate=22_050, pcm=b"ab")
    await bus.store(subjects.speech(session, 1, "en"), piece, id=f"{session}.{sequence}")


async def test_what_is_stored_and_what_is_live_comes_to_its_session(bus: Bus) -> None:
    process, side = Feed(bus), Side(bus)
    await process.start()
    process.sessions[NAME] = side.feed
    await tell(bus, final(1))
    await bus.store(subjects.event("s2"), final(1), id="other")
    await speak(bus, 0, "s2")
    await bus.publish(subjects.live(NAME), AudioAck(chunk=3))
    await tell(bus, SpeechBegan(n=2, utterance=1, target="en", sample_rate=22_050))
    await speak(bus, 0)
    await side.until(lambda: len(side.out) == 4)
    assert side.seen() == [1, 0, 2, 0]
    assert not side.stirred.is_set()


async def test_a_gap_is_noticed_at_once_and_filled(bus: Bus) -> None:
    side = Side(bus)
    for n in range(1, 5):
        await tell(bus, final(n))
    side.feed.receive(0, "", encode(final(4)))
    assert side.stirred.is_set()
    assert side.feed.due == 0
    await side.feed.keep(1)
    assert side.seen() == [1, 2, 3, 4]
    await tell(bus, final(5))
    await tell(bus, final(6))
    side.feed.receive(0, "", encode(final(6)))
    await side.feed.keep(2)
    assert side.seen() == [1, 2, 3, 4, 5, 6]


async def test_lost_speech_is_read_again_before_its_end_is_told(bus: Bus) -> None:
    side = Side(bus)
    began = SpeechBegan(n=1, utterance=1, target="en", sample_rate=22_050)
    finished = SpeechFinished(n=2, utterance=1, target="en", seconds=1, chunks=3)
    for event in (began, finished):
        await tell(bus, event)
        side.feed.receive(0, "", encode(event))
    for sequence in range(3):
        await speak(bus, sequence)
    assert side.seen() == [1]
    await side.feed.keep(1)
    assert side.seen() == [1, 0, 1, 2, 2]


async def test_it_looks_by_itself_more_and_more_rarely_while_nothing_comes(bus: Bus) -> None:
    side = Side(bus)
    looked = []
    for _ in range(8):
        now = side.feed.due
        await side.feed.keep(now)
        looked.append(side.feed.due - now)
    assert looked == [2, 4, 8, 16, 30, 30, 30, 30]
    await tell(bus, final(1))
    await side.feed.keep(side.feed.due)
    assert side.seen() == [1]
    assert side.feed.due < now


async def test_what_is_gone_from_the_stream_is_given_up(bus: Bus) -> None:
    side = Side(bus)
    await tell(bus, final(3))
    await side.feed.keep(side.feed.due)
    now = side.feed.due
    assert side.seen() == []
    while not side.out and now < side.feed.due + 60:
        await side.feed.keep(now)
        now = side.feed.due
    assert side.seen() == [3]
    await tell(bus, final(4))
    side.feed.receive(0, "", encode(final(4)))
    assert side.seen() == [3, 4]


async def test_what_cannot_be_read_is_left_out(bus: Bus) -> None:
    side = Side(bus)
    side.feed.receive(0, "", b'{"type":"session.closed","n":1}')
    side.feed.receive(1, "en", b"\xc1")
    side.feed.receive(0, "", encode(final(1)))
    assert side.seen() == [1]


async def test_a_read_that_fails_is_tried_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(bus)
    await tell(bus, final(1))

    async def away(*_: object) -> None:
        raise NatsUnavailable("EVENTS could not be read")

    with monkeypatch.context() as broken:
        broken.setattr(bus, "last", away)
        await side.feed.keep(side.feed.due)
    assert side.seen() == []
    await side.feed.keep(side.feed.due)
    assert side.seen() == [1]


async def test_while_the_server_is_away_it_waits_and_then_catches_up(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, side = Feed(bus), Side(bus)
    await process.start()
    process.sessions[NAME] = side.feed
    await tell(bus, final(1))
    await side.until(lambda: bool(side.out))
    process.sessions.clear()  # deaf for a moment
    await tell(bus, final(2))
    await bus.publish("ignored", AudioAck(chunk=0))
    process.sessions[NAME] = side.feed
    server.kill()
    while bus.connected:
        await side_of_time()
    await side.feed.keep(10**9)
    assert side.feed.due > 10**9
    server.start()
    async with asyncio.timeout(15):
        await side.stirred.wait()
    monkeypatch.setattr(feed, "GIVE_UP_S", 10**6)
    async with asyncio.timeout(15):
        while side.seen() != [1, 2]:
            await side.feed.keep(side.feed.due)


async def side_of_time() -> None:
    """Let the loop take a turn."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, event.set)
    await event.wait()


def test_messages_for_clients_are_what_the_stream_holds() -> None:
    event: Message = final(1)
    assert encode(event).startswith(b'{"type":"transcript.final","n":1')
