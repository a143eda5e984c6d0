"""What may happen to a process, as context managers: it happens when the block begins and is mended when it ends.

killed      SIGKILL; started again
paused      SIGSTOP, as a host that swaps or a virtual machine that moves; SIGCONT
restarted   SIGTERM and started again at once: a rolling update
drained     SIGTERM; away until the block ends
cut         the cable to NATS is pulled (needs a link: `Shape.links`)
slowed      everything from and to NATS takes so much longer (needs a link)
crashed     SIGSEGV to a node's engines, which the node starts anew
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator

import msgspec

from bench.fleet import Fleet, Member
from bench.observer import monitored

SLOWED_S = 0.15


@contextlib.asynccontextmanager
async def killed(member: Member) -> AsyncIterator[None]:
    await member.stop(signal.SIGKILL)
    try:
        yield
    finally:
        await member.start()


@contextlib.asynccontextmanager
async def paused(member: Member) -> AsyncIterator[None]:
    member.send(signal.SIGSTOP)
    try:
        yield
    finally:
        if member.runs:
            member.send(signal.SIGCONT)


@contextlib.asynccontextmanager
async def restarted(member: Member) -> AsyncIterator[None]:
    await member.stop()
    await member.start()
    yield


@contextlib.asynccontextmanager
async def drained(member: Member) -> AsyncIterator[None]:
    await member.stop()
    try:
        yield
    finally:
        await member.start()


@contextlib.asynccontextmanager
async def cut(member: Member) -> AsyncIterator[None]:
    assert member.link is not None, f"{member.name} has no link"
    member.link.cut()
    try:
        yield
    finally:
        member.link.mend()


@contextlib.asynccontextmanager
async def slowed(member: Member) -> AsyncIterator[None]:
    assert member.link is not None, f"{member.name} has no link"
    member.link.delay_s = SLOWED_S
    try:
        yield
    finally:
        member.link.delay_s = 0.0


@contextlib.asynccontextmanager
async def crashed(node: Member) -> AsyncIterator[None]:
    os.kill(node.engines, signal.SIGSEGV)
    yield


async def leader(fleet: Fleet, stream: str) -> Member:
    """The server that leads this stream now."""
    for detail in await monitored(fleet):
        if detail.name == stream and detail.cluster is not msgspec.UNSET:
            return fleet[detail.cluster.leader]
    raise LookupError(f"{stream} has no leader")
