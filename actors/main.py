"""The scheduler process: `dragoman scheduler`, or `python -m actors`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from actors.host import Host
from wire import process
from wire.bus import Bus
from wire.env import SchedulerSettings
from wire.log import get

log = get(__name__)


async def serve(
    settings: SchedulerSettings, stop: asyncio.Event, *, ready: Callable[[Host], None] | None = None
) -> None:
    """Schedule until `stop` is set; then leave snapshots and end. `ready` is called once mail is being read."""
    async with Bus.connect(settings.nats_url, "scheduler") as bus:
        await bus.declare()
        host = Host(bus, settings)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(host.run(), name="mailbox")
            log.info("scheduling")
            if ready is not None:
                ready(host)
            await stop.wait()
            await host.stop()
            running.cancel()
        log.info("stopped", **host.counters)


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(
        SchedulerSettings, "dragoman scheduler", "Own sessions: turn their mail into jobs and events.", serve, argv
    )
