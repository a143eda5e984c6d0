from __future__ import annotations

import asyncio

import pytest

from tests.inbox import beside, disconnected, soon
from tests.nats_server import NatsServer
from wire import kv, subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable, ProtocolViolation, Stale
from wire.kv import Bucket
from wire.messages import ClientSeen
from wire.records import BindingRecord


def record(utterance: int, state: str = "sent") -> BindingRecord:
    return BindingRecord(
        job=f"s.{utterance}", session="s", utterance=utterance, attempt=1, pool="default", start=0, end=1, state=state
    )


@pytest.fixture
async def bucket(bus: Bus) -> Bucket[BindingRecord]:
    return Bucket(bus, subjects.BINDINGS_KV, BindingRecord)


async def test_a_key_is_created_once_and_again_after_it_was_deleted(bucket: Bucket[BindingRecord]) -> None:
    assert await bucket.create("s.1", record(1))
    assert not await bucket.create("s.1", record(1, "other"))
    assert await bucket.get("s.1") == record(1)
    assert await bucket.items() == {"s.1": record(1)}
    await bucket.delete("s.1")
    assert await bucket.get("s.1") is None
    assert await bucket.items() == {}
    assert await bucket.create("s.1", record(1))


async def test_of_many_who_create_a_key_one_succeeds(server: NatsServer, bucket: Bucket[BindingRecord]) -> None:
    async with Bus.connect(server.url, "other") as other_bus:
        other = Bucket(other_bus, subjects.BINDINGS_KV, BindingRecord)
        for utterance in range(20):
            key = subjects.binding_key("s", utterance)
            if utterance % 2:  # the race after a delete is another one: nobody expects 0
                await bucket.create(key, record(utterance))
                await bucket.delete(key)
            both = await asyncio.gather(
                *(each.create(key, record(utterance, str(n))) for n, each in enumerate((bucket, other, bucket)))
            )
            assert sum(each is not None for each in both) == 1
            kept = await bucket.get(key)
            assert kept is not None
            assert kept.state == str(next(n for n, each in enumerate(both) if each is not None))


async def test_put_replaces_and_counts_revisions(bucket: Bucket[BindingRecord]) -> None:
    first = await bucket.put("s.1", record(1, "sent"))
    second = await bucket.put("s.1", record(1, "done"))
    assert second > first
    assert await bucket.items() == {"s.1": record(1, "done")}


async def test_values_are_json_for_people(bus: Bus, bucket: Bucket[BindingRecord]) -> None:
    await bucket.put("s.1", record(1))
    stored = await bus.last("KV_bindings", "$KV.bindings.s.1")
    assert stored is not None
    assert b'"state":"sent"' in stored.data


async def test_followers_hear_all_that_is_there_each_change_and_each_delete(bucket: Bucket[BindingRecord]) -> None:
    """Each key's newest value: what was replaced before anybody looked is gone."""
    heard: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()
    await bucket.put("s.1", record(1, "a"))
    follow = bucket.follow(lambda key, value: heard.put_nowait((key, value.state if value else None)))
    async with beside(follow), asyncio.timeout(10):
        assert await heard.get() == ("s.1", "a")
        await bucket.put("s.1", record(1, "b"))
        assert await heard.get() == ("s.1", "b")
        await bucket.put("s.2", record(2, "c"))
        assert await heard.get() == ("s.2", "c")
        await bucket.delete("s.1")
        assert await heard.get() == ("s.1", None)


