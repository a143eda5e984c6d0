"""One clock for all clients of a process: a wheel of slots, each of them 5 ms, that turns once in the time of a chunk.

A client is entered in one slot and called once a turn, which costs nothing beside the call. How late each tick comes is
how far the process is behind with its work: a generator that is late measures itself, and its report says so.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from bench.load.plan import CHUNK_S

TICK_S = 0.005
SLOTS = round(CHUNK_S / TICK_S)
KEPT = 20_000
"""So many latenesses are kept, drawn evenly from all (Vitter's algorithm R, 1985)."""

Beat = Callable[[float], None]


class Wheel:
    """`late` is a sample of how many seconds each tick came too late, `worst` the most since `take_worst`."""

    def __init__(self) -> None:
        self._slots: list[dict[int, Beat]] = [{} for _ in range(SLOTS)]
        self._next = 0
        self._ticks = 0
        self._chance = random.Random(1)
        self._worst = 0.0
        self._began = time.monotonic()
        self._where: dict[int, int] = {}
        self.late: list[float] = []

    def enter(self, client: int, beat: Beat) -> float:
        """From the next tick on `beat(due)` is called every CHUNK_S, with the moment at which it was to be. Returns the
        first of these moments."""
        slot = (self._next + 1) % SLOTS
        self._slots[slot][client] = beat
        self._where[client] = slot
        return self._began + (self._ticks + 1) * TICK_S

    def leave(self, client: int) -> None:
        slot = self._where.pop(client, None)
        if slot is not None:
            self._slots[slot].pop(client, None)

    async def run(self) -> None:
        """For ever."""
        while True:
            due = self._began + self._ticks * TICK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))  # also when it is behind: what came must be read
            self._note(max(0.0, time.monotonic() - due))
            for beat in list(self._slots[self._next].values()):
                beat(due)
            self._ticks += 1
            self._next = self._ticks % SLOTS

    def take_worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst

    def _note(self, late: float) -> None:
        self._worst = max(self._worst, late)
        if len(self.late) < KEPT:
            self.late.append(late)
        elif (place := self._chance.randrange(self._ticks + 1)) < KEPT:
            self.late[place] = late
