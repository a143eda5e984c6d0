"""The process `dragoman ingress`: it holds no state that another could not take over, so run as many as you like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ingress import app, figures, listening
from ingress.recordings.recorder import Recorder
from ingress.shared import Ingress
from ingress.vad import SpeechModel, find_model
from wire import login, process
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.log import get
from wire.monitor import monitored, samples
from wire.stats import answer

log = get(__name__)

GOODBYES_S = 2.5


async def serve(settings: IngressSettings, stop: asyncio.Event, *, ready: Callable[[str], None] | None = None) -> None:
    """Listen until `stop` is set. `ready` is called with the base URL when clients can connect.

    Raises NatsUnavailable, ModelMissing, SettingsError (who could come in?), or DragomanError (port_in_use).
    """
    secured = listening.certificate(settings)
    model = SpeechModel(find_model())
    async with Bus.connect(settings.nats_url, "ingress", login.of(settings)) as bus:
        await bus.declared()
        ingress = Ingress(settings, bus, FleetView(), model)
        await ingress.access.load()
        await ingress.feed.start()
        runner = listening.runner(app.build(ingress))
        await runner.setup()
        try:
            url = await listening.listen(runner, settings, secured)
            role = figures.role(ingress)
            async with monitored(settings, role, bus), asyncio.TaskGroup() as group:
                for_ever = [group.create_task(ingress.fleet.follow(bus)), group.create_task(ingress.beat())]
                for_ever += [group.create_task(ingress.rooms.run()), group.create_task(ingress.access.run())]
                for_ever += [group.create_task(ingress.desk.run()), group.create_task(Recorder(ingress).run())]
                for_ever += [group.create_task(ingress.board.run()), group.create_task(ingress.mender.run())]
                for_ever.append(group.create_task(answer(bus, role.name, ingress.id, lambda: samples(role, bus))))
                if secured is not None:
                    for_ever.append(group.create_task(secured.watch()))
                log.info("ingress is listening", url=url, ingress=ingress.id)
                if ready is not None:
                    ready(url)
                await stop.wait()
                await ingress.stop(GOODBYES_S)
                for task in for_ever:
                    task.cancel()
            await ingress.desk.farewell()
        finally:
            await runner.cleanup()


def main(argv: Sequence[str] | None = None) -> int:
    return process.main(IngressSettings, "dragoman ingress", "Serve the page and the streaming protocol.", serve, argv)
