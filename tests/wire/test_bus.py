from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats.js.errors import APIError

from tests.inbox import Inbox, disconnected, reconnected, soon
from tests.nats_server import NatsServer
from wire import subjects, topology
from wire.bus import Bus, Delivered, Taken
from wire.errors import NatsUnavailable, QueueFull, Stale
from wire.jobs import Job
from wire.messages import AudioChunk, ClientSeen, decode, encode

CHUNK = AudioChunk(first=1, last=1, pcm=b"\0" * 64, speech=b"\0")
LARGE = AudioChunk(first=1, last=1, pcm=b"\0" * 1000, speech=b"")


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


async def test_read_gives_what_is_there(bus: Bus) -> None:
    for number in range(6):
        await bus.store(subjects.mailbox(f"s{number % 2}", "client"), CHUNK, id=str(number))
    found = await bus.read(subjects.MAILBOX, subjects.mailbox_of("s1"), 2, 5)
    assert [m.sequence for m in found] == [2, 4]
    assert [m.sequence for m in await bus.read(subjects.MAILBOX, subjects.mailbox_of("s1"), 5, 100)] == [6]
    assert await bus.read(subjects.MAILBOX, subjects.mailbox_of("nobody"), 1, 100) == []
    assert await bus.last(subjects.MAILBOX, subjects.mailbox("nobody", "client")) is None


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


async def test_what_was_stored_before_a_restart_is_there_once_after_it(server: NatsServer, bus: Bus) -> None:
    subject = subjects.mailbox("s1", "client")
    first = await bus.store(subject, CHUNK, id="a")
    server.kill()
    server.start()
    again = await bus.store(subject, CHUNK, id="a")
    assert (again.sequence, again.duplicate) == (first.sequence, True)
    assert await bus.newest(subjects.MAILBOX) == 1


async def test_store_waits_for_a_server_that_is_away(server: NatsServer, bus: Bus) -> None:
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    async with asyncio.TaskGroup() as group:
        writes = [group.create_task(bus.store(subjects.event("s1"), CHUNK, id=str(n))) for n in range(20)]
        server.start()
    assert sorted(write.result().sequence for write in writes) == list(range(1, 21))


async def test_store_gives_up_when_its_patience_ends(server: NatsServer, bus: Bus) -> None:
    server.kill()
    with pytest.raises(NatsUnavailable, match=r"event\.s1 was not stored"):
        await bus.store(subjects.event("s1"), CHUNK, patience=0.1)


async def test_the_servers_own_order_of_checks_is_as_described(bus: Bus) -> None:
    """Expected last sequence first, then duplicates: what `store` mends. If this fails, it need not any more."""
    headers = {"Nats-Msg-Id": "1", "Nats-Expected-Last-Subject-Sequence": "0"}
    await bus._js.publish(subjects.event("s1"), b"{}", headers=headers)
    with pytest.raises(APIError, match="10071"):
        await bus._js.publish(subjects.event("s1"), b"{}", headers=headers)


async def test_sending_again_what_is_stored_is_no_conflict(bus: Bus) -> None:
    subject = subjects.event("s1")
    first = await bus.store(subject, ClientSeen(), id="1", expect_last=0)
    again = await bus.store(subject, ClientSeen(), id="1", expect_last=0)
    assert (again.sequence, again.duplicate) == (first.sequence, True)
    await bus.store(subject, ClientSeen(), id="2", expect_last=first.sequence)
    with pytest.raises(Stale):  # event 2 came after it: whoever sends 1 now is not the owner
        await bus.store(subject, ClientSeen(), id="1", expect_last=0)
    with pytest.raises(Stale):  # nothing was ever there
        await bus.store(subjects.event("s2"), ClientSeen(), id="1", expect_last=7)


async def test_a_write_whose_answer_was_lost_is_found_again(server: NatsServer, bus: Bus) -> None:
    """Stored, but not acknowledged: the second try of the same call must not read as another owner's."""
    real, answers_lost = bus._js.publish, 0

    async def publish(*arguments: Any, **options: Any) -> Any:
        nonlocal answers_lost
        ack = await real(*arguments, **options)
        if answers_lost == 0:
            answers_lost += 1
            raise TimeoutError
        return ack

    bus._js.publish = publish  # type: ignore[method-assign]
    stored = await bus.store(subjects.event("s1"), ClientSeen(), expect_last=0)
    assert (stored.sequence, stored.duplicate, answers_lost) == (1, True, 1)


