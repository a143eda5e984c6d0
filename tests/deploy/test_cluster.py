"""Three real servers on deploy/nats/cluster.conf: routes with TLS, the same users, every stream kept three times."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.site import Site
from tests.nats_server import free_port
from tests.waiting import until
from wire import declare, subjects
from wire.bus import Bus
from wire.errors import NatsUnavailable
from wire.messages import ClientSeen

pytestmark = pytest.mark.timeout(180)
NAMES = ("nats-1", "nats-2", "nats-3")
ELECTION_S = 60.0
ROUTE_REFUSED = "TLS route handshake error"


class Cluster:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.ports = {name: free_port() for name in NAMES}
        self._routes = {name: free_port() for name in NAMES}
        self.url = ",".join(f"tls://127.0.0.1:{port}" for port in self.ports.values())

    @contextlib.contextmanager
    def server(self, name: str) -> Iterator[Path]:
        """As the file says, but for its addresses."""
        routes = ",".join(f"nats://127.0.0.1:{port}" for port in self._routes.values())
        mine = ("-n", name, "--cluster", f"nats://127.0.0.1:{self._routes[name]}", "--routes", routes)
        with self.site.running("cluster.conf", *mine, port=self.ports[name], name=name) as log:
            yield log


async def test_any_one_of_three_servers_may_be_lost(tmp_path: Path) -> None:
    cluster = Cluster(Site(tmp_path / "nats"))
    with contextlib.ExitStack() as servers:
        lives = {name: contextlib.ExitStack() for name in NAMES}
        for name in NAMES:
            servers.enter_context(lives[name]).enter_context(cluster.server(name))
        async with (
            cluster.site.bus("scheduler", "scheduler", cluster.url) as scheduler,
            cluster.site.bus("ingress", "ingress", cluster.url) as ingress,
        ):
            scheduler._js._timeout = 5
            assert scheduler.clustered
            async with asyncio.TaskGroup() as group:
                group.create_task(ingress.declared(ELECTION_S))
                await scheduler.declare(ELECTION_S)
            info = await scheduler._js.stream_info(subjects.MAILBOX)
            assert info.config.num_replicas == declare.REPLICAS
            assert info.cluster is not None
            leader = info.cluster.leader
            assert leader in NAMES
            await ingress.store(subjects.mailbox("s1", "client"), ClientSeen())
            lives[leader].close()
            stored = await ingress.store(subjects.mailbox("s1", "client"), ClientSeen(), patience=ELECTION_S)
            assert stored.sequence == 2
            assert ROUTE_REFUSED not in (cluster.site.folder / f"{NAMES[0]}.log").read_text()


async def test_a_server_without_the_certificate_is_none_of_them(tmp_path: Path) -> None:
    cluster, stranger = Cluster(Site(tmp_path / "nats")), Cluster(Site(tmp_path / "elsewhere"))
    stranger._routes = cluster._routes | {"nats-3": free_port()}
    with cluster.server("nats-1") as log, stranger.server("nats-3"):

        async def refused() -> bool:
            return ROUTE_REFUSED in log.read_text()

        await until(refused, 20)
        with pytest.raises(NatsUnavailable):
            async with Bus.connect(cluster.url, "test", patience=1):
                pass
