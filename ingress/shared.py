"""What all connections of one ingress process share, and what it can say about its own readiness."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from typing import Protocol

from ingress.access.access import Access
from ingress.access.meter import Meter
from ingress.access.refusals import NoRoom
from ingress.admin.board import Board
from ingress.admin.mending import Mender
from ingress.admission.desk import Desk
from ingress.endings import FULL, NO_NATS, NO_NODE, STOPPING, Ending
from ingress.feed import Feed
from ingress.recordings.register import Register
from ingress.rooms import Rooms
from ingress.vad import SpeechModel
from wire.bus import Bus
from wire.env import IngressSettings
from wire.fleet import FleetView
from wire.languages import translates

NATS_PATIENCE_S = 30.0
FULL_RETRY_S = 5.0
BEAT_S = 0.5
"""Between two looks whether clients must be told that somebody is there."""


class Guest(Protocol):
    """A client's socket, whatever it speaks."""

    @property
    def end(self) -> Callable[[Ending], None]:
        """The first reason counts."""

    def beat(self, now: float) -> None: ...


class Ingress:
    """`connections` are all sockets, `feed.sessions` those of them that opened a session."""

    def __init__(self, settings: IngressSettings, bus: Bus, fleet: FleetView, model: SpeechModel) -> None:
        self.settings = settings
        self.bus = bus
        self.fleet = fleet
        self.model = model
        self.feed = Feed(bus)
        self.id = f"{re.sub(r'[^A-Za-z0-9-]', '-', socket.gethostname()[:32])}-{os.getpid()}-{secrets.token_hex(3)}"
        """Part of keys and subjects: no dots."""
        self.desk = Desk(settings, bus, self.id)
        self.meter = Meter(bus, self.id)
        self.access = Access(settings, bus, self.meter)
        self.recordings = Register(bus)
        self.board = Board(bus, self.id)
        self.mender = Mender(bus, self.board.dead)
        self.rooms = Rooms(settings, bus, self.feed, self.id, self._serves)
        self.connections: set[Guest] = set()
        self.stopping = False
        self._gone = asyncio.Event()
        self._connected_at = time.monotonic()

    def unready(self) -> Ending | None:
        """Why no session can be opened now."""
        if (reason := self.closed_to_all()) is not None:
            return reason
        if not self.fleet.ready(self.settings.pool):
            return NO_NODE
        return self._full()

    def unready_for(self, session: str) -> Ending | None:
        """Why nobody can come back to this session now. It waits for a node wherever its client is."""
        return self.closed_to_all() or (None if session in self.feed.sessions else self._full())

    def check_room(self, tenant: str) -> None:
        """Whether somebody new of this tenant could have a session here now, or wait for one. Raises NoRoom."""
        if self._full() is FULL and FULL.error is not None:
            raise NoRoom(FULL.error.message, code=FULL.error.code, retry_after=FULL_RETRY_S)
        self.desk.check(tenant)

    def closed_to_all(self) -> Ending | None:
        if self.stopping:
            return STOPPING
        return None if self.bus.connected else NO_NATS

    def _full(self) -> Ending | None:
        return FULL if len(self.feed.sessions) >= self.settings.max_sessions else None

    def _serves(self, source: str, target: str) -> bool:
        """Whether anybody can translate this; while nobody is there at all, whoever comes back may."""
        nodes = self.fleet.ready(self.settings.pool)
        return not nodes or any(translates(node, source, target) for node in nodes)

    def nats_is_gone(self, now: float) -> bool:
        """Whether the connection to NATS has been away for so long that sessions must end."""
        if self.bus.connected:
            self._connected_at = now
        return now - self._connected_at > NATS_PATIENCE_S

    async def beat(self) -> None:
        """For ever: let no client wait in silence, whatever its session waits for."""
        while True:
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            for connection in self.connections:
                connection.beat(now)

    async def stop(self, patience: float) -> None:
        """Tell every client that this server is going away, and wait for `patience` seconds until all have gone."""
        self.stopping = True
        for connection in list(self.connections):
            connection.end(STOPPING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.connections:
                    self._gone.clear()
                    await self._gone.wait()

    def forget(self, connection: Guest) -> None:
        self.connections.discard(connection)
        self._gone.set()
