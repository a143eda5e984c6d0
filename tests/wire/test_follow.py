from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from tests.inbox import Inbox, beside, disconnected, reconnected, soon
from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus, Delivered
from wire.follow import position
from wire.messages import AudioChunk, decode

CHUNK = AudioChunk(first=1, last=1, pcm=b"\0" * 64, speech=b"\0")
SUBJECT = subjects.mailbox("s1", "client")
CHECK_S = 0.2


def following(
    bus: Bus, heard: Inbox, after: int = 0, subject: str = subjects.MAILBOX_ALL
) -> AbstractAsyncContextManager[object]:
    return beside(bus.follow(subjects.MAILBOX, subject, after, heard, check=CHECK_S))


async def store(bus: Bus, count: int) -> None:
    for _ in range(count):
        await bus.store(SUBJECT, CHUNK)


async def test_all_that_is_there_and_all_that_comes_in_order(bus: Bus) -> None:
    await store(bus, 5)
    heard = Inbox()
    async with following(bus, heard):
        await heard.until(5)
        await store(bus, 5)
        await heard.until(10)
    assert [m.sequence for m in heard] == list(range(1, 11))
    assert all(m.time > 1.6e9 for m in heard)
    assert {m.subject for m in heard} == {SUBJECT}
    assert decode(AudioChunk, heard[-1].data) == CHUNK


async def test_from_a_sequence_on_and_one_subject_only(bus: Bus) -> None:
    for number in range(10):
        await bus.store(subjects.mailbox(f"s{number % 2}", "client"), CHUNK)
    heard = Inbox()
    async with following(bus, heard, after=3, subject=subjects.mailbox_of("s1")):
        await heard.until(4)
    assert [m.sequence for m in heard] == [4, 6, 8, 10]


async def test_a_killed_server_leaves_no_gap_and_no_repeat(server: NatsServer, bus: Bus) -> None:
    heard = Inbox()
    async with following(bus, heard):
        for round in range(1, 4):
            await store(bus, 5)
            await heard.until(5 * round)
            lost = disconnected(bus)
            server.kill()
            await soon(lost)
            server.start()
        await store(bus, 5)
        await heard.until(20)
    assert [m.sequence for m in heard] == list(range(1, 21))


async def test_a_consumer_that_an_operator_deleted_is_made_again(bus: Bus) -> None:
    heard = Inbox()
    async with following(bus, heard):
        await store(bus, 3)
        await heard.until(3)
        for consumer in await bus._js.consumers_info(subjects.MAILBOX):
            await bus._js.delete_consumer(subjects.MAILBOX, consumer.name)
        await store(bus, 3)
        await heard.until(6)
    assert [m.sequence for m in heard] == list(range(1, 7))


async def test_a_server_that_stands_still_leaves_no_gap(server: NatsServer) -> None:
    heard = Inbox()
    async with Bus.connect(server.url, "test", watch=0.2) as bus:
        await bus.declare()
        back = reconnected(bus)
        async with following(bus, heard):
            await store(bus, 3)
            server.pause()
            asyncio.get_running_loop().call_later(1.0, server.go_on)
            await soon(back)
            await store(bus, 3)
            await heard.until(6)
    assert [m.sequence for m in heard] == list(range(1, 7))


async def test_twenty_thousand_messages_come_in_order_and_do_not_pile_up(bus: Bus) -> None:
    """120 MB go through; flow control keeps the server from being far ahead of the receiver."""
    count, chunk = 20_000, AudioChunk(first=1, last=1, pcm=b"\0" * 6_000, speech=b"")
    heard, total = Inbox(), 0

    def receive(message: Delivered) -> None:
        nonlocal total
        total += len(message.data)
        heard(Delivered("", b"", message.sequence))

    for _ in range(count):
        await bus.publish(SUBJECT, chunk)
    await bus.store(SUBJECT, CHUNK)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with beside(bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, receive)):
        await heard.until(count + 1, timeout=60)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert [m.sequence for m in heard] == list(range(1, count + 2))
    assert total > 120e6
    assert grown_mb < 90


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(server: NatsServer, bus: Bus) -> None:
    heard = Inbox()
    async with following(bus, heard):
        await store(bus, 5)
        await heard.until(5)
        lost = disconnected(bus)
        server.kill()
        await soon(lost)
        shutil.rmtree(server.directory / "store")
        server.start()
        await store(bus, 3)
        await heard.until(8)
    assert [m.sequence for m in heard] == [1, 2, 3, 4, 5, 1, 2, 3]