async def test_repeats_come_only_after_storing(bus: Bus) -> None:
    """Whoever hears `stored.>` can read it in the stream at once; what was refused or repeated is not heard."""
    heard = Inbox()
    await bus.subscribe(subjects.STORED_ALL, heard)
    for number in range(1, 51):
        await bus.store(subjects.event("s1"), ClientSeen(), id=str(number), expect_last=number - 1)
        await bus.store(subjects.event("s1"), ClientSeen(), id=str(number))
        await heard.until(number)
        found = await bus.last(subjects.EVENTS, subjects.event("s1"))
        assert found is not None
        assert found.sequence == number
    await bus.publish(subjects.stored("end.s1"), ClientSeen())
    await heard.until(51)
    assert len(heard) == 51


async def test_a_full_queue_refuses_at_once(bus: Bus) -> None:
    config = (await bus._js.stream_info(subjects.JOBS)).config
    config.max_bytes = 1000
    await bus._js.update_stream(config)
    for _ in range(4):
        await bus.store(subjects.job_pool("p"), CHUNK)
    with pytest.raises(QueueFull, match=r"job\.pool\.p is at its limit: maximum bytes"):
        await bus.store(subjects.job_pool("p"), LARGE)


async def test_a_message_over_the_servers_limit_is_refused_at_once(bus: Bus) -> None:
    large = AudioChunk(first=0, last=0, pcm=b"\0" * (bus.max_payload + 1), speech=b"")
    with pytest.raises(NatsUnavailable, match="4194304 bytes") as refused:
        await bus.store(subjects.mailbox("s1", "client"), large)
    assert not refused.value.retryable
    with pytest.raises(NatsUnavailable, match="4194304 bytes"):
        await bus.publish(subjects.mailbox("s1", "client"), large)


