"""Admission on a real server: records appear, room moves when it is known to be free, another scheduler goes on, and
one whose turn is over is refused."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors import admitting as admitting_module
from actors.admission import NO_NODE, Terms
from actors.admitting import Admitting
from actors.capacity import SPEECH_SHARE
from tests.actors.pools import line, node, ticket
from tests.actors.test_host import post
from tests.actors.test_scheduler import scheduling
from tests.waiting import until
from wire import subjects, topology
from wire.bus import Bus
from wire.kv import Bucket
from wire.messages import SessionOpened
from wire.records import AdmissionRecord, LineRecord, NodeRecord, PoolUse, SchedulerRecord

NODE = node(rtf={"asr/m": 0.1 / SPEECH_SHARE, "translate/m": 0.0, "speech/m": 0.0})
"""Room for eight sessions at a utilisation of 0.8."""


class Turn:
    def __init__(self) -> None:
        self.mine = True

    def __call__(self) -> bool:
        return self.mine


class Pool:
    """What a scheduler, ingresses and nodes would write, and what comes of it. Ingresses hear of each round at once,
    but for those that are `deaf`."""

    def __init__(self, bus: Bus) -> None:
        self.ingresses: dict[str, LineRecord] = {}
        self.deaf: set[str] = set()
        self._admission = Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord)
        self._lines = Bucket(bus, subjects.LINES_KV, LineRecord)
        self.nodes = [NODE]
        self.schedulers: list[SchedulerRecord] = []

    async def record(self) -> AdmissionRecord | None:
        return await self._admission.get("default")

    async def says(self, *lines: LineRecord) -> None:
        for each in lines:
            before = self.ingresses.get(each.ingress, each)
            self.ingresses[each.ingress] = msgspec.structs.replace(each, seen=before.seen)
        record = await self.record()
        for name, each in self.ingresses.items():
            if record is not None and name not in self.deaf:
                each = self.ingresses[name] = msgspec.structs.replace(each, seen=record.round)
            await self._lines.put(subjects.line_key("default", name), each)

    async def limits(self) -> dict[str, float]:
        """In sessions."""
        record = await self.record()
        return {} if record is None else {name: round(limit * 10, 3) for name, limit in record.limits.items()}

    async def until_limits(self, **limits: float) -> AdmissionRecord:
        async def so() -> bool:
            await self.says()
            return await self.limits() == limits

        await until(so)
        record = await self.record()
        assert record is not None
        return record


@pytest.fixture
def pool(bus: Bus) -> Pool:
    return Pool(bus)


def made(bus: Bus, pool: Pool, name: str, turn: Turn) -> Admitting:
    return Admitting(bus, name, Terms(), turn, lambda: pool.nodes, lambda: pool.schedulers)


@contextlib.asynccontextmanager
async def admitting(bus: Bus, pool: Pool, name: str, turn: Turn) -> AsyncIterator[Admitting]:
    one = made(bus, pool, name, turn)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each) for each in (one.watch_lines(), one.run())]
        yield one
        for task in running:
            task.cancel()


async def test_room_moves_when_it_is_known_to_be_free(bus: Bus, pool: Pool) -> None:
    async with admitting(bus, pool, "s1", Turn()) as one:
        await pool.says(line("i"), line("j"))
        first = await pool.until_limits(i=4, j=4)
        pool.deaf = {"j"}
        await pool.says(line("i", *(ticket(f"t{n}", since=n) for n in range(6)), a=4))
        second = await pool.until_limits(i=4, j=0)
        assert second.granted == []
        assert second.lowered["j"].round == second.round > first.round
        pool.deaf = set()
        third = await pool.until_limits(i=8, j=0)
        assert third.granted == ["t0", "t1", "t2", "t3"]
        assert one.counters["admission_rounds"] == third.round
        assert one.counters["admission_fenced"] == 0


async def test_there_is_a_record_within_a_second_of_a_node(bus: Bus, pool: Pool) -> None:
    pool.nodes = []
    async with admitting(bus, pool, "s1", Turn()):
        pool.nodes = [NODE]
        since = time.monotonic()

        async def there() -> bool:
            return await pool.record() is not None

        await until(there)
        assert time.monotonic() - since < 1.0
        record = await pool.record()
    assert record is not None
    assert (record.by, record.streams, record.closed) == ("s1", 8.0, "")


async def test_who_has_no_turn_writes_nothing_and_who_gets_it_goes_on(bus: Bus, pool: Pool) -> None:
    first, second = Turn(), Turn()
    second.mine = False
    async with admitting(bus, pool, "s1", first), admitting(bus, pool, "s2", second):
        await pool.says(line("i"), line("j"))
        before = await pool.until_limits(i=4, j=4)
        assert before.by == "s1"
        first.mine, second.mine = False, True
        crowd = [ticket(f"t{n}", since=n) for n in range(6)]
        await pool.says(line("i", *crowd, a=4))
        after = await pool.until_limits(i=8, j=0)
        assert after.by == "s2"
        assert after.round > before.round


async def test_one_that_missed_that_its_turn_is_over_is_refused_and_reads_anew(bus: Bus, pool: Pool) -> None:
    await pool.says(line("i"), line("j"))
    stale, other = made(bus, pool, "s1", Turn()), made(bus, pool, "s2", Turn())
    await stale.look()
    assert await pool.limits() == {"i": 4, "j": 4}
    await pool.says(line("i", ticket("t"), a=4), line("j", a=1))
    await other.look()
    record = await pool.record()
    assert record is not None
    assert (record.by, record.round) == ("s2", 2)
    pool.nodes = []
    await stale.look()
    assert await pool.record() == record
    assert stale.counters["admission_fenced"] == 1
    await stale.look()
    closed = await pool.record()
    assert closed is not None
    assert (closed.by, closed.closed) == ("s1", NO_NODE)


async def test_two_that_write_the_first_record_at_once(bus: Bus, pool: Pool) -> None:
    one, other = made(bus, pool, "s1", Turn()), made(bus, pool, "s2", Turn())
    await asyncio.gather(one.look(), other.look())
    assert one.counters + other.counters == {"admission_rounds": 1, "admission_fenced": 1}


async def test_a_record_that_is_lost_is_written_anew(bus: Bus, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admitting_module, "AGAIN_S", 0.0)
    await pool.says(line("i"))
    one = made(bus, pool, "s1", Turn())
    await one.look()
    first = await pool.record()
    assert first is not None
    await pool.says()
    await Bucket(bus, subjects.ADMISSION_KV, AdmissionRecord).delete("default")
    await one.look()
    await one.look()
    record = await pool.record()
    assert record is not None
    assert (record.limits, record.round) == (first.limits, first.round + 1)


async def test_what_is_used_is_told_now_and_then_without_a_new_round(bus: Bus, pool: Pool) -> None:
    async with admitting(bus, pool, "s1", Turn()):
        await pool.says(line("i"))
        first = await pool.until_limits(i=8)
        pool.schedulers = [
            SchedulerRecord(
                instance="s1", partitions=64, sessions=1, version="1", pools={"default": PoolUse(sessions=1)}
            )
        ]
        await pool.says(line("i", a=1))

        async def told() -> bool:
            record = await pool.record()
            return record is not None and record.used == 0.1

        await until(told)
        record = await pool.record()
    assert record is not None
    assert (record.round, record.limits) == (first.round, first.limits)


async def test_an_ingress_that_says_nothing_any_more_is_forgotten(
    bus: Bus, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "LINE_TTL_S", 1)
    async with admitting(bus, pool, "s1", Turn()):
        await pool.says(line("i", a=4), line("j", a=1))
        await pool.until_limits(i=5, j=3)

        del pool.ingresses["j"]

        async def only_i() -> bool:
            await pool.says()
            return set(await pool.limits()) == {"i"}

        await until(only_i)


async def test_when_a_scheduler_dies_another_says_who_is_let_in(bus: Bus, pool: Pool) -> None:
    nodes = Bucket(bus, subjects.NODES_KV, NodeRecord)

    async def goes_on(by: str) -> bool:
        """Nodes, ingresses and clients live."""
        await nodes.put("n1", NODE)
        await pool.says(line("i", a=3))
        record = await pool.record()
        return record is not None and record.by == by and set(record.limits) == {"i"}

    async with contextlib.AsyncExitStack() as living, contextlib.AsyncExitStack() as dying:
        first = await dying.enter_async_context(scheduling(bus, "first"))
        await until(lambda: goes_on("first"))
        opened = SessionOpened(session="s1", ingress="i", source="fr", targets=["en"], speech=False)
        await post(bus, opened, 0)

        async def counted() -> bool:
            found = await Bucket(bus, subjects.SCHEDULERS_KV, SchedulerRecord).items()
            return [each.pools for each in found.values()] == [{"default": PoolUse(sessions=1, targets=1)}]

        await until(counted)
        await living.enter_async_context(scheduling(bus, "second"))

        async def shared() -> bool:
            return await goes_on("first") and first.leases.held == 32

        await until(shared)
        assert first.leases.owns(0)
        await dying.aclose()
        await until(lambda: goes_on("second"), patience=40)


async def test_whoever_has_no_turn_forgets_ingresses_that_have_gone(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "LINE_TTL_S", 0.0)
    made = Admitting(bus, "s2", Terms(), lambda: False, list, list)
    for name in "ij":
        made._line_changed(subjects.line_key("default", name), line(name))
    assert set(made._lines) == {"default.j"}
