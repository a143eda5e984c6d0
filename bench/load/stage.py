"""Where a run happens: servers that are there already, or a fleet of its own here; and what is said there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from bench.fleet import Fleet, Member, Shape, running
from bench.load import scripts
from bench.load.crew import Gang
from bench.load.plan import Plan, Script
from bench.load.watch import Watch
from cli.link import endpoint
from wire.messages import encode
from wire.protocol import StartRequest


@dataclass(frozen=True)
class Size:
    """Of a fleet of one's own. `settings` by kind of process."""

    nodes: int = 1
    slots: int = 8
    rtf: float = 0.1
    schedulers: int = 1
    ingresses: int = 1
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def shape(self) -> Shape:
        quiet = {"log_level": "warning"}
        own = {"slots": str(self.slots), "scripted_rtf": str(self.rtf)}
        kinds = {"scheduler": quiet, "ingress": quiet, "node": quiet | own}
        settings = {kind: {**given, **self.settings.get(kind, {})} for kind, given in kinds.items()}
        return Shape(
            servers=1, schedulers=self.schedulers, ingresses=self.ingresses, nodes=self.nodes, settings=settings
        )

    def __str__(self) -> str:
        set_ = [f"{kind}.{name}={value}" for kind, own in self.settings.items() for name, value in own.items()]
        return (
            f"a fleet of its own: 1 nats-server, {self.schedulers} schedulers, {self.ingresses} ingresses, "
            f"{self.nodes} scripted nodes of {self.slots} slots at a real-time factor of {self.rtf:g}"
            + (f"; {', '.join(set_)}" if set_ else "")
        )


class Stage:
    """`fleet` is None where the servers are somebody else's. `name` is what goes on now, for people."""

    def __init__(self, addresses: Sequence[str], key: str, fleet: Fleet | None) -> None:
        self.addresses = [endpoint(each).replace("ws", "http", 1) for each in addresses]
        self.fleet = fleet
        self.gangs: list[Gang] = []
        self.watch = Watch(self.pids)
        self.name = ""
        self.notes: list[str] = []
        self._key = key
        self._folder = Path()
        self.scripts: list[Script] = []

    def says(self, folder: Path, written: list[Script]) -> None:
        """From here on speakers have something to say."""
        self._folder, self.scripts = folder, written

    def plan(self, start: StartRequest, **fields: object) -> Plan:
        """For clients at this stage."""
        said = {"scripts": str(self._folder)} if fields.get("kind") == "speak" else {}
        return msgspec.convert(
            {"addresses": self.addresses, "opening": encode(start).decode(), "key": self._key, **said, **fields}, Plan
        )

    def gang(self, plan: Plan) -> Gang:
        self.gangs.append(Gang(plan))
        return self.gangs[-1]

    def pids(self) -> dict[str, list[int]]:
        """Name -> process ids: of the fleet, and of the load generators."""
        found = {each.name: _family(each) for each in self.fleet.members.values()} if self.fleet else {}
        generators = [pid for gang in self.gangs for pid in gang.pids]
        return {**found, "load generator": generators, "dragoman bench": [os.getpid()]}


def _family(member: Member) -> list[int]:
    if not member.runs:
        return []
    with contextlib.suppress(psutil.Error):
        return [member.pid, *(child.pid for child in psutil.Process(member.pid).children(recursive=True))]
    return []


@contextlib.asynccontextmanager
async def set_up(urls: Sequence[str], key: str, size: Size, logs: Path | None) -> AsyncIterator[Stage]:
    """Servers at `urls`; where there are none, a fleet of this size, which has ended when the block has. Logs of its
    processes are kept in `logs`, if that is given. Raises TimeoutError, HostLacks."""
    if urls:
        yield Stage(urls, key, None)
        return
    with contextlib.ExitStack() as stack:
        folder = logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        async with running(size.shape(), folder) as fleet:
            yield Stage(list(fleet.addresses.values()), key, fleet)


@contextlib.asynccontextmanager
async def speaking(stage: Stage, spoken: scripts.Speech, seconds: float, wer: float | None) -> AsyncIterator[None]:
    """What is said stands in files while the block runs; `seconds` and `wer` as in `scripts.written`."""
    with tempfile.TemporaryDirectory(prefix="dragoman-speech-") as folder:
        stage.says(Path(folder), await asyncio.to_thread(scripts.written, Path(folder), spoken, seconds, wer))
        yield
