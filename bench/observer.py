"""What lies about in a fleet: keys, jobs, consumers and sessions that should be gone once nobody speaks.

Streams and consumers are counted where the servers publish their state (the monitoring port); KV buckets are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import aiohttp
import msgspec

from actors.state import SessionRecord, SessionState
from bench.fleet import Fleet
from wire import subjects
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.records import SchedulerRecord, SlotRecord

SETTLED_S = 45.0
CLUSTER_SETTLED_S = 200.0
"""A server asks its cluster to forget a consumer that nobody listens to. Asked while nobody leads the cluster, it is
not heard, and asks again 30 to 60 s later, and then after twice as long (nats-server's deleteNotActive)."""
LOOK_S = 0.2

PATIENCE = aiohttp.ClientTimeout(total=2)


class Peer(msgspec.Struct, frozen=True):
    current: bool = False


class Cluster(msgspec.Struct, frozen=True):
    leader: str = ""
    replicas: list[Peer] = []


class State(msgspec.Struct, frozen=True):
    messages: int = 0


class Consumer(msgspec.Struct, frozen=True):
    name: str = ""


class Stream(msgspec.Struct, frozen=True):
    """As its leader tells."""

    name: str
    state: State = State()
    cluster: Cluster | msgspec.UnsetType = msgspec.UNSET
    consumer_detail: list[Consumer] = []

    @property
    def replicas(self) -> int:
        """How many copies there are."""
        return 1 if self.cluster is msgspec.UNSET else 1 + len(self.cluster.replicas)

    @property
    def in_step(self) -> bool:
        """Whether every copy is up to date."""
        return self.cluster is msgspec.UNSET or all(peer.current for peer in self.cluster.replicas)


class Account(msgspec.Struct, frozen=True):
    stream_detail: list[Stream] = []


class JetStream(msgspec.Struct, frozen=True):
    account_details: list[Account] = []


async def monitored(fleet: Fleet) -> list[tuple[str, Stream]]:
    """(server, stream) for every copy of a stream. Servers that do not answer are left out."""
    found: list[tuple[str, Stream]] = []
    async with aiohttp.ClientSession(timeout=PATIENCE) as client:
        for number, monitor in enumerate(fleet.monitors, 1):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
                async with client.get(f"{monitor}/jsz?consumers=true") as answer:
                    told = msgspec.json.decode(await answer.read(), type=JetStream)
                streams = (stream for account in told.account_details for stream in account.stream_detail)
                found += [(f"server-{number}", stream) for stream in streams]
    return found


async def leaders(fleet: Fleet) -> dict[str, Stream]:
    """Each stream as its leader knows it."""
    return {
        stream.name: stream
        for server, stream in await monitored(fleet)
        if stream.cluster is msgspec.UNSET or stream.cluster.leader == server
    }


async def consumers(fleet: Fleet) -> Counter[str]:
    """How many each stream has, wherever they live."""
    names = {(stream.name, each.name) for _, stream in await monitored(fleet) for each in stream.consumer_detail}
    return Counter(stream for stream, _ in names)


async def left_over(fleet: Fleet, spoken: Collection[str], usual: Counter[str]) -> dict[str, int]:
    """What is there and should not be, once the sessions `spoken` have ended. `usual` are the consumers of an idle
    fleet. Empty where all is well. Raises NatsUnavailable."""
    slots = await Bucket(fleet.bus, subjects.SLOTS_KV, SlotRecord).items()
    schedulers = await Bucket(fleet.bus, subjects.SCHEDULERS_KV, SchedulerRecord).items()
    records = await Bucket(fleet.bus, subjects.SESSIONS_KV, SessionRecord).items()
    states = {
        subjects.session_of_key(key): msgspec.json.decode(record.state, type=SessionState)
        for key, record in records.items()
    }
    held = {name: stream.state.messages for name, stream in (await leaders(fleet)).items()}
    found: dict[str, int] = {
        "slots": len(slots),
        "jobs": held.get(subjects.JOBS, 0),
        "dead": held.get(subjects.DEAD, 0),
        "sessions": sum(name in spoken and state.phase != "closed" for name, state in states.items()),
        "hosted": sum(record.sessions for record in schedulers.values()),
        "busy": sum(record.busy for record in (await fleet.nodes()).values()),
    } | {f"consumers of {stream}": count for stream, count in (await consumers(fleet) - usual).items()}
    return {what: count for what, count in found.items() if count}


@dataclass
class Settling:
    """`left` is what never went, `last` what went last, after `seconds`."""

    left: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


async def settled(fleet: Fleet, spoken: Collection[str], usual: Counter[str]) -> Settling:
    """Look until nothing is left over, for as long as the servers may take."""
    found, began = Settling(), time.monotonic()
    patience = CLUSTER_SETTLED_S if len(fleet.monitors) > 1 else SETTLED_S
    while True:
        try:
            found.left = await left_over(fleet, spoken, usual)
        except NatsUnavailable:
            found.left = {"answers": 0}
        found.last = found.left or found.last
        found.seconds = time.monotonic() - began
        if not found.left or found.seconds > patience:
            return found
        await asyncio.sleep(LOOK_S)
