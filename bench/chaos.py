"""Chaos: a fleet on this machine, people who come, speak and go, and a fault every second or so.

    python -m bench.chaos --minutes 10 --seed 1 [--sessions 40] [--logs FOLDER]

2 ingresses, 3 schedulers, 6 nodes with scripted engines and 3 NATS servers. What happens to whom is drawn from the
seed. There is never more at once than the redundancy is for: one ingress, one scheduler, three nodes, and one server,
which is left alone afterwards until every stream has all its copies again. At the end nobody speaks any more, and
nothing may be left over. Ends with 1 where an utterance was lost, repeated or out of order, or something was left.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import faults
from bench.drill import Drill, prepared
from bench.fleet import Fleet, Member, Shape, running
from bench.observer import leaders, settled
from bench.rows import percentile
from bench.speaker import Speaker
from wire.errors import DragomanError

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


async def chaos(minutes: float, seed: int, sessions: int, console: Console, logs: Path | None = None) -> int:
    """Returns the exit code. The processes' logs and the servers' stores are kept in `logs`, if it is given."""
    with contextlib.ExitStack() as stack:
        folder = logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-chaos-")))
        folder.mkdir(parents=True, exist_ok=True)
        async with running(SHAPE, folder) as fleet:
            drill = await prepared(fleet, seed)
            console.print(f"usual delay {drill.usual_s:.2f} s; {minutes:g} minutes, seed {seed}, {sessions} sessions")
            storm, crowd = Storm(fleet, random.Random(seed)), Crowd(drill, sessions)
            end = time.monotonic() + 60 * minutes
            async with asyncio.TaskGroup() as group:
                group.create_task(storm.blow(end - 5))
                group.create_task(crowd.talk(end))
            report = drill.judge(crowd.speakers)
            spoken = {each.heard.session for each in crowd.speakers}
            report.settling = await settled(fleet, spoken, drill.idle)
            console.print(_table(drill, storm, crowd))
            for note in [*storm.died, *report.notes[:40]]:
                console.print(note, markup=False)
            lost, repeated, disordered = (
                sum(getattr(each, name) for each in report.verdicts) for name in ("lost", "repeated", "disordered")
            )
            console.print(
                f"{len(storm.happened)} faults, {len(crowd.speakers)} sessions, {report.returns} returns, "
                f"{report.utterances} utterances: {lost} lost, {repeated} repeated, {disordered} out of order, "
                f"{crowd.stuck} sessions without an end, {storm.supervised} restarts by the supervisor; "
                f"left over: {report.settling.left or 'nothing'} "
                f"(after {report.settling.seconds:.0f} s; last: {report.settling.last})"
            )
            return 0 if report.clean and not crowd.stuck and not storm.died else 1


def _table(drill: Drill, storm: Storm, crowd: Crowd) -> Table:
    """An utterance belongs to every fault that went on between the end of its voice and the last that was told of it;
    to none of them, where the fleet was whole."""
    verdicts = drill.judge(crowd.speakers).verdicts
    rows: dict[str, list[float]] = {fault.what: [] for fault in sorted(storm.happened, key=lambda fault: fault.what)}
    quiet: list[float] = []
    for said_at, delay in (delay for each in verdicts for delay in each.delays):
        hit = {f.what for f in storm.happened if f.began < said_at + delay and said_at < f.ended}
        for what in hit:
            rows[what].append(delay)
        if not hit:
            quiet.append(delay)
    table = Table("fault", "times", "utterances", "p50 s", "p99 s", "max s")
    for what, delays in [*rows.items(), ("none", quiet)]:
        times = sum(fault.what == what for fault in storm.happened)
        shown = [f"{percentile(delays, share):.2f}" for share in (0.5, 0.99, 1.0)] if delays else ["", "", ""]
        table.add_row(what, str(times), str(len(delays)), *shown)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--logs", type=Path, default=None, help="keep the processes' logs in this folder")
    given = parser.parse_args(argv)
    console = Console(width=110)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            return asyncio.run(chaos(given.minutes, given.seed, given.sessions, console, given.logs))
        except DragomanError as error:
            print(f"chaos: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
