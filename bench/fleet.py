"""A whole fleet on one machine, as real processes on free ports: for tests of faults, and for `bench/chaos.py`.

NATS servers (one, or three as a cluster), schedulers, ingresses and nodes with scripted engines, each with a folder and
a log of its own. Nobody supervises them: what ends stays away until it is started again, which is what tests of faults
need (`bench.faults`). A process named in `Shape.links` reaches NATS through a `bench.proxy.Link`, whose cable can be
pulled. All of them are gone when the block has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.proxy import Link, linked
from cli import host
from cli.supervisor import die_with
from wire import declare, subjects
from wire.bus import Bus
from wire.env import PREFIX
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.records import LeaseRecord, NodeRecord

MODULES = {"scheduler": "actors", "ingress": "ingress", "node": "node_runtime"}
READY_S = 60.0
POLL_S = 0.05
STOP_S = 10.0
PORTS = (20_000, 32_000)


@dataclass(frozen=True)
class Shape:
    """How many of each; `settings` by kind ("scheduler", "ingress", "node"); names in `links` have cables. Those in
    `checkouts` are run from there: from another release, say."""

    servers: int = 1
    schedulers: int = 2
    ingresses: int = 2
    nodes: int = 3
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    links: frozenset[str] = frozenset()
    checkouts: Mapping[str, Path] = field(default_factory=dict)

    def names(self) -> list[str]:
        counts = {"scheduler": self.schedulers, "ingress": self.ingresses, "node": self.nodes}
        return [f"{kind}-{number}" for kind, count in counts.items() for number in range(1, count + 1)]


class Member:
    """One process of the fleet, again and again. `kind` is the name without its number."""

    def __init__(self, name: str, command: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.kind = name.partition("-")[0]
        self.log = folder / f"{name}.log"
        self.link: Link | None = None
        self.checkout: Path | None = None
        self.lives = 0
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def engines(self) -> int:
        """The process id of a node's engines."""
        return int(psutil.Process(self.pid).children()[0].pid)

    @property
    def instance(self) -> str:
        """The name by which a scheduler holds its leases: another one in each life."""
        return f"{self.name}-{self.lives}"

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1500:]

    async def start(self) -> None:
        if self.runs:
            return
        self.lives += 1
        own = {PREFIX + "INSTANCE": self.instance} if self.kind == "scheduler" else {}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_outer(), **self._environment, **own},
                cwd=self.checkout,  # Python looks there first
                start_new_session=True,  # Ctrl-C is for the measurement, which ends them itself
                preexec_fn=die_with(os.getpid()),
            )

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and waits. Returns its exit code."""
        if self.runs:
            self.send(number)
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
            try:
                async with asyncio.timeout(STOP_S):
                    await self._waited()
            except TimeoutError:
                self.send(signal.SIGKILL)
        return await self._waited()

    async def _waited(self) -> int:
        return await self._process.wait() if self._process is not None else 0


class Fleet:
    """`members` by name: server-1, scheduler-1, ingress-1, node-1 and so on. `bus` is an observer's connection."""

    def __init__(self, shape: Shape, members: dict[str, Member], monitors: list[str], urls: dict[str, str]) -> None:
        self.shape = shape
        self.members = members
        self.monitors = monitors
        self.addresses = urls
        self.streams = [config.name for config in declare.streams()]
        self.bus: Bus

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    def of(self, kind: str) -> list[Member]:
        return [member for member in self.members.values() if member.kind == kind]

    async def until_ready(self, patience: float = READY_S) -> None:
        """All that run are ready, and every partition has an owner that runs."""
        async with asyncio.timeout(patience):
            for looks in (self._ingresses_ready, self._nodes_ready, self._owned):
                await until(looks)

    async def is_up(self, member: Member) -> bool:
        """This one does its work, whatever the others do."""
        try:
            match member.kind:
                case "ingress":
                    found = await host.readiness(self.addresses[member.name])
                    return found is not None
                case "node":
                    record = (await self.nodes()).get(member.name)
                    return record is not None and record.ready and not record.draining
                case _:
                    return member.instance in (await self.owners()).values()
        except NatsUnavailable:
            return False

    async def owners(self) -> dict[int, str]:
        """Partition -> instance, of the leases that hold."""
        leases = await Bucket(self.bus, subjects.PARTITIONS_KV, LeaseRecord).items()
        return {int(partition): record.instance for partition, record in leases.items()}

    async def nodes(self) -> dict[str, NodeRecord]:
        return await Bucket(self.bus, subjects.NODES_KV, NodeRecord).items()

    async def _ingresses_ready(self) -> bool:
        found = [await host.readiness(self.addresses[each.name]) for each in self.of("ingress") if each.runs]
        return all(each is not None and each.ready for each in found)

    async def _nodes_ready(self) -> bool:
        found = await self.nodes()
        return all(member.name in found and found[member.name].ready for member in self.of("node") if member.runs)

    async def _owned(self) -> bool:
        running = {member.instance for member in self.of("scheduler") if member.runs}
        owners = await self.owners()
        return len(owners) == subjects.PARTITIONS and set(owners.values()) == running


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Other processes tell nobody: they are looked at."""
    while not await condition():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


@contextlib.asynccontextmanager
async def running(shape: Shape, folder: Path) -> AsyncIterator[Fleet]:
    """A fleet of this shape; all of it is ready when the block begins. Raises TimeoutError, HostLacks."""
    ports = _free_ports(3 * shape.servers + shape.ingresses)
    clients, routes, monitors = (ports[at * shape.servers : (at + 1) * shape.servers] for at in range(3))
    members = {
        name: Member(name, command, {}, folder) for name, command in _servers(clients, routes, monitors, folder).items()
    }
    nats = ",".join(f"nats://127.0.0.1:{port}" for port in clients)
    listening = iter(ports[3 * shape.servers :])
    addresses: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name in shape.names():
            kind = name.partition("-")[0]
            link = await stack.enter_async_context(linked(clients)) if name in shape.links else None
            given = {"nats_url": link.urls if link else _shuffled(nats, name), "log_format": "json"}
            if kind == "ingress":
                port = next(listening)
                addresses[name] = f"http://127.0.0.1:{port}"
                given["port"] = str(port)
            elif kind == "node":
                given |= {"node": name, "engine": "scripted", "scripted_rtf": "0.05", "slots": "2", "dedicated": "true"}
            environment = _environment({**given, **shape.settings.get(kind, {})})
            members[name] = Member(name, (sys.executable, "-m", MODULES[kind]), environment, folder)
            members[name].link = link
            members[name].checkout = shape.checkouts.get(name)
        fleet = Fleet(shape, members, [f"http://127.0.0.1:{port}" for port in monitors], addresses)
        stack.push_async_callback(_end, fleet)
        for member in fleet.of("server"):
            await member.start()
        fleet.bus = await stack.enter_async_context(Bus.connect(nats, "observer", patience=READY_S))
        await fleet.bus.declare(patience=READY_S)
        for member in members.values():
            await member.start()
        await fleet.until_ready()
        yield fleet


async def _end(fleet: Fleet) -> None:
    """Nothing that runs here is worth a good-bye."""
    for member in reversed(fleet.members.values()):
        await member.stop(signal.SIGKILL)


def _servers(clients: list[int], routes: list[int], monitors: list[int], folder: Path) -> dict[str, tuple[str, ...]]:
    found = {}
    for number, (port, route, monitor) in enumerate(zip(clients, routes, monitors, strict=True), 1):
        name = f"server-{number}"
        command = host.nats_command(host.nats_binary(), port, folder / name)
        command += ("-n", name, "-m", str(monitor))
        if len(clients) > 1:
            others = ",".join(f"nats://127.0.0.1:{other}" for other in routes if other != route)
            command += ("--cluster", f"nats://127.0.0.1:{route}", "--cluster_name", "fleet", "--routes", others)
            command += ("--no_advertise",)  # or whoever has a cable would find a way around it
        found[name] = command
    return found


def _shuffled(urls: str, name: str) -> str:
    """Not all to the same server."""
    found = urls.split(",")
    random.Random(name).shuffle(found)
    return ",".join(found)


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name.upper(): value for name, value in settings.items()}


def _outer() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _free_ports(count: int) -> list[int]:
    """Each another one, below those that the system gives away: a server that is down must find its own still free."""
    found: set[int] = set()
    while len(found) < count:
        with contextlib.suppress(host.HostLacks):
            found.add(host.check_port("127.0.0.1", random.randrange(*PORTS)))
    return sorted(found)
