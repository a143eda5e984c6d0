"""Chaos: people who come, speak and go, and a fault every second or so. `dragoman bench chaos` is made of it.

2 ingresses, 3 schedulers, 6 nodes with scripted engines and 3 NATS servers. What happens to whom is drawn from the
seed. There is never more at once than the redundancy is for: one ingress, one scheduler, three nodes, and one server,
which is left alone afterwards until every stream has all its copies again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bench import faults
from bench.drill import Drill
from bench.fleet import Fleet, Member, Shape
from bench.observer import leaders
from bench.speaker import Speaker

LINKS = frozenset({"node-1", "node-2", "scheduler-1", "ingress-1"})
SHAPE = Shape(
    servers=3,
    schedulers=3,
    ingresses=2,
    nodes=6,
    settings={"node": {"scripted_rtf": "0.3", "drain_s": "3"}},
    links=LINKS,
)
EVERY_S = (0.5, 1.2)
LAST_S = 75.0
"""For so long those who still speak may go on once the faults are over."""
RECOVERS_S = 60.0

Hits = Callable[[Member], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Menu:
    """What may happen to one kind: each fault with how long it lasts. `rest_s` after one of them; `at_once` processes
    at a time."""

    faults: Sequence[tuple[Hits, float, float]]
    rest_s: float
    at_once: int = 1


MENUS = {
    "node": Menu(
        [
            (faults.killed, 0.5, 3), (faults.paused, 1, 6), (faults.restarted, 0, 0), (faults.drained, 0.5, 3),
            (faults.crashed, 0, 0), (faults.cut, 1, 6), (faults.slowed, 2, 5),
        ],
        rest_s=0.5,
        at_once=3,
    ),
    "scheduler": Menu(
        [
            (faults.killed, 0.5, 3), (faults.paused, 1, 8), (faults.restarted, 0, 0), (faults.drained, 0.5, 3),
            (faults.cut, 1, 7), (faults.slowed, 2, 5),
        ],
        rest_s=5,
    ),
    "ingress": Menu(
        [
            (faults.killed, 0.5, 3), (faults.paused, 1, 5), (faults.restarted, 0, 0), (faults.drained, 0.5, 3),
            (faults.cut, 1, 4), (faults.slowed, 2, 5),
        ],
        rest_s=3,
    ),
    "server": Menu([(faults.killed, 0.5, 3), (faults.paused, 1, 4), (faults.restarted, 0, 0)], rest_s=12),
}  # fmt: skip
WEIGHTS = {"node": 6, "scheduler": 2, "ingress": 3, "server": 1}


@dataclass
class Happened:
    """One fault. Times are `time.monotonic()`."""

    what: str
    began: float
    ended: float = field(default_factory=lambda: float("inf"))


class Storm:
    """Faults, one after the other and some at once, for as long as `blow` runs."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self._fleet = fleet
        self._chance = chance
        self._busy: set[str] = set()
        self._free_at = dict.fromkeys(MENUS, 0.0)
        self.happened: list[Happened] = []
        self.died: list[str] = []
        self.supervised = 0

    async def blow(self, until: float) -> None:
        """Returns when the last fault is mended."""
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < until:
                await asyncio.sleep(self._chance.uniform(*EVERY_S))
                await self._look_for_the_dead()
                kind = self._kind()
                if kind is None:
                    continue
                idle = [each for each in self._fleet.of(kind) if each.name not in self._busy]
                member = self._chance.choice(idle)
                possible = [each for each in MENUS[kind].faults if member.link or each[0] not in NEED_LINKS]
                hits, shortest, longest = self._chance.choice(possible)
                self._busy.add(member.name)
                group.create_task(self._happen(member, hits, self._chance.uniform(shortest, longest)))

    async def _look_for_the_dead(self) -> None:
        """Who ended although nobody did anything to it."""
        for member in self._fleet.members.values():
            if member.name not in self._busy and not member.runs:
                self.died.append(f"{member.name} ended by itself: {member.last_words()}")
                await member.start()

    def _kind(self) -> str | None:
        now = time.monotonic()
        free = [
            kind
            for kind, menu in MENUS.items()
            if self._free_at[kind] <= now and sum(name.startswith(kind) for name in self._busy) < menu.at_once
        ]
        return self._chance.choices(free, [WEIGHTS[kind] for kind in free])[0] if free else None

    async def _happen(self, member: Member, hits: Hits, seconds: float) -> None:
        fault = Happened(f"{member.kind} {hits.__name__}", time.monotonic())
        self.happened.append(fault)
        try:
            async with hits(member):
                await asyncio.sleep(seconds)
            fault.ended = time.monotonic()
            if member.kind == "server":
                await self._in_step()
            else:
                await self._until_up(member)
        finally:
            self._free_at[member.kind] = time.monotonic() + MENUS[member.kind].rest_s
            self._busy.discard(member.name)

    async def _until_up(self, member: Member) -> None:
        """It does its work again. A process that gave up while it started, because NATS was away, is started again, as
        a supervisor would."""
        end = time.monotonic() + RECOVERS_S
        while not await self._fleet.is_up(member):
            if not member.runs:
                self.supervised += 1
                await member.start()
            if time.monotonic() > end:
                self.died.append(f"{member.name} is not back after {RECOVERS_S:.0f} s: {member.last_words()}")
                return
            await asyncio.sleep(0.2)

    async def _in_step(self) -> None:
        """Every stream has a leader and all its copies."""
        end = time.monotonic() + RECOVERS_S
        while time.monotonic() < end:
            found = await leaders(self._fleet)
            if len(found) >= len(self._fleet.streams) and all(stream.in_step for stream in found.values()):
                return
            await asyncio.sleep(0.2)
        self.died.append(f"streams are not in step after {RECOVERS_S:.0f} s")


NEED_LINKS = (faults.cut, faults.slowed)


class Crowd:
    """So many people at any time: when one has said it all, another comes."""

    def __init__(self, drill: Drill, sessions: int) -> None:
        self._drill = drill
        self._sessions = sessions
        self.speakers: list[Speaker] = []
        self.stuck = 0

    async def talk(self, until: float) -> None:
        async with asyncio.TaskGroup() as group:
            for place in range(self._sessions):
                group.create_task(self._one_after_the_other(place, until))

    async def _one_after_the_other(self, place: int, until: float) -> None:
        await asyncio.sleep(place * self._drill.script.seconds / self._sessions)
        while time.monotonic() < until:
            speaker = self._drill.speaker(len(self.speakers))
            self.speakers.append(speaker)
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic()) + LAST_S):
                    await speaker.run()
            except TimeoutError:
                self.stuck += 1
