"""A node's heartbeat: what it is and can do, in the KV bucket `nodes`, each `HEARTBEAT_S` and at each change of mind.

The record goes by itself after three missed beats; `Presence.leave` takes it away at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import metadata

from node_runtime import frames
from node_runtime.host import Load
from node_runtime.slots import Slots
from node_runtime.tempo import Tempo
from wire import subjects, topology
from wire.bus import Bus
from wire.env import NodeSettings
from wire.errors import NatsUnavailable
from wire.kv import Bucket
from wire.records import NodeRecord


class Presence:
    """The state of one node. Set `loaded`, `ready`, `drained` and `stopping` through the methods: they are told at
    once. `drained`: an operator wants it to take no jobs; `stopping`: it ends. Others need not tell the two apart."""

    def __init__(self, bus: Bus, settings: NodeSettings, node: str, slots: Slots) -> None:
        self._records = Bucket(bus, subjects.NODES_KV, NodeRecord)
        self._settings = settings
        self._node = node
        self._load = Load()
        self._loaded: frames.Loaded | None = None
        self._changed = asyncio.Event()
        self._ready = asyncio.Event()
        self._slots = slots
        self.tempo = Tempo()
        self.drained = False
        self.stopping = False
        self.told: NodeRecord | None = None
        """The last heartbeat."""

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    @property
    def loaded(self) -> frames.Loaded | None:
        """The engines that were warm last; None before the first were."""
        return self._loaded

    @property
    def device(self) -> str:
        """ "cpu" or "cuda"; "" before the engines are loaded."""
        return self._loaded.device if self._loaded else ""

    async def until_ready(self) -> None:
        await self._ready.wait()

    def became_ready(self, loaded: frames.Loaded) -> None:
        """A warm-up has run through the queue and every engine."""
        self._loaded = loaded
        self._ready.set()
        self._changed.set()

    def lost_engines(self) -> None:
        self._ready.clear()
        self._changed.set()

    def stops(self) -> None:
        self.stopping = True
        self._changed.set()

    def drain(self, drained: bool) -> None:
        self.drained = drained
        self._changed.set()

    def record(self) -> NodeRecord:
        loaded, load = self._loaded, self._load
        load.look()
        return NodeRecord(
            node=self._node,
            version=metadata.version("dragoman"),
            pools=self._settings.pools,
            slots=self._settings.slots,
            busy=self._slots.busy,
            ready=self.ready,
            draining=self.drained or self.stopping,
            device=loaded.device if loaded else "",
            models=loaded.models if loaded else [],
            sources=loaded.sources if loaded else [],
            targets=loaded.targets if loaded else {},
            voices=loaded.voices if loaded else {},
            cpu_percent=load.cpu_percent,
            memory_mb=load.memory_mb,
            gpus=load.gpus(),
            foreign_load=load.foreign_percent,
            dedicated=self._settings.dedicated,
            tags=sorted({*self._settings.tags, *(loaded.tags if loaded else ())}),
            rtf=self.tempo.rtf,
        )

    async def beat(self) -> None:
        """For ever."""
        while True:
            self._changed.clear()
            self.told = self.record()
            with contextlib.suppress(NatsUnavailable):  # the next beat may get through
                await self._records.put(self._node, self.told, patience=topology.HEARTBEAT_S)
            # Not wait_for: Python 3.11's loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(topology.HEARTBEAT_S):
                    await self._changed.wait()

    async def leave(self) -> None:
        with contextlib.suppress(NatsUnavailable):
            await self._records.delete(self._node)
