"""One scheduler instance: its leases, a host for each partition that it owns, and the dispatcher that they share."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter

from actors.admission import Terms
from actors.admitting import Admitting
from actors.census import Pulse
from actors.dispatcher import Dispatcher
from actors.history import History
from actors.host import TICK_S, Host
from actors.lanes import Lanes
from actors.leases import Leases
from actors.survey import Survey
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.log import get
from wire.matching import Rules

log = get(__name__)

SWEEPERS_PARTITION = 0
"""Whoever owns it looks after what is there once for all: the lanes of nodes that are gone, and who is let in."""
LAST_WRITES_S = 1.0
"""What a partition was writing when it was taken away gets so long to end, before another may read."""


class Scheduler:
    """`run` it in a task; `stop` it in good order, then cancel the task. `counters` are for logs and tests."""

    def __init__(self, bus: Bus, settings: SchedulerSettings, instance: str) -> None:
        rules = Rules(cpu_allowed=settings.cpu_nodes, foreign_load=settings.foreign_load_percent)
        self._bus = bus
        self._settings = settings
        self._tasks: asyncio.TaskGroup
        self.dispatcher = Dispatcher(bus, instance, rules)
        self.leases = Leases(bus, instance, self._gained, self._leaving, self._lost)
        self.lanes = Lanes(bus, functools.partial(self.leases.owns, SWEEPERS_PARTITION))
        self.survey = Survey(bus, functools.partial(self.leases.owns, SWEEPERS_PARTITION))
        self.leases.sessions = lambda: sum(host.sessions for host in self.hosts.values())
        self._pulse = Pulse()
        self.leases.pools = lambda: self._pulse.beat(time.monotonic(), [host.census for host in self.hosts.values()])
        self.admitting = Admitting(
            bus,
            instance,
            Terms(rules, settings.target_utilization, settings.max_wait_s),
            functools.partial(self.leases.owns, SWEEPERS_PARTITION),
            lambda: self.dispatcher.nodes,
            lambda: self.leases.schedulers,
        )
        self.history = History(bus, settings)
        self.hosts: dict[int, Host] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._leasing: asyncio.Task[None] | None = None
        self.counters: Counter[str] = Counter()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            for watch in (
                self.dispatcher.watch_nodes, self.dispatcher.watch_slots,
                self.leases.watch_leases, self.leases.watch_schedulers, self.lanes.run, self._bus.keep_declared,
            ):  # fmt: skip
                self._tasks.create_task(watch(), name=watch.__name__)
            self._tasks.create_task(self.history.run(), name="history")
            self._tasks.create_task(self.survey.run(), name="survey")
            self._tasks.create_task(self.admitting.watch_lines(), name="lines")
            self._tasks.create_task(self.admitting.run(), name="admission")
            self._tasks.create_task(self._tick(), name="deadlines")
            self._leasing = self._tasks.create_task(self.leases.run(), name="leases")

    async def stop(self) -> None:
        """Leave snapshots and give up all leases, so that others go on at once."""
        if self._leasing is not None:
            self._leasing.cancel()
        await self.leases.release_all()

    def totals(self) -> dict[str, int]:
        counters = self.counters + self.dispatcher.counters + self.leases.counters + self.admitting.counters
        return dict(counters + self.lanes.counters + self.history.counters)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for host in list(self.hosts.values()):
                host.tick()

    async def _gained(self, partition: int) -> None:
        owns = functools.partial(self.leases.owns, partition)
        host = Host(self._bus, self._settings, self.dispatcher, partition, owns, self.counters, self.history)
        self.hosts[partition] = host
        self._running[partition] = self._tasks.create_task(host.run(), name=f"partition-{partition}")

    async def _leaving(self, partition: int) -> None:
        if partition in self.hosts:
            await self.hosts[partition].stop()
            await self._lost(partition)

    async def _lost(self, partition: int) -> None:
        self.hosts.pop(partition, None)
        running = self._running.pop(partition, None)
        if running is not None:
            running.cancel()
            await asyncio.wait({running}, timeout=LAST_WRITES_S)
