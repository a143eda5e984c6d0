"""A process and a child of its own, with a pipe each way: frames, each with its length (u32, little endian) before it.

The parent starts `python -m … <its pid>` with pipes for standard input and output, the child calls `adopted` first.
What a library prints then lands on standard error. The child ends with its parent, and ignores SIGINT and SIGTERM: the
parent decides.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import struct
import sys
from typing import IO, BinaryIO

LENGTH = struct.Struct("<I")

PR_SET_PDEATHSIG = 1


def pack(body: bytes) -> bytes:
    """A frame."""
    return LENGTH.pack(len(body)) + body


def read(source: IO[bytes]) -> bytes | None:
    """The next frame's body; None at the end. Blocks."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = source.read(length)
    return body if len(body) == length else None


async def receive(source: asyncio.StreamReader, most: int) -> bytes | None:
    """The next frame's body; None at the end. Raises ValueError for one of more than `most` bytes: the pipe carries
    something else."""
    try:
        (length,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
        if length > most:
            raise ValueError(f"a frame of {length} bytes")
        return await source.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        return None


def adopted() -> tuple[BinaryIO, BinaryIO]:
    """In the child: where frames come from and where they go. Ends the process if its parent has died already."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # it died before we asked to be told
        raise SystemExit(0)
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def obituary(code: int) -> str:
    """How a process ended, for a person."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
