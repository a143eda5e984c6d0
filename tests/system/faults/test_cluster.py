"""Three NATS servers, every stream kept three times: one of them may go at any time, the leader too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench import faults
from bench.drill import Drill, prepared
from bench.fleet import Shape, running
from bench.observer import leaders
from tests.system.faults.check import on, survived
from tests.waiting import until
from wire import subjects
from wire.errors import Stale
from wire.kv import Bucket
from wire.protocol import SessionClosed
from wire.records import LeaseRecord

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

LEASES = f"KV_{subjects.PARTITIONS_KV}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    shape = Shape(servers=3, nodes=2, settings={"node": {"scripted_rtf": "0.3"}})
    async with running(shape, tmp_path_factory.mktemp("cluster")) as fleet:
        yield await prepared(fleet)


async def test_everything_is_kept_three_times(cluster: Drill) -> None:
    found = await leaders(cluster.fleet)
    assert {stream.replicas for stream in found.values()} == {3}


async def test_leases_and_expectations_hold_while_the_leader_goes(cluster: Drill) -> None:
    """A lease is renewed by whoever knows its last revision, and by nobody else; an event is appended by whoever knows
    the one before it: also across an election."""
    bus = cluster.fleet.bus
    leases = Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord)
    mine, other = LeaseRecord(instance="me"), LeaseRecord(instance="other")
    made = await asyncio.gather(*(leases.create("900", each, ttl=30) for each in (mine, other, mine, other)))
    [first] = [revision for revision in made if revision is not None]
    record = (await leases.get("900")) or other
    revision = await leases.renew("900", record, first, ttl=30)
    one, two = (SessionClosed(n=n, reason="test", utterances=0) for n in (1, 2))
    event = subjects.event("cluster-test")
    stored = await bus.store(event, one, id="event-1", expect_last=0)
    for stream in (LEASES, subjects.EVENTS):
        async with faults.killed(await faults.leader(cluster.fleet, stream)):
            if stream == LEASES:
                revision = await leases.renew("900", record, revision, ttl=30, patience=30)
                with pytest.raises(Stale):
                    await leases.renew("900", other, first, ttl=30, patience=30)
            else:
                again = await bus.store(event, one, id="event-1", expect_last=0, patience=30)
                assert again.duplicate
                assert again.sequence == stored.sequence
                with pytest.raises(Stale):
                    await bus.store(event, two, id="stale", expect_last=0, patience=30)
                await bus.store(event, two, id="event-2", expect_last=stored.sequence, patience=30)
        await until(lambda: _whole(cluster), 30)
    await leases.delete("900")
    await leases.create("900", mine, ttl=2)

    async def gone() -> bool:
        return await leases.create("900", other, ttl=1) is not None

    await until(gone)


async def test_the_leader_of_the_mailbox_dies(cluster: Drill) -> None:
    await cluster.fleet.until_ready()
    await survived(
        cluster, "leader killed", on(faults.killed, lambda: faults.leader(cluster.fleet, subjects.MAILBOX)), 3.0
    )


async def test_one_server_of_three_is_restarted(cluster: Drill) -> None:
    await until(lambda: _whole(cluster), 30)
    await cluster.fleet.until_ready()
    await survived(cluster, "one server restarted", lambda: faults.restarted(cluster.fleet["server-2"]))


async def _whole(cluster: Drill) -> bool:
    """Every stream has a leader and two followers that are up to date."""
    found = await leaders(cluster.fleet)
    return len(found) >= 10 and all(stream.in_step for stream in found.values())
