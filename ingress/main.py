"""The process `dragoman ingress`: it holds no state that another could not take over, so run as many as you like."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence

from aiohttp import web

from ingress import app
from ingress.shared import Ingress
from ingress.vad import SpeechModel, find_model
from wire import process
from wire.bus import Bus
from wire.env import IngressSettings
from wire.errors import DragomanError
from wire.fleet import FleetView
from wire.log import get

log = get(__name__)

GOODBYES_S = 2.5


async def serve(settings: IngressSettings, stop: asyncio.Event, *, ready: Callable[[str], None] | None = None) -> None:
    """Listen until `stop` is set. `ready` is called with the base URL when clients can connect.

    Raises NatsUnavailable, ModelMissing, or DragomanError (port_in_use).
    """
    model = SpeechModel(find_model())
    async with Bus.connect(settings.nats_url, "ingress") as bus:
        await bus.declare()
        ingress = Ingress(settings, bus, FleetView(), model)
        await ingress.feed.start()
        runner = web.AppRunner(app.build(ingress), access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        try:
            url = await _listen(runner, settings)
            async with asyncio.TaskGroup() as group:
                for_ever = [group.create_task(ingress.fleet.follow(bus)), group.create_task(ingress.beat())]
                for_ever.append(group.create_task(ingress.rooms.run()))
                log.info("ingress is listening", url=url, ingress=ingress.id)
                if ready is not None:
                    ready(url)
                await stop.wait()
                await ingress.stop(GOODBYES_S)
                for task in for_ever:
                    task.cancel()
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: IngressSettings) -> str:
    """Bind the port; port 0 takes a free one. Returns the base URL."""
    site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise DragomanError(
                f"port {settings.port} on {settings.host} is in use: end what uses it, or give another --port",
                code="port_in_use",
            ) from error
        raise DragomanError(
            f"{where} cannot be listened on: {error.strerror or error}", code="port_unusable"
        ) from error
    host, port = runner.addresses[0][:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(IngressSettings, "dragoman ingress", "Serve the page and the streaming protocol.", serve, argv)
