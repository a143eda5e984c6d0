from __future__ import annotations

import asyncio

import pytest

from tests.nats_server import NatsServer
from wire import subjects
from wire.bus import Bus, Delivered
from wire.errors import NatsUnavailable, Stale
from wire.kv import Bucket
from wire.messages import AudioChunk, BindingRecord, ClientSeen, Job, decode

CHUNK = AudioChunk(first=1, last=1, pcm=b"\0" * 64, speech=b"\0")


class Inbox(list[Delivered]):
    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def __call__(self, message: Delivered) -> None:
        self.append(message)
        self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()


async def test_connect_names_the_address_of_a_missing_server() -> None:
    with pytest.raises(NatsUnavailable, match=r"127\.0\.0\.1:1"):
        async with Bus.connect("nats://127.0.0.1:1", "test", patience=0.3):
            pass


async def test_declare_twice_changes_nothing(bus: Bus) -> None:
    await bus.declare()


async def test_store_keeps_one_message_for_each_id(bus: Bus) -> None:
    first = await bus.store(subjects.mailbox("s1", "client"), ClientSeen(), id="a")
    again = await bus.store(subjects.mailbox("s1", "client"), ClientSeen(), id="a")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.sequence == first.sequence


async def test_store_refuses_a_stale_owner(bus: Bus) -> None:
    subject = subjects.event("s1")
    first = await bus.store(subject, ClientSeen(), id="1", expect_last=0)
    await bus.store(subject, ClientSeen(), id="2", expect_last=first.sequence)
    with pytest.raises(Stale, match=r"event\.s1"):
        await bus.store(subject, ClientSeen(), id="3", expect_last=first.sequence)


async def test_stored_events_are_repeated_and_refused_ones_are_not(bus: Bus) -> None:
    heard = Inbox()
    await bus.subscribe(subjects.STORED_ALL, heard)
    await bus.store(subjects.event("s1"), ClientSeen(), id="1", expect_last=0)
    with pytest.raises(Stale):
        await bus.store(subjects.event("s1"), ClientSeen(), id="other", expect_last=0)
    await bus.store(subjects.speech("s1", 1, "en"), CHUNK, id="3")
    await heard.until(2)
    assert [subjects.unstored(m.subject) for m in heard] == ["event.s1", "speech.s1.1.en"]


async def test_follow_delivers_in_order_and_survives_a_restart_of_the_server(server: NatsServer, bus: Bus) -> None:
    heard = Inbox()
    subject = subjects.mailbox("s1", "client")
    follower = asyncio.create_task(bus.follow(subjects.MAILBOX, subjects.MAILBOX_ALL, 0, heard))
    for number in range(5):
        await bus.store(subject, CHUNK, id=str(number))
    await heard.until(5)
    server.kill()
    server.start()
    for number in range(5, 10):
        await bus.store(subject, CHUNK, id=str(number))
    await heard.until(10)
    follower.cancel()
    assert [m.sequence for m in heard] == list(range(1, 11))
    assert all(m.time > 1.6e9 for m in heard)
    assert decode(AudioChunk, heard[-1].data) == CHUNK


async def test_read_gives_what_is_there(bus: Bus) -> None:
    for number in range(6):
        await bus.store(subjects.mailbox(f"s{number % 2}", "client"), CHUNK, id=str(number))
    found = await bus.read(subjects.MAILBOX, subjects.mailbox_of("s1"), 2, 5)
    assert [m.sequence for m in found] == [2, 4]


async def test_a_job_is_taken_given_back_and_acknowledged(bus: Bus) -> None:
    durable = subjects.pool_consumer("default")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("default"), 10)
    job = Job(job="s.1", session="s", utterance=1, attempt=1, pool="default", source="en", pcm=b"xx", start=0.0)
    assert await bus.take(subjects.JOBS, durable, 0.2) is None
    await bus.store(subjects.job_pool("default"), job, id="j")
    taken = await bus.take(subjects.JOBS, durable)
    assert taken is not None
    assert decode(Job, taken.data) == job
    await taken.progress()
    await taken.give_back()
    again = await bus.take(subjects.JOBS, durable)
    assert again is not None
    assert again.deliveries == 2
    assert await bus.waiting(subjects.JOBS, durable) == 1
    await again.ack()
    assert await bus.waiting(subjects.JOBS, durable) == 0


async def test_bucket_creates_once_and_again_after_delete(bus: Bus) -> None:
    bucket = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
    value = BindingRecord(
        job="s.1", session="s", utterance=1, attempt=1, pool="default", start=0.0, end=1.0, state="sent"
    )
    assert await bucket.create("s.1", value)
    assert not await bucket.create("s.1", value)
    assert await bucket.get("s.1") == value
    assert await bucket.items() == {"s.1": value}
    await bucket.delete("s.1")
    assert await bucket.get("s.1") is None
    assert await bucket.items() == {}
    assert await bucket.create("s.1", value)