async def test_a_value_that_nobody_can_read_does_not_stop_those_who_watch(
    bus: Bus, bucket: Bucket[BindingRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    heard: dict[str, BindingRecord | None] = {}
    more = asyncio.Event()

    def receive(key: str, value: BindingRecord | None) -> None:
        heard[key] = value
        more.set()

    await bus.store("$KV.bindings.bad", ClientSeen())
    await bucket.put("s.1", record(1))
    async with beside(bucket.follow(receive)):
        await soon(more)
    assert heard == await bucket.items() == {"s.1": record(1)}
    with pytest.raises(ProtocolViolation):
        await bucket.get("bad")
    printed = capsys.readouterr()
    assert "key=bad" in printed.out + printed.err


async def test_a_server_that_is_away_is_our_error(server: NatsServer, bus: Bus, bucket: Bucket[BindingRecord]) -> None:
    lost = disconnected(bus)
    server.kill()
    await soon(lost)
    with pytest.raises(NatsUnavailable, match=r"KV\.bindings\.s\.1 was not stored"):
        await bucket.put("s.1", record(1), patience=0.1)


async def test_keys_expire_by_the_buckets_ttl(bus: Bus, bucket: Bucket[BindingRecord]) -> None:
    config = (await bus._js.stream_info("KV_bindings")).config
    config.max_age = config.duplicate_window = 0.5
    await bus._js.update_stream(config)
    await bucket.put("s.1", record(1))
    async with asyncio.timeout(10):
        while await bucket.get("s.1") is not None:
            await bus.newest("KV_bindings")
    assert await bucket.create("s.1", record(1))


async def test_a_revision_is_renewed_and_deleted_by_whom_has_the_last(bucket: Bucket[BindingRecord]) -> None:
    revision = await bucket.create("s.1", record(1, "a"))
    assert revision is not None
    second = await bucket.renew("s.1", record(1, "b"), revision)
    with pytest.raises(Stale):
        await bucket.renew("s.1", record(1, "c"), revision)
    with pytest.raises(Stale):
        await bucket.delete("s.1", revision)
    assert await bucket.get("s.1") == record(1, "b")
    await bucket.delete("s.1", second)
    assert await bucket.get("s.1") is None


async def test_a_key_with_a_time_of_its_own_goes_unless_it_is_renewed(bucket: Bucket[BindingRecord]) -> None:
    kept = await bucket.create("kept", record(1), ttl=1)
    assert await bucket.create("left", record(2), ttl=1) is not None
    assert kept is not None
    async with asyncio.timeout(10):
        while await bucket.get("left") is not None:
            kept = await bucket.renew("kept", record(1), kept, ttl=1)
    assert await bucket.get("kept") == record(1)
    assert await bucket.create("left", record(3), ttl=1) is not None


async def test_items_are_chosen_by_their_first_token(bus: Bus) -> None:
    bucket = Bucket(bus, subjects.BINDINGS_KV, BindingRecord)
    for key in ("1.a", "1.b", "2.c"):
        await bucket.put(key, record(1))
    assert set(await bucket.items("1.*")) == {"1.a", "1.b"}


async def test_a_key_that_is_written_while_all_are_read_is_among_them(
    bus: Bus, bucket: Bucket[BindingRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = bus.read

    async def meanwhile(stream: str, subject: str, first: int, last: int) -> object:
        await bucket.put("s.1", record(1, "renewed"))
        await bucket.delete("s.2")
        return await read(stream, subject, first, last)

    await bucket.put("s.1", record(1))
    await bucket.put("s.2", record(2))
    monkeypatch.setattr(bus, "read", meanwhile)
    assert await bucket.items() == {"s.1": record(1, "renewed")}


async def test_few_of_the_keys_that_were_deleted_are_remembered(
    bucket: Bucket[BindingRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv, "MOST_DELETED", 2)
    over = asyncio.Event()

    def heard(key: str, value: BindingRecord | None) -> None:
        if key == "s.9":
            over.set()

    async with beside(bucket.follow(heard)):
        for number in range(1, 6):
            await bucket.put(f"s.{number}", record(number))
            await bucket.delete(f"s.{number}")
        await bucket.put("s.9", record(9))
        await soon(over)
    assert set(bucket._deleted) == {"s.4", "s.5"}
    assert await bucket.create("s.1", record(1)) is not None
    assert await bucket.create("s.5", record(5)) is not None


async def test_keys_are_found_in_the_order_in_which_they_were_written(bus: Bus, bucket: Bucket[BindingRecord]) -> None:
    for utterance in (1, 2, 3):
        await bucket.put(f"s.{utterance}", record(utterance))
    await bucket.put("other.1", record(1))
    await bucket.delete("s.1")
    await bus.store("$KV.bindings.s.4", b'{"type":"of a later version"}')
    await bucket.put("s.5", record(5))
    second = await bucket.first("s.*", 1)
    assert second is not None
    assert (second.key, second.value, second.sequence) == ("s.2", record(2), 2)
    fifth = await bucket.first("s.*", 4)
    assert fifth is not None
    assert fifth.key == "s.5"
    assert await bucket.newest() == fifth.sequence
    assert await bucket.first("s.*", fifth.sequence + 1) is None


async def test_keys_are_forgotten_without_a_mark(bus: Bus, bucket: Bucket[BindingRecord]) -> None:
    for key in ("s.1", "s.2", "other.1"):
        await bucket.put(key, record(1))
    await bucket.forget("s.*")
    assert await bucket.items() == {"other.1": record(1)}
    assert await bus.subjects("KV_bindings", "$KV.bindings.>") == ["$KV.bindings.other.1"]
