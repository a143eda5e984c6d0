"""The processes that are the clients, as their parent has them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bench.load.plan import Line, Plan, Pulse, Result, Told
from cli.supervisor import die_with
from wire.errors import DragomanError

ROOT = Path(__file__).resolve().parents[2]
LONGEST_LINE = 2**30
EACH = {"speak": 1000, "hold": 5000, "dribble": 1000, "mute": 1000}
"""Clients of each kind in one process."""


class GeneratorFailed(DragomanError):
    code = "generator_failed"


class Gang:
    """Clients of one plan. `pulse` is the latest word of each of its processes."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pulses: list[list[Pulse]] = []
        self.results: list[Result] = []
        self.pids: list[int] = []
        self._children: list[asyncio.subprocess.Process] = []

    async def live(self) -> None:
        """Until all of its clients have ended. Raises GeneratorFailed."""
        async with asyncio.TaskGroup() as group:
            for plan in shares(self.plan):
                self.pulses.append([])
                group.create_task(self._process(plan, self.pulses[-1]))

    async def _process(self, plan: Plan, pulses: list[Pulse]) -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.load.generator", cwd=ROOT, limit=LONGEST_LINE, start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with(os.getpid()),
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        self._children.append(child)
        self.pids.append(child.pid)
        done = len(self.results)
        try:
            child.stdin.write(msgspec.json.encode(plan) + b"\n")
            async for line in child.stdout:
                said: Line = msgspec.json.decode(line, type=Line)
                if isinstance(said, Pulse):
                    pulses.append(said)
                else:
                    self.results.append(said)
            if await child.wait() or len(self.results) == done:
                raise GeneratorFailed(f"a load generator ended with exit code {child.returncode}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()

    def leave(self) -> None:
        """All who are still there end."""
        for child in self._children:
            if child.stdin is not None:
                child.stdin.close()

    @property
    def clients(self) -> list[Told]:
        return [client for result in self.results for client in result.clients]

    @property
    def pulse(self) -> Pulse:
        """Of all processes together."""
        latest = [pulses[-1] for pulses in self.pulses if pulses]
        total = Pulse(at=max((each.at for each in latest), default=0.0))
        for each in latest:
            for name in ("outside", "line", "inside", "over", "refused", "finals"):
                setattr(total, name, getattr(total, name) + getattr(each, name))
            total.late = max(total.late, each.late)
        return total


def shares(plan: Plan) -> list[Plan]:
    """One plan for each process."""
    processes = -(-plan.count // EACH[plan.kind])
    found, first = [], 0
    for number in range(processes):
        count = (plan.count - first) // (processes - number)
        found.append(msgspec.structs.replace(plan, count=count, first=plan.first + first))
        first += count
    return found


@contextlib.asynccontextmanager
async def at_work(gang: Gang) -> AsyncIterator[Gang]:
    """Its clients leave when the block ends, and have gone after it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(gang.live())
        try:
            yield gang
        finally:
            gang.leave()
