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
import psutil

from bench.fleet import Fleet, Member, until
from bench.observer import leaders
from wire import subjects
from wire.kv import Bucket
from wire.records import SlotRecord

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
    with contextlib.suppress(LookupError, ProcessLookupError, psutil.Error):  # there are none just now
        os.kill(node.engines, signal.SIGSEGV)
    yield


async def leader(fleet: Fleet, stream: str) -> Member:
    """The server that leads this stream now."""
    found = (await leaders(fleet)).get(stream)
    if found is not None and found.cluster is not msgspec.UNSET:
        return fleet[found.cluster.leader]
    raise LookupError(f"{stream} has no leader")


async def working(fleet: Fleet) -> Member:
    """A node that has a job in hand, as soon as there is one."""
    slots = Bucket(fleet.bus, subjects.SLOTS_KV, SlotRecord)
    found: list[str] = []

    async def any_slot_is_taken() -> bool:
        found[:] = [node for node in map(_node_of, await slots.items()) if fleet[node].runs]
        return bool(found)

    await until(any_slot_is_taken)
    return fleet[found[0]]


def _node_of(key: str) -> str:
    return subjects.slot_of_key(key)[0]
