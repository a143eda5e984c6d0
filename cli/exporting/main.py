"""The process `dragoman export`: run as many as you like; one is enough for a thousand entries a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from cli.exporting.database import Database
from cli.exporting.exporter import Exporter
from wire import login, metrics, process
from wire.bus import Bus
from wire.env import ExporterSettings
from wire.errors import SettingsError
from wire.log import get
from wire.monitor import Role, monitored
from wire.readings import Reading, counted

log = get(__name__)


async def serve(
    settings: ExporterSettings, stop: asyncio.Event, *, ready: Callable[[Exporter], None] | None = None
) -> None:
    """Export until `stop` is set. Raises SettingsError, NatsUnavailable."""
    if not settings.postgres:
        raise SettingsError("where is PostgreSQL? Give --postgres postgresql://user@host/database")
    database = Database(settings.postgres)
    async with Bus.connect(settings.nats_url, "exporter", login.of(settings)) as bus:
        await bus.declared()
        exporter = Exporter(bus, database, settings.batch, stop)
        try:
            async with monitored(settings, role(exporter, database, bus), bus):
                log.info("exporting")
                if ready is not None:
                    ready(exporter)
                await exporter.run()
        finally:
            await database.close()
        log.info("stopped", **exporter.counters)


def role(exporter: Exporter, database: Database, bus: Bus) -> Role:
    def unready() -> str | None:
        return None if bus.connected else "the connection to NATS is away"

    def read() -> Iterator[Reading]:
        yield from counted(metrics.EXPORTER_COUNTS, exporter.counters)
        yield Reading(metrics.EXPORT_DATABASE, database.connected)

    return Role("exporter", metrics.EXPORTER, read, unready)


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(
        ExporterSettings, "dragoman export", "Copy what was said in sessions into PostgreSQL.", serve, argv
    )
