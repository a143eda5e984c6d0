"""What looks at a process from outside: metrics for Prometheus, and probes for whoever keeps it alive.

    /metrics     all that wire.metrics declares for this role, as text or as OpenMetrics, whichever is asked for
    /healthz     200: the event loop turns. Not answered in time: restart it
    /readyz      200: it does its work; 503 with the reason: send it none

It has a port of its own (`monitor_port`; 0: none), for these are nobody's business but the operator's, and no key is
asked for: let only Prometheus and probes reach it. What is read is read in the event loop, which takes well under a
millisecond; writing the text, which takes a few, happens beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from wire import metrics
from wire.connection import Connection
from wire.env import Settings
from wire.errors import DragomanError
from wire.log import get
from wire.readings import Read, collected, of_process

log = get(__name__)

LOOK_S = 0.25


class Role(NamedTuple):
    """What a process is, seen from here. `read` gives what it has to say beyond what all processes do, `unready` the
    reason why it should get no work, or None."""

    name: str
    registry: CollectorRegistry
    read: Read
    unready: Callable[[], str | None]


class Exposed(Collector):
    """All metrics of a process, as they are: what is read is read when this is made, in the event loop."""

    def __init__(self, role: Role, bus: Connection) -> None:
        self._registry = role.registry
        self._read = collected([*of_process(role.name, bus), *role.read()])

    def collect(self) -> Iterator[Metric]:
        """In any thread."""
        yield from metrics.PROCESS.collect()
        yield from self._registry.collect()
        yield from self._read


def samples(role: Role, bus: Connection) -> dict[str, float]:
    """All figures of this process by `name{label="value",…}`, labels in the order of their names."""
    return {_named(sample): sample.value for family in Exposed(role, bus).collect() for sample in family.samples}


def _named(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else sample.name


class Monitor:
    """`app` answers for one process."""

    def __init__(self, role: Role, bus: Connection) -> None:
        self._role = role
        self._bus = bus
        self.app = web.Application()
        self.app.router.add_get("/metrics", self._metrics)
        self.app.router.add_get("/healthz", self._healthz)
        self.app.router.add_get("/readyz", self._readyz)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        text = await asyncio.to_thread(encode, Exposed(self._role, self._bus))
        return web.Response(body=text, headers={"Content-Type": content_type})

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        reason = self._role.unready()
        if reason is not None:
            return web.json_response({"ready": False, "reason": reason}, status=503)
        return web.json_response({"ready": True})


@contextlib.asynccontextmanager
async def monitored(settings: Settings, role: Role, bus: Connection) -> AsyncIterator[None]:
    """Answer while the block runs, if the settings name a port. Raises DragomanError (port_in_use)."""
    runner = web.AppRunner(Monitor(role, bus).app, access_log=None, shutdown_timeout=0.5)
    lag = asyncio.create_task(_measure_lag(), name="event-loop-lag")
    try:
        if settings.monitor_port:
            await _listen(runner, settings.monitor_host, settings.monitor_port)
            log.info("the monitor is listening", host=settings.monitor_host, port=settings.monitor_port)
        yield
    finally:
        lag.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await lag
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise DragomanError(
            f"the monitor cannot listen on {host}:{port} ({error.strerror or error}): free it, or set monitor_port",
            code="port_in_use",
        ) from error


async def _measure_lag() -> None:
    """For ever."""
    while True:
        asked = time.monotonic() + LOOK_S
        await asyncio.sleep(LOOK_S)
        metrics.EVENT_LOOP_LAG.observe(max(0.0, time.monotonic() - asked))
