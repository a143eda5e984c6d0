"""What the fleet does, made once a second for all who watch, and not at all while nobody does.

With the first look the buckets are followed and the processes are asked for their figures; LINGER_S after the last it
ends. A tick asks, gives the processes GATHER_S to answer, and puts everything into one JSON text, which all watchers
are sent. The last quarter of an hour is kept, for whoever looks next.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from importlib import metadata

import msgspec

from ingress.admin import showing
from ingress.admin.dead import Dead
from ingress.admin.figures import ASKED, AUDIO, BYTES_A_SECOND, CPU, LAG, MEMORY, REFUSED, SHED, Growth
from ingress.admin.told import FigureHistory, FleetState, ProcessShown, Queues, Rates, remember
from ingress.admin.view import View
from wire import subjects
from wire.bus import Bus, Delivered
from wire.errors import Unavailable
from wire.log import get
from wire.messages import StatsAsked, StatsTold, decode

log = get(__name__)

TICK_S, GATHER_S = 1.0, 0.5
LINGER_S = 15.0
MOST_WATCHERS = 100
SILENT_S = 5.0
"""A process that has not answered for so long has gone."""
TEXT = {"what": "transcript"}
"""Of what lags are shown."""


class Board:
    """`run` it; `watching` is a look that lasts. `dead` and `view` are up to date while somebody looks."""

    def __init__(self, bus: Bus, ingress: str) -> None:
        self._bus = bus
        self._ingress = ingress
        self._version = metadata.version("dragoman")
        self._watchers = 0
        self._looked = asyncio.Event()
        self._looked_at = 0.0
        self._listens = False
        self._told: dict[str, tuple[float, StatsTold]] = {}
        self._cpu: dict[str, tuple[float, float]] = {}
        self._growth = Growth()
        self._ticked = asyncio.Condition()
        self.number = 0
        self.newest = b""
        self.history = FigureHistory()
        self.view = View(bus)
        self.dead = Dead(bus)

    # --- who looks ---

    def look(self) -> None:
        self._looked_at = time.monotonic()
        self._looked.set()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Raises Unavailable."""
        if self._watchers >= MOST_WATCHERS:
            raise Unavailable(f"{MOST_WATCHERS} watch this ingress already: close a dashboard, or ask another")
        self._watchers += 1
        self.look()
        try:
            yield
        finally:
            self._watchers -= 1
            self.look()

    async def after(self, number: int) -> bytes:
        """The state as JSON, once it is a later one than `number`."""
        self.look()
        async with self._ticked:
            await self._ticked.wait_for(lambda: self.number > number)
        return self.newest

    @property
    def _is_watched(self) -> bool:
        return self._watchers > 0 or time.monotonic() - self._looked_at < LINGER_S

    # --- what is shown ---

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._looked.wait()
            self._growth, self._told, self._cpu = Growth(), {}, {}  # what grew meanwhile did not grow in a second
            async with asyncio.TaskGroup() as group:
                following = group.create_task(self.view.follow(), name="view")
                while self._is_watched:
                    began = time.monotonic()
                    try:
                        await self._tick()
                    except Unavailable as error:
                        log.info("the dashboard waits for NATS", reason=error.code)
                    await asyncio.sleep(max(0.1, TICK_S - (time.monotonic() - began)))
                self._looked.clear()
                following.cancel()
            self.number = 0

    async def _tick(self) -> None:
        if not self._listens:
            self._listens = True
            await self._bus.subscribe(subjects.STATS_ALL, self._hear)
        await self._bus.publish(subjects.STATS_ASK, StatsAsked(names=list(ASKED)))
        await asyncio.sleep(GATHER_S)
        state = await self._state()
        remember(self.history, state)
        async with self._ticked:
            self.newest = msgspec.json.encode(state)
            self.number += 1
            self._ticked.notify_all()

    def _hear(self, message: Delivered) -> None:
        told: StatsTold = decode(StatsTold, message.data)
        if message.subject != subjects.stats(told.role, told.instance):
            return  # at NATS each may answer for itself alone
        process = f"{told.role}.{told.instance}"
        self._told[process] = (time.monotonic(), told)
        self._growth.take(process, told.values)

    async def _state(self) -> FleetState:
        now = time.time()
        found = self.view.nodes.items()
        running = sum(node.busy for node in found.values())
        await self.dead.refresh()
        jobs = await self._bus.holds(subjects.JOBS)
        return FleetState(
            at=round(now, 3),
            ingress=self._ingress,
            version=self._version,
            queues=Queues(
                waiting=max(0, jobs - running),
                running=running,
                batch=await self._bus.holds(subjects.BATCH),
                partials=await self._bus.holds(subjects.PARTIALS),
                dead=self.dead.total,
            ),
            rates=self._rates(),
            sessions=showing.counts(self.view.live()),
            pools=showing.pools(found.values(), self.view.admission.items(), self.view.lines.items(), now),
            nodes=showing.nodes(found, self.view.drains.items()),
            schedulers=showing.schedulers(self.view.schedulers.items()),
            processes=self._processes(),
        )

    def _rates(self) -> Rates:
        growth = self._growth
        growth.mark(time.monotonic())
        return Rates(
            seconds=round(growth.seconds, 1),
            utterances_a_minute=round(60 * growth.rate(f"{LAG}_count", **TEXT), 1),
            audio=round(growth.rate(AUDIO) / BYTES_A_SECOND, 2),
            lag=growth.quantiles(LAG, **TEXT),
            refusals=growth.rates_by(REFUSED, "reason"),
            unplaced=growth.rates_by(SHED, "reason"),
        )

    def _processes(self) -> list[ProcessShown]:
        since = time.monotonic() - SILENT_S
        self._told = {process: told for process, told in self._told.items() if told[0] >= since}
        self._growth.forget(self._told)
        self._cpu = {process: found for process, found in self._cpu.items() if process in self._told}
        return [self._process(process, told) for process, (_, told) in sorted(self._told.items())]

    def _process(self, process: str, told: StatsTold) -> ProcessShown:
        spent = told.values.get(CPU, 0.0)
        at, before = self._cpu.get(process, (told.at, spent))
        self._cpu[process] = (told.at, spent)
        return ProcessShown(
            role=told.role, instance=told.instance, version=told.version,
            memory_mb=round(told.values.get(MEMORY, 0.0) / 2**20, 1),
            cpu=round(max(0.0, spent - before) / (told.at - at), 2) if told.at > at else 0.0,
        )  # fmt: skip