async def test_streams_that_went_with_the_servers_store_are_made_again(server: NatsServer, bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    server.kill()
    shutil.rmtree(server.directory / "store")
    server.start()
    await bus.store(subjects.job_pool("p"), CHUNK)
    taken = await bus.take(subjects.JOBS, durable, 5)
    assert taken is not None
    assert taken.data == encode(CHUNK)


async def test_a_queue_that_was_deleted_is_made_again(bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    assert await bus.take(subjects.JOBS, durable, 0.1) is None
    await bus._js.delete_consumer(subjects.JOBS, durable)
    assert await bus.take(subjects.JOBS, durable, 0.1) is None
    await bus.store(subjects.job_pool("p"), CHUNK)
    assert await bus.take(subjects.JOBS, durable, 5) is not None


async def test_take_goes_on_after_a_restart_of_the_server(server: NatsServer, bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    await bus.store(subjects.job_pool("p"), CHUNK)
    back = reconnected(bus)
    server.kill()
    assert await bus.take(subjects.JOBS, durable, 0.1) is None
    server.start()
    await soon(back)
    taken = await bus.take(subjects.JOBS, durable, 5)
    assert taken is not None
    await taken.ack()
    assert await bus.waiting(subjects.JOBS, durable) == 0


async def test_a_job_that_is_given_up_is_not_delivered_again(bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    await bus.store(subjects.job_pool("p"), CHUNK)
    taken = await bus.take(subjects.JOBS, durable, 5)
    assert taken is not None
    await taken.give_up()
    assert await bus.take(subjects.JOBS, durable, 0.2) is None


async def test_a_queue_is_forgotten_once_and_for_all(bus: Bus) -> None:
    durable = subjects.node_consumer("n1")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_node("n1"), 1)
    await bus.forget_queue(subjects.JOBS, durable)
    await bus.forget_queue(subjects.JOBS, durable)
    with pytest.raises(NatsUnavailable, match="node-n1"):
        await bus.waiting(subjects.JOBS, durable)


async def test_a_receiver_that_fails_is_told_in_the_log_and_called_again(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = Inbox()

    def receive(message: Delivered) -> None:
        heard(message)
        raise ValueError("broken")

    await bus.subscribe(subjects.LIVE_ALL, receive)
    await bus.publish(subjects.live("s1"), ClientSeen())
    await bus.publish(subjects.live("s1"), ClientSeen())
    await heard.until(2)
    printed = capsys.readouterr()
    assert "a message was not understood" in printed.out + printed.err


async def test_a_purge_takes_one_subjects_messages_up_to_a_sequence(bus: Bus) -> None:
    one, two = subjects.job_node("n1"), subjects.job_node("n2")
    first, other, later = [await bus.store(subject, CHUNK) for subject in (one, two, one)]
    await bus.purge(subjects.JOBS, one, first.sequence)
    await bus.purge(subjects.JOBS, one, first.sequence)
    held = await bus.read(subjects.JOBS, subjects.JOB_ALL, 1, later.sequence)
    assert [each.sequence for each in held] == [other.sequence, later.sequence]


async def test_one_message_is_taken_away_and_others_stay(bus: Bus) -> None:
    one, other = [await bus.store(subjects.dead("p", "s"), CHUNK) for _ in range(2)]
    assert await bus.holds(subjects.DEAD) == 2
    for _ in range(2):
        await bus.discard(subjects.DEAD, one.sequence)
    (left,) = await bus.read(subjects.DEAD, subjects.DEAD_ALL, 1, other.sequence)
    assert left.sequence == other.sequence
    assert await bus.holds(subjects.DEAD) == 1
    await bus.discard("NOWHERE", 1)


QUESTIONS = ("last", "read", "newest", "waiting", "declare_queue", "forget_queue", "purge", "discard", "holds")


@pytest.mark.parametrize("question", QUESTIONS)
async def test_questions_raise_our_error_while_the_server_is_away(server: NatsServer, bus: Bus, question: str) -> None:
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    bus._js._timeout = bus._js._jsm._timeout = 0.1
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "last": lambda: bus.last(subjects.EVENTS, subjects.event("s1")),
        "read": lambda: bus.read(subjects.EVENTS, subjects.event("s1"), 1, 2),
        "newest": lambda: bus.newest(subjects.EVENTS),
        "waiting": lambda: bus.waiting(subjects.JOBS, "q"),
        "declare_queue": lambda: bus.declare_queue(subjects.JOBS, "q", subjects.job_pool("p"), 1),
        "forget_queue": lambda: bus.forget_queue(subjects.JOBS, "q"),
        "purge": lambda: bus.purge(subjects.JOBS, subjects.job_node("n1"), 1),
        "discard": lambda: bus.discard(subjects.DEAD, 1),
        "holds": lambda: bus.holds(subjects.DEAD),
    }
    with pytest.raises(NatsUnavailable, match="no answer about"):
        await asked[question]()


async def test_a_job_that_comes_when_its_taker_was_cancelled_goes_to_the_next_at_once(bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    await bus.take(subjects.JOBS, durable, 0.05)
    pull, fetching = bus._pulls[subjects.JOBS, durable], asyncio.Event()
    real = pull.fetch

    async def fetch(*arguments: Any, **options: Any) -> Any:
        fetching.set()
        with contextlib.suppress(asyncio.CancelledError):  # as wait_for does when both come at once
            await asyncio.Event().wait()
        return await real(*arguments, **options)

    pull.fetch = fetch
    await bus.store(subjects.job_pool("p"), CHUNK)
    taker = asyncio.create_task(bus.take(subjects.JOBS, durable, 5))
    await soon(fetching)
    taker.cancel()
    await asyncio.wait({taker}, timeout=5)
    assert taker.cancelled()
    pull.fetch = real
    async with asyncio.timeout(topology.ACK_WAIT_S / 2):
        again = await bus.take(subjects.JOBS, durable, 5)
    assert again is not None
    assert again.deliveries == 2


async def test_who_declared_nothing_makes_nothing(server: NatsServer) -> None:
    async with Bus.connect(server.url, "onlooker") as onlooker:
        assert await onlooker.take(subjects.JOBS, "no-such-queue", 0.1) is None
        with pytest.raises(NatsUnavailable, match="NoStreamResponseError"):
            await onlooker.store(subjects.event("s1"), ClientSeen(), patience=0.3)
        assert await onlooker._js.streams_info() == []


async def test_a_job_in_hand_is_ended_without_an_error_while_the_server_is_away(server: NatsServer, bus: Bus) -> None:
    durable = subjects.pool_consumer("p")
    await bus.declare_queue(subjects.JOBS, durable, subjects.job_pool("p"), 10)
    ended: list[Callable[[Taken], Awaitable[None]]] = [Taken.ack, Taken.give_back, Taken.give_up]
    taken = []
    for _ in ended:
        await bus.store(subjects.job_pool("p"), CHUNK)
        taken.append(await bus.take(subjects.JOBS, durable, 5))
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    await bus._nc.close()  # nothing is kept for later
    for job, end in zip(taken, ended, strict=True):
        assert job is not None
        await job.progress()
        await end(job)
