"""The scheduler process: `dragoman scheduler`, or `python -m actors`."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Sequence

from actors import figures
from actors.scheduler import Scheduler
from wire import login, process, subjects
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.log import get
from wire.monitor import monitored, samples
from wire.stats import answer

log = get(__name__)


async def serve(
    settings: SchedulerSettings, stop: asyncio.Event, *, ready: Callable[[Scheduler], None] | None = None
) -> None:
    """Schedule until `stop` is set; then leave snapshots, give up the leases, and end."""
    instance = subjects.token(
        settings.instance or f"{re.sub(r'[^A-Za-z0-9_-]', '-', socket.gethostname())[:40]}-{secrets.token_hex(3)}"
    )
    async with Bus.connect(settings.nats_url, "scheduler", login.of(settings)) as bus:
        await bus.declare()
        scheduler = Scheduler(bus, settings, instance)
        role = figures.role(scheduler, bus)
        async with monitored(settings, role, bus), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(scheduler.run(), name="scheduler")
            telling = tasks.create_task(answer(bus, role.name, instance, lambda: samples(role, bus)), name="figures")
            log.info("scheduling", instance=instance)
            if ready is not None:
                ready(scheduler)
            await stop.wait()
            await scheduler.stop()
            telling.cancel()
            running.cancel()
        log.info("stopped", instance=instance, **scheduler.totals())


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(
        SchedulerSettings, "dragoman scheduler", "Own sessions: turn their mail into jobs and events.", serve, argv
    )
