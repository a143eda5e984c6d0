"""`node-runtime`: takes jobs from its pools' queues, runs them on this host's models, and stores what comes of them.

This process talks to NATS and imports no model; node_runtime.child, its only child, has the models. Everything is one
task group: the watch over the child, the warm-ups, a loop for each slot, the heartbeat. It ends when `stop` is set and
the slots have ended, or with the first error that waiting cannot mend.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from node_runtime import figures, frames, host
from node_runtime.batch import Batch
from node_runtime.drain import Drain
from node_runtime.fitness import Fitness
from node_runtime.intake import Intake
from node_runtime.metering import Metered
from node_runtime.nursery import ChildLost, Nursery
from node_runtime.partials import Partials
from node_runtime.presence import Presence
from node_runtime.slots import Slots
from node_runtime.warmup import WarmUps
from node_runtime.worker import Worker
from wire import login, process, subjects, topology
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import DragomanError, NatsUnavailable, SettingsError, first_of
from wire.log import get
from wire.monitor import Role, monitored, samples
from wire.stats import answer

log = get(__name__)

LEAVE_S = 3.0
START_PATIENCE_S, RETRY_S = 60.0, 0.5
IN_FLIGHT = 10_000
"""Jobs of one pool in hand at once, over all nodes; beyond it the queue would stand still without a word."""


class Node:
    """One node on one connection."""

    def __init__(self, bus: Bus, settings: NodeSettings, name: str, ready: Callable[[], None] | None) -> None:
        self._bus = bus
        self._settings = settings
        self._name = name
        self._told_ready = ready
        self._births: asyncio.Queue[frames.Loaded] = asyncio.Queue()
        self._slots = Slots(bus, name, settings.slots)
        self._presence = Presence(bus, settings, name, self._slots)
        self._drain = Drain(bus, name, self._presence)
        self._nursery = Nursery(settings, name, self._births.put_nowait, self._presence.lost_engines)
        metered = Metered(self._nursery, settings, self._presence.tempo)
        self._warm_ups = WarmUps(bus, name, settings.pools[0], metered)
        self._fitness = Fitness(bus, settings, self._presence)
        self._intake = Intake(
            bus, name, settings.pools[0], metered, self._presence, self._slots, self._warm_ups, self._fitness
        )
        self._worker = Worker(bus, name, settings, self._presence, self._slots, self._fitness, self._intake)
        self._batch = Batch(bus, settings, self._presence, self._slots, self._fitness, self._intake)
        self._partials = Partials(bus, settings, self._nursery, self._presence, self._slots, self._fitness)

    def role(self) -> Role:
        """What is seen of it from outside."""
        return figures.role(self._bus, self._presence, self._nursery, self._intake, self._partials)

    async def serve(self, stop: asyncio.Event) -> None:
        await self._until_declared()
        role = self.role()
        try:
            async with asyncio.TaskGroup() as group:
                for_ever = [
                    group.create_task(self._nursery.watch(), name="nursery"),
                    group.create_task(self._warm_up(), name="warm-ups"),
                    group.create_task(self._presence.beat(), name="heartbeat"),
                    group.create_task(self._fitness.follow(), name="fleet"),
                    group.create_task(self._drain.follow(), name="drain"),
                    group.create_task(answer(self._bus, role.name, self._name, lambda: samples(role, self._bus))),
                ]
                glimpsing = group.create_task(self._partials.serve(), name="partials")
                working = {
                    group.create_task(self._worker.work(stop), name="worker"),
                    group.create_task(self._batch.work(stop), name="batch"),
                }
                await stop.wait()
                log.info("the node stops: no new jobs", node=self._name, running=self._slots.busy)
                self._presence.stops()
                glimpsing.cancel()
                await asyncio.wait(working)
                for task in for_ever:
                    task.cancel()
        finally:
            await self._leave()

    async def _until_declared(self) -> None:
        """A node may start while NATS elects a leader, or is restarted."""
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            try:
                return await self._declare()
            except NatsUnavailable as error:
                if not error.retryable or time.monotonic() > deadline:
                    raise
                log.warning("waiting for NATS to begin", node=self._name, error=str(error))
            await asyncio.sleep(RETRY_S)

    async def _declare(self) -> None:
        await self._bus.declared()
        lane = subjects.node_consumer(self._name)
        await self._bus.declare_queue(
            subjects.JOBS, lane, subjects.job_node(self._name), IN_FLIGHT, topology.LANE_IDLE_S
        )
        for pool in self._settings.pools:
            await self._bus.declare_queue(
                subjects.JOBS, subjects.pool_consumer(pool), subjects.job_pool(pool), IN_FLIGHT
            )
            await self._bus.declare_queue(
                subjects.BATCH, subjects.batch_consumer(pool), subjects.batch(pool), IN_FLIGHT
            )
            await self._bus.declare_queue(
                subjects.PARTIALS, subjects.partial_consumer(pool), subjects.partial_pool(pool), IN_FLIGHT
            )
        await self._slots.clear()
        await self._drain.load()

    async def _warm_up(self) -> None:
        """One for each engines' process that is born."""
        while True:
            loaded = await self._births.get()
            try:
                await self._warm_ups.run()
            except ChildLost:
                continue
            except NatsUnavailable as error:
                log.warning("the warm-up could not be sent: trying again", error=str(error))
                if self._births.empty():
                    self._births.put_nowait(loaded)
                continue
            if not self._births.empty():  # warm is one that is dead already
                continue
            self._presence.became_ready(loaded)
            log.info("the node is ready", node=self._name, device=loaded.device, models=loaded.models)
            if self._told_ready is not None:
                self._told_ready()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._presence.leave()
                await self._worker.sweep()
                await self._bus.forget_queue(subjects.JOBS, subjects.node_consumer(self._name))
        except (TimeoutError, DragomanError) as error:
            log.warning("the node could not say that it leaves; its record goes by itself", error=str(error))


async def serve(settings: NodeSettings, stop: asyncio.Event, *, ready: Callable[[], None] | None = None) -> None:
    """Serve jobs until `stop`. `ready` is called after each warm-up.

    Raises ModelMissing, SettingsError, NatsUnavailable or EngineError where the node cannot start.
    """
    name = host.node_name(settings.node)
    try:
        for each in (name, *settings.pools):
            subjects.token(each)
    except ValueError as error:
        raise SettingsError(f"node and pools: {error}") from error
    if not settings.pools:
        raise SettingsError("pools is empty: a node serves at least one, for example --pools default")
    async with Bus.connect(settings.nats_url, f"node-{name}", login.of(settings)) as bus:
        try:
            node = Node(bus, settings, name, ready)
            async with monitored(settings, node.role(), bus):
                await node.serve(stop)
        except BaseExceptionGroup as group:
            raise first_of(group) from group


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(NodeSettings, "node-runtime", __doc__.split("\n")[0], serve, argv)


if __name__ == "__main__":
    sys.exit(main())
