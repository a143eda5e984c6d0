"""Child processes that are kept alive, and that end with their parent whatever becomes of it.

Each child is in a process group of its own, so that a Ctrl-C in the terminal reaches the parent alone, which then ends
the children in order. Against the parent's own violent death the kernel helps: a child asks to be killed when its
parent dies (PR_SET_PDEATHSIG, prctl(2)).

A child that ends is started again after a pause that doubles with each quick end and falls back after a stable while.
During start-up there is no point in that for ever: exit code 2 says that starting again is of no use, and too many
quick ends in a row say it too. Then `failed` names the child and its last words.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from wire.errors import DragomanError
from wire.process import UNUSABLE

STABLE_S = 20.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
QUICK_ENDS = 5
"""So many quick ends in a row during start-up are taken for good."""

GRACE_S = 3.0
LAST_GRACE_S = 1.2
"""For those that end last: the server that the others say goodbye to. Both graces and a kill stay under 5 s."""

LONGEST_LINE = 16_384
PR_SET_PDEATHSIG = 1

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class ChildFailed(DragomanError):
    code = "child_failed"


class Printer(Protocol):
    def line(self, name: str, text: str) -> None: ...


@dataclass(frozen=True, eq=False)
class Program:
    """What to run. Lines that contain `hushed` are not shown. With `last` it ends after the others have."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    hushed: str = ""
    last: bool = False


class Pauses:
    """How long to wait before a child is started again. Time is an argument: seconds that it lived."""

    def __init__(self) -> None:
        self.quick_ends = 0

    def after(self, lived: float) -> float:
        self.quick_ends = 1 if lived >= STABLE_S else self.quick_ends + 1
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** (self.quick_ends - 1)))


class Supervisor:
    """Made by `supervising`. `settled` is set once start-up is over: from then on every end is only a pause."""

    def __init__(self, printer: Printer, group: asyncio.TaskGroup) -> None:
        self._printer = printer
        self._group = group
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[Program, asyncio.Task[None]] = {}
        self._ending = asyncio.Event()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.settled = False

    def start(self, program: Program) -> None:
        self._keepers[program] = self._group.create_task(self._keep(program), name=f"keep-{program.name}")

    async def failure(self) -> None:
        """Never returns. Raises ChildFailed, naming the child and its last words, when start-up has failed."""
        await asyncio.shield(self._failed)

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    async def _keep(self, program: Program) -> None:
        loop = asyncio.get_running_loop()
        pauses = Pauses()
        words: collections.deque[str] = collections.deque(maxlen=1)
        while not self._ending.is_set():
            begun = loop.time()
            try:
                code = await self._live(program, words)
            except OSError as error:
                self._fail(f"{program.name} cannot be started: {error}")
                return
            if self._ending.is_set():
                return
            pause = pauses.after(loop.time() - begun)
            if not self.settled and (code == UNUSABLE or pauses.quick_ends >= QUICK_ENDS):
                last = words[-1] if words else "it said nothing"
                self._fail(f"{program.name} {ended_how(code)} and would do so again: {last}")
                return
            self._printer.line(program.name, f"{ended_how(code)}: starting it again in {pause:g} s")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)

    async def _live(self, program: Program, words: collections.deque[str]) -> int:
        """One life of a child, its output printed. Returns its exit code, negative for a signal."""
        words.clear()
        async with _pipe() as (output, end):
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=end,
                stderr=end,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )
            end.close()
            self._running[program.name] = process
            if self._ending.is_set():  # the end was asked for while it was being started
                _signal_group(process.pid, signal.SIGTERM)
            reading = self._group.create_task(self._print(program, output, words))
            try:
                code = await process.wait()
            finally:
                _signal_group(process.pid, signal.SIGKILL)  # what it started and left behind
                self._running.pop(program.name, None)
            await asyncio.wait({reading}, timeout=0.5)
            reading.cancel()
        return code

    async def _print(self, program: Program, output: asyncio.StreamReader, words: collections.deque[str]) -> None:
        rest = b""
        while data := await output.read(65_536):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._show(program, line, words)
        if rest:
            self._show(program, rest, words)

    def _show(self, program: Program, line: bytes, words: collections.deque[str]) -> None:
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        if text.strip():
            words.append(_ESCAPES.sub("", text).strip())
            if not program.hushed or program.hushed not in text:
                self._printer.line(program.name, text)

    def _fail(self, reason: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(ChildFailed(reason))

    # --- the end ---

    async def end(self) -> None:
        """All end: SIGTERM, and SIGKILL for what is left after the grace. At most 5 s."""
        self._ending.set()
        await self._end_these({program for program in self._keepers if not program.last}, GRACE_S)
        await self._end_these({program for program in self._keepers if program.last}, LAST_GRACE_S)
        self._failed.cancel()

    async def _end_these(self, programs: set[Program], grace: float) -> None:
        keepers = [self._keepers[program] for program in programs]
        names = [program.name for program in programs]
        self._signal(names, signal.SIGTERM)
        if keepers:
            await asyncio.wait(keepers, timeout=grace)
        for name in names:
            if name in self._running:
                self._printer.line(name, f"did not end in {grace:g} s: killed")
        self._signal(names, signal.SIGKILL)

    def _signal(self, names: Iterable[str], number: signal.Signals) -> None:
        for name in names:
            if name in self._running:
                _signal_group(self._running[name].pid, number)

    def kill(self) -> None:
        """All end at once."""
        self._ending.set()
        self._signal(list(self._running), signal.SIGKILL)


@contextlib.asynccontextmanager
async def supervising(printer: Printer) -> AsyncIterator[Supervisor]:
    """Children started inside have ended when the block has."""
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(printer, group)
        try:
            yield supervisor
        finally:
            await supervisor.end()


def ended_how(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        name = next((each.name for each in signal.Signals if each == -code), f"signal {-code}")
        return f"was ended by {name}"
    return f"ended with exit code {code}"


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, BinaryIO]]:
    """A reader, and the end to write to, which is to be closed here once a child has it.

    asyncio's own pipes would not do: with them `wait` waits until the last grandchild has let go of the output.
    """
    reading, writing = os.pipe()
    output = asyncio.StreamReader()
    with os.fdopen(writing, "wb", 0) as end:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb", 0)
        )
        with contextlib.closing(transport):
            yield output, end


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def die_with(parent: int) -> Callable[[], None] | None:
    """What a child does between fork and exec to be killed with its parent. None where the kernel has no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask
