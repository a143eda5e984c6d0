"""The partitions that this scheduler owns: taken, renewed, given up and lost.

A lease is a key in `partitions` with a time to live of LEASE_TTL_S. It is made with `create`, so two never hold it, and
renewed every LEASE_RENEW_S with the expectation that nobody has written it since. The owner counts from the moment
*before* it sent the renewal that succeeded, by its own monotonic clock, which goes on while the process is stopped:
after LEASE_STOP_S without a renewal it owns nothing any more, a second before the server lets another take the key.

What to take and what to give up is decided by `actors.placement` on what is seen of `partitions` and of `schedulers`
(heartbeats). Watches are hints: they say when to look, and `create` decides. What a watch tells first may be old: who
begins just after another died must not believe for another five seconds that it lives.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from typing import Any

from actors.placement import plan
from wire import subjects, topology
from wire.bus import Bus
from wire.errors import Stale, Unavailable
from wire.kv import Bucket
from wire.log import get
from wire.records import LeaseRecord, PoolUse, SchedulerRecord

log = get(__name__)

LOOK_S = 0.25
"""So much later than at once is a lease found to have run out."""
AT_ONCE = 16
"""Leases written at the same time: enough to be quick, not enough to crowd out sessions."""

Change = Callable[[int], Awaitable[None]]


class Leases:
    """`gained` is called with each partition that was taken, `leaving` before one is given up (it may take a moment),
    `lost` after one was lost without a choice."""

    def __init__(self, bus: Bus, instance: str, gained: Change, leaving: Change, lost: Change) -> None:
        self._instance = instance
        self._gained, self._leaving, self._lost = gained, leaving, lost
        self._leases = Bucket(bus, subjects.PARTITIONS_KV, LeaseRecord)
        self._schedulers = Bucket(bus, subjects.SCHEDULERS_KV, SchedulerRecord)
        self._mine: dict[int, tuple[int, float]] = {}  # partition -> (revision, renewed at)
        self._seen: dict[int, tuple[str, float]] = {}  # partition -> (owner, when it was renewed)
        self._heard: dict[str, float] = {}
        self._told: dict[str, SchedulerRecord] = {}
        self._look = asyncio.Event()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.counters: Counter[str] = Counter()
        self.sessions: Callable[[], int] = lambda: 0
        self.pools: Callable[[], dict[str, PoolUse]] = dict

    @property
    def held(self) -> int:
        return len(self._mine)

    @property
    def heard(self) -> bool:
        """Whether its own heartbeat came back lately: then the others know of it too."""
        return self._instance in self._heard

    @property
    def schedulers(self) -> list[SchedulerRecord]:
        """What each scheduler that lives said last, this one too."""
        since = time.monotonic() - topology.LEASE_TTL_S
        self._told = {name: record for name, record in self._told.items() if self._heard.get(name, 0.0) >= since}
        return list(self._told.values())

    def owns(self, partition: int) -> bool:
        lease = self._mine.get(partition)
        return lease is not None and time.monotonic() < lease[1] + topology.LEASE_STOP_S

    # --- what is seen ---

    async def watch_leases(self) -> None:
        await self._leases.follow_stamped(self._lease_seen)

    async def watch_schedulers(self) -> None:
        await self._schedulers.follow_stamped(self._scheduler_seen)

    def _lease_seen(self, key: str, record: LeaseRecord | None, stamp: float) -> None:
        if record is None:
            self._seen.pop(int(key), None)
            self._look.set()
        else:
            self._seen[int(key)] = (record.instance, time.monotonic() - _age(stamp, int(key), self._seen))

    def _scheduler_seen(self, instance: str, record: SchedulerRecord | None, stamp: float) -> None:
        if record is None:
            self._heard.pop(instance, None)
            self._look.set()
        else:
            if instance not in self._heard:
                self._look.set()
            self._heard[instance] = time.monotonic() - _age(stamp, instance, self._heard)
            self._told[instance] = record

    def _owners(self) -> dict[int, str]:
        since = time.monotonic() - topology.LEASE_TTL_S
        seen = {p: owner for p, (owner, at) in self._seen.items() if at >= since and owner != self._instance}
        return seen | dict.fromkeys(self._mine, self._instance)

    # --- what is done ---

    async def run(self) -> None:
        """For ever: heartbeat, renew, and look for what should change."""
        await self._inherit()
        renew_at = 0.0
        while True:
            now = time.monotonic()
            if now >= renew_at:
                renew_at = now + topology.LEASE_RENEW_S
                await self._renew()
            await self._rearrange()
            self._look.clear()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            except TimeoutError:
                continue

    async def release_all(self) -> None:
        """Give up everything, in good order, for others to take at once."""
        await asyncio.gather(*(self._release(partition) for partition in list(self._mine)))
        try:
            await self._schedulers.delete(self._instance)
        except Unavailable as error:
            log.warning("the heartbeat was not withdrawn", error=str(error))

    async def _inherit(self) -> None:
        """Take over the leases of a predecessor of the same name, which must have died."""
        try:
            for key, record in (await self._leases.items()).items():
                entry = await self._leases.entry(key) if record.instance == self._instance else None
                if entry is not None and entry[0].instance == self._instance:
                    before = time.monotonic()
                    revision = await self._leases.renew(key, record, entry[1], ttl=topology.LEASE_TTL_S)
                    await self._take(int(key), revision, before)
        except (Stale, Unavailable) as error:
            log.info("no leases were inherited", reason=str(error))

    async def _take(self, partition: int, revision: int, at: float) -> None:
        self._mine[partition] = (revision, at)
        self.counters["leases_gained"] += 1
        await self._gained(partition)

    async def _renew(self) -> None:
        record = SchedulerRecord(
            instance=self._instance,
            partitions=len(self._mine),
            sessions=self.sessions(),
            version=metadata.version("dragoman"),
            pools=self.pools(),
        )
        try:
            await self._schedulers.put(self._instance, record, patience=topology.LEASE_RENEW_S)
        except Unavailable as error:
            log.warning("no heartbeat", error=str(error))
        await asyncio.gather(*(self._renew_one(partition) for partition in list(self._mine)))

    async def _renew_one(self, partition: int) -> None:
        async with self._gate:
            revision, _ = self._mine[partition]
            before = time.monotonic()
            if not self.owns(partition):
                await self._lose(partition, "it could not be renewed in time")
                return
            try:
                record = LeaseRecord(instance=self._instance)
                revision = await self._leases.renew(
                    str(partition), record, revision, ttl=topology.LEASE_TTL_S, patience=topology.LEASE_RENEW_S
                )
            except Stale:
                await self._lose(partition, "another has it")
            except Unavailable:
                pass
            else:
                self._mine[partition] = (revision, before)

    async def _lose(self, partition: int, reason: str) -> None:
        log.warning("a partition is lost", partition=partition, reason=reason)
        del self._mine[partition]
        self.counters["leases_lost"] += 1
        await self._lost(partition)

    async def _rearrange(self) -> None:
        since = time.monotonic() - topology.LEASE_TTL_S
        self._heard = {name: at for name, at in self._heard.items() if at >= since}
        wanted = plan(self._instance, set(self._heard), self._owners())
        await asyncio.gather(
            *(self._release(partition) for partition in wanted.release),
            *(self._claim(partition) for partition in wanted.claim),
        )

    async def _claim(self, partition: int) -> None:
        async with self._gate:
            before = time.monotonic()
            try:
                record = LeaseRecord(instance=self._instance)
                revision = await self._leases.create(str(partition), record, ttl=topology.LEASE_TTL_S)
            except Unavailable:
                return
            if revision is not None:
                await self._take(partition, revision, before)

    async def _release(self, partition: int) -> None:
        await self._leaving(partition)
        lease = self._mine.pop(partition, None)
        self.counters["leases_released"] += 1
        if lease is not None:
            try:
                found = await self._leases.entry(str(partition))  # a renewal may have been on its way
                if found is not None and found[0].instance == self._instance:
                    await self._leases.delete(str(partition), found[1])
            except (Stale, Unavailable) as error:
                log.info("a lease was not given up, it runs out by itself", partition=partition, reason=str(error))


def _age(stamp: float, key: object, known: Mapping[Any, object]) -> float:
    """Seconds since it was written. Of what is known, what comes is new; else it is by this host's clock and the
    server's. Where these disagree, leases that live are tried in vain until they are renewed, or dead ones are believed
    for longer."""
    return 0.0 if key in known else min(max(0.0, time.time() - stamp), topology.LEASE_TTL_S)
