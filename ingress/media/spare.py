"""A decoding process that waits, with all that it needs loaded: a short upload does not wait for that.

Measured on a quiet machine: the first second of a file comes after 0.25 s from a new process, after 0.01 s from one
that waits, which takes 75 MB meanwhile. It is started when a file has been decoded, for where there was one there will
be more, and ends by itself when nothing comes (`child.PATIENCE_S`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from types import TracebackType
from typing import Self

PIPE_LIMIT = 64 * 1024
_INHERITED = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
"""Of the environment. The rest may hold secrets."""


async def launch() -> asyncio.subprocess.Process:
    """A decoding process; it will load what it needs and wait."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ingress.media",
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=PIPE_LIMIT,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
    )


async def end(process: asyncio.subprocess.Process) -> int:
    """Whatever it does. Its exit code."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    try:
        await process.communicate()  # a pipe that still holds something would keep its transport open
    finally:
        release(process)
    assert process.returncode is not None
    return process.returncode


def release(process: asyncio.subprocess.Process) -> None:
    """Its pipes, and itself if it still runs: nobody waits for its end any more. asyncio offers no other way."""
    process._transport.close()  # type: ignore[attr-defined]


class Spare:
    """At most one process that waits. As an async context manager, it leaves none behind."""

    def __init__(self) -> None:
        self._waiting: asyncio.subprocess.Process | None = None
        self._closed = False

    async def take(self) -> asyncio.subprocess.Process:
        """The one that waits, or a new one."""
        process, self._waiting = self._waiting, None
        if process is None:
            return await launch()
        if process.returncode is not None:  # it waited too long
            await end(process)
            return await launch()
        return process

    async def fill(self) -> None:
        """Have one wait. Its start is not waited for."""
        if self._waiting is not None and self._waiting.returncode is not None:
            await end(self._waiting)
            self._waiting = None
        if self._waiting is None and not self._closed:
            made = await launch()
            if self._waiting is None and not self._closed:
                self._waiting = made
            else:
                await end(made)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        process, self._waiting = self._waiting, None
        if process is not None:
            await end(process)