async def test_a_stream_that_somebody_deleted_is_read_again_when_there_is_another(bus: Bus) -> None:
    """Its first message has a number that was seen of the one before it."""
    heard = Inbox()
    async with following(bus, heard):
        await store(bus, 5)
        await heard.until(5)
        await bus._js.delete_stream(subjects.MAILBOX)
        await bus.declare()
        await store(bus, 2)
        await heard.until(7)
    assert [m.sequence for m in heard] == [1, 2, 3, 4, 5, 1, 2]


async def test_a_place_after_the_end_of_the_stream_is_its_end(bus: Bus) -> None:
    """A stream that lost its newest messages numbers the next ones as it numbered those."""
    await store(bus, 3)
    heard = Inbox()
    async with following(bus, heard, after=100):
        async with asyncio.timeout(10):
            while not await bus._js.consumers_info(subjects.MAILBOX):
                pass
        await store(bus, 1)
        await heard.until(1)
    assert heard[0].sequence == 4


async def test_what_the_receiver_raises_ends_the_follower(bus: Bus) -> None:
    heard = Inbox()

    def receive(message: Delivered) -> None:
        heard(message)
        if message.sequence == 3:
            raise ValueError("broken at 3")

    await store(bus, 10)
    with pytest.raises(ValueError, match="broken at 3"):
        await bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, receive)
    assert [m.sequence for m in heard] == [1, 2, 3]
    assert bus.on_reconnect == []


async def test_a_follower_that_starts_while_the_server_is_away_waits_for_it(server: NatsServer, bus: Bus) -> None:
    await store(bus, 2)
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    bus._js._timeout = bus._js._jsm._timeout = 0.3
    heard = Inbox()
    async with following(bus, heard):
        asyncio.get_running_loop().call_later(0.5, server.start)
        await heard.until(2)


async def test_silence_while_nothing_comes_is_no_reason_to_begin_anew(bus: Bus) -> None:
    heard, checks, real = Inbox(), asyncio.Semaphore(0), bus._js.get_msg

    async def get_msg(*arguments: Any, **options: Any) -> Any:
        checks.release()
        return await real(*arguments, **options)

    bus._js.get_msg = get_msg  # type: ignore[method-assign]
    await bus.store(subjects.mailbox("s2", "client"), CHUNK)  # the stream holds more, and none of it is for this one
    async with beside(bus.follow(subjects.MAILBOX, SUBJECT, 0, heard, check=0.01)):
        await store(bus, 1)
        await bus.store(subjects.mailbox("s2", "client"), CHUNK)
        await heard.until(1)
        (before,) = [consumer.name for consumer in await bus._js.consumers_info(subjects.MAILBOX)]
        for _ in range(20):
            await checks.acquire()
        (after,) = [consumer.name for consumer in await bus._js.consumers_info(subjects.MAILBOX)]
    assert before == after


async def test_a_cancellation_that_comes_with_an_answer_is_not_forgotten(bus: Bus) -> None:
    """nats-py awaits answers with asyncio.wait_for, which in Python 3.11 drops a cancellation of the same moment."""

    async def forgetful(*_: Any, **__: Any) -> Any:
        with contextlib.suppress(asyncio.CancelledError):
            asked.set()
            await asyncio.Event().wait()
        raise NotFoundError

    asked = asyncio.Event()
    bus._js.get_msg = forgetful  # type: ignore[method-assign]
    await bus.store(subjects.mailbox("s2", "client"), CHUNK)
    follower = asyncio.create_task(bus.follow(subjects.MAILBOX, SUBJECT, 0, Inbox(), check=0.01))
    await soon(asked)
    follower.cancel()
    done, _ = await asyncio.wait({follower}, timeout=5)
    assert done
    assert follower.cancelled()


@pytest.mark.parametrize("front", ["$JS.ACK", "$JS.ACK.domain.account"])
def test_the_position_is_read_with_and_without_domains(front: str) -> None:
    tail = ".token" if "domain" in front else ""
    assert position(f"{front}.MAILBOX.c1.1.42.7.1700000000500000000.3{tail}") == (42, 1_700_000_000.5)


async def test_a_follower_that_is_cancelled_while_it_subscribes_leaves_nothing_behind(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has the subscription, and who asked for it is cancelled before it has the answer."""
    before, subscribe = set(bus._nc._subs), bus._nc.subscribe
    subscribed, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any, **named: Any) -> Any:
        made = await subscribe(*args, **named)
        subscribed.set()
        await goes_on.wait()
        return made

    monkeypatch.setattr(bus._nc, "subscribe", slowly)
    following = asyncio.create_task(bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, lambda _: None))
    await soon(subscribed)
    following.cancel()
    asyncio.get_running_loop().call_soon(goes_on.set)
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert set(bus._nc._subs) == before
