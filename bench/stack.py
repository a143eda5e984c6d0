"""Dragoman's processes, started for one measurement: a nats-server with a store of its own, and who is asked for.

They are supervised as `dragoman up` supervises them (cli/supervisor.py), listen on free ports of 127.0.0.1, and have
ended when the block has. A measurement in which one of them died is void: `Stack.check` says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import msgspec
import psutil

from bench.observed import Report
from cli import host
from cli.supervisor import Program, Supervisor, supervising
from cli.tasks import first_of
from wire.env import PREFIX
from wire.errors import DragomanError

ROOT = Path(__file__).resolve().parents[1]
READY_S = 120.0
REPORT_S = 10.0
POLL_S = 0.05

PYTHONPATH = {"PYTHONPATH": str(ROOT)}
"""For children that must find `bench`, which is not installed."""

SCRIPTED = {"engine": "scripted", "scripted_rtf": "0.01", "slots": "8", "dedicated": "true"}
"""Settings of a node that costs next to nothing. Dedicated, or it would be refused for what the measurement uses."""


class Void(DragomanError):
    """What was measured means nothing."""

    code = "measurement_void"


class Stderr:
    """A printer for the supervisor."""

    def line(self, name: str, text: str) -> None:
        print(f"{name} | {text}", file=sys.stderr)


class Stack:
    """Running processes. `address` is the ingress's, http://…"""

    def __init__(self, supervisor: Supervisor, folder: Path, nats_url: str, address: str) -> None:
        self._supervisor = supervisor
        self._folder = folder
        self._pids: dict[str, int] = {}
        self.nats_url = nats_url
        self.address = address

    def began(self) -> None:
        self._pids = self._supervisor.pids()

    def check(self) -> None:
        """Raises Void if a process is not the one that it was at the start."""
        if self._supervisor.pids() != self._pids:
            raise Void("a process ended during the measurement: see its last words above")

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(self._pids[name])

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used so far, user and system."""
        return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in self._pids.items()}

    async def ask(self, name: str) -> Report:
        """What an observed process knows of itself. Raises TimeoutError."""
        file = self._folder / f"{name}.json"
        file.unlink(missing_ok=True)
        os.kill(self._pids[name], signal.SIGUSR1)
        async with asyncio.timeout(REPORT_S):
            await _until(file.exists)
        return msgspec.json.decode(file.read_bytes(), type=Report)


@contextlib.asynccontextmanager
async def running(programs: Mapping[str, str], settings: Mapping[str, str]) -> AsyncIterator[Stack]:
    """`programs` maps names ("scheduler", "ingress", "node") to what is to be run as such: a module with its arguments,
    or `observed NAME FLAGS`.

    Returns when all are ready. Raises ChildFailed where one cannot be started, TimeoutError.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        folder = Path(directory)
        async with supervising(Stderr()) as supervisor:
            nats, port = host.check_port("127.0.0.1", 0), host.check_port("127.0.0.1", 0)
            stack = Stack(supervisor, folder, f"nats://127.0.0.1:{nats}", f"http://127.0.0.1:{port}")
            command = host.nats_command(host.nats_binary(), nats, folder / "nats")
            supervisor.start(Program("nats", command, hushed=" [INF] ", last=True))
            given = {"nats_url": stack.nats_url, "log_level": "warning", "port": str(port), **settings}
            environment = {PREFIX + name.upper(): value for name, value in given.items()} | PYTHONPATH
            async with asyncio.timeout(READY_S):
                await first_of(_nats_answers(stack.nats_url), supervisor.failure())
                for name, module in programs.items():
                    supervisor.start(Program(name, _command(name, module, folder), environment))
                await first_of(_ready(stack, set(programs)), supervisor.failure())
            stack.began()
            yield stack
            stack.check()


def _command(name: str, module: str, folder: Path) -> tuple[str, ...]:
    kind, *rest = module.split()
    if kind == "observed":
        return (sys.executable, "-m", "bench.observed", rest[0], str(folder / f"{name}.json"), *rest[1:])
    return (sys.executable, "-m", kind, *rest)


async def _until(condition: Callable[[], bool]) -> None:
    """Other processes tell nobody: they are looked at."""
    while True:
        if condition():
            return
        await asyncio.sleep(POLL_S)


async def _nats_answers(url: str) -> None:
    while True:
        if await host.nats_info(url) is not None:
            return
        await asyncio.sleep(POLL_S)


async def _ready(stack: Stack, programs: set[str]) -> None:
    await _until(lambda: len(stack._supervisor.pids()) > len(programs))
    while "ingress" in programs:
        found = await host.readiness(stack.address)
        if found is not None and found.ready:
            return
        await asyncio.sleep(POLL_S)
