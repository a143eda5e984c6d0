"""The way up, against a real server; time is an argument where `keep` takes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from nats.js.api import StreamConfig

from ingress.uplink import SEEN_S, Uplink
from ingress.vad import SpeechModel
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus, Delivered
from wire.errors import NatsUnavailable, ProtocolViolation
from wire.messages import AudioChunk, ClientSeen, FinalizeRequested, Mail, decode

TENTH = bytes(3200)


class Mailbox(list[Mail]):
    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def __call__(self, message: Delivered) -> None:
        self.append(decode(Mail, message.data))
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def spans(self) -> list[tuple[int, int]]:
        return [(mail.first, mail.last) for mail in self if isinstance(mail, AudioChunk)]


@pytest.fixture
async def mailbox(bus: Bus) -> AsyncIterator[Mailbox]:
    made = Mailbox()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(bus.follow(subjects.MAILBOX, subjects.mailbox_of("s1"), 0, made))
        yield made
        following.cancel()


@pytest.fixture
def uplink(bus: Bus, model: SpeechModel) -> Uplink:
    return Uplink(bus, "s1", "c1", 16_000, model)


async def test_audio_and_control_arrive_in_order(uplink: Uplink, mailbox: Mailbox) -> None:
    for number in range(3):
        await uplink.audio(number, TENTH)
    await uplink.audio(3, bytes(100))
    await uplink.send(FinalizeRequested(after=uplink.last_chunk))
    await mailbox.until(lambda: len(mailbox) == 5)
    assert mailbox.spans() == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert mailbox[-1] == FinalizeRequested(after=3)


async def test_chunk_numbers(uplink: Uplink) -> None:
    await uplink.audio(0, TENTH)
    await uplink.audio(0, TENTH)
    assert uplink.chunks == 1
    with pytest.raises(ProtocolViolation, match="chunk 2 came where 1 was next") as caught:
        await uplink.audio(2, TENTH)
    assert caught.value.code == "chunk_gap"


async def test_what_is_not_acknowledged_is_sent_again(uplink: Uplink, mailbox: Mailbox) -> None:
    for number in range(4):
        await uplink.audio(number, TENTH)
    assert uplink.acknowledge(1) == 1
    now = time.monotonic()
    await uplink.keep(now + 1)
    await uplink.keep(now + 4)
    await mailbox.until(lambda: len(mailbox) == 6)
    assert mailbox.spans() == [(0, 0), (1, 1), (2, 2), (3, 3), (2, 2), (3, 3)]
    assert uplink.busy
    assert uplink.acknowledge(3) == 3
    assert not uplink.busy
    assert uplink.stalled(now + 100) == 0


async def test_while_the_stream_is_away_only_the_first_is_tried(
    server: NatsServer, bus: Bus, model: SpeechModel
) -> None:
    """As in an election of its leader: the server is there, and what is published is nowhere."""
    async with Bus.connect(server.url, "ingress") as ingress_bus:  # declares nothing: it cannot mend the stream
        uplink, sent = Uplink(ingress_bus, "s1", "c1", 16_000, model), Mailbox()
        await bus.subscribe(subjects.mailbox_of("s1"), sent)
        await bus.newest(subjects.MAILBOX)  # by now the server knows of that
        for number in range(100):
            await uplink.audio(number, TENTH)
        await sent.until(lambda: len(sent) == 100)
        await bus._js.update_stream(StreamConfig(name=subjects.MAILBOX, subjects=["away"]))
        now = time.monotonic()
        for seconds in (4, 5):
            await uplink.keep(now + seconds)
        assert set(sent.spans()[100:]) == {(0, 0)}
        await bus._js.update_stream(StreamConfig(name=subjects.MAILBOX, subjects=[subjects.MAILBOX_ALL]))
        sent.clear()
        await uplink.audio(100, TENTH)  # behind what is owed
        await uplink.keep(now + 7)
        await sent.until(lambda: len(sent) == 101)
        assert sent.spans() == [(number, number) for number in range(101)]
        sent.clear()
        await uplink.keep(now + 30)  # the scheduler is away: that it has all this again helps nobody
        uplink.acknowledge(0)
        await uplink.keep(now + 60)  # it is there, and lacks the rest
        await sent.until(lambda: len(sent.spans()) == 101)
        assert sent.spans() == [(0, 0)] + [(number, number) for number in range(1, 101)]


async def test_a_client_that_says_nothing_is_still_seen(uplink: Uplink, mailbox: Mailbox) -> None:
    await uplink.audio(0, TENTH)
    uplink.acknowledge(0)
    now = time.monotonic()
    for seconds in (1, SEEN_S - 1, SEEN_S + 1, SEEN_S + 2, 2 * SEEN_S + 2):
        await uplink.keep(now + seconds)
    await mailbox.until(lambda: len(mailbox) == 3)
    assert mailbox[1:] == [ClientSeen(), ClientSeen()]


async def test_the_tail_of_the_resampler_is_a_chunk_of_its_own(bus: Bus, model: SpeechModel, mailbox: Mailbox) -> None:
    uplink = Uplink(bus, "s1", "c1", 48_000, model)
    for number in range(10):
        await uplink.audio(number, bytes(9600))
    assert await uplink.finish() == 10
    await uplink.flush()
    await mailbox.until(lambda: bool(mailbox.spans()) and mailbox.spans()[-1][1] == 10)
    assert sum(len(mail.pcm) for mail in mailbox if isinstance(mail, AudioChunk)) == 32_000
    assert uplink.acknowledge(10) == 9  # the client knows of no chunk 10


async def test_without_audio_there_is_no_tail(bus: Bus, model: SpeechModel) -> None:
    assert await Uplink(bus, "s1", "c1", 48_000, model).finish() == -1


async def test_while_the_server_is_away_audio_waits_and_then_comes_in_order(
    server: NatsServer, bus: Bus, uplink: Uplink, mailbox: Mailbox
) -> None:
    for number in range(5):
        await uplink.audio(number, TENTH)
    await mailbox.until(lambda: len(mailbox) == 5)
    server.kill()
    back = asyncio.Event()
    bus.on_reconnect.append(back.set)
    with pytest.raises(NatsUnavailable):
        await uplink.send(FinalizeRequested(after=4), patience=0.1)
    for number in range(5, 10):
        await uplink.audio(number, TENTH)
    await uplink.keep(time.monotonic())
    server.start()
    async with asyncio.timeout(15):
        await back.wait()
    now = time.monotonic()
    for seconds in range(20):
        await uplink.keep(now + seconds)
        if uplink.last_chunk in [last for _, last in mailbox.spans()]:
            break
        await bus.newest(subjects.MAILBOX)
    await mailbox.until(lambda: 9 in [last for _, last in mailbox.spans()])
    taken = -1
    for first, last in mailbox.spans():
        assert first <= taken + 1  # no gaps: what comes twice is dropped by the actor
        taken = max(taken, last)
    assert taken == 9
