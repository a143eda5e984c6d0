"""Sessions over schedulers: how evenly they lie, and how many move when a scheduler joins or leaves. PURE.

The rules are the schedulers' own (`actors.placement`). They act in rounds here, each on what the one before it has
left, as they do in life each 1.5 s.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from dataclasses import dataclass

from actors.placement import plan
from wire import subjects

MAX_ROUNDS = 50


@dataclass(frozen=True)
class Spread:
    """Sessions of the scheduler that has the fewest, on average, and that has the most."""

    least: int
    mean: float
    most: int


@dataclass(frozen=True)
class Moves:
    """`moved` partitions changed their owner until all were content, after so many rounds. `needed` is the least that
    any rule would have to move."""

    moved: int
    needed: int
    rounds: int


def settle(instances: list[str], owners: dict[int, str], partitions: int) -> tuple[dict[int, str], int, int]:
    """Owners, partitions that changed hands, rounds."""
    before, owners = dict(owners), {number: who for number, who in owners.items() if who in instances}
    rounds, changed = -1, True
    while changed and rounds < MAX_ROUNDS:
        rounds, changed = rounds + 1, False
        for me in instances:
            wanted = plan(me, instances, owners, partitions)
            for number in wanted.release:
                del owners[number]
            for number in wanted.claim:
                owners.setdefault(number, me)
            changed = changed or bool(wanted.release or wanted.claim)
    return owners, sum(before.get(number) != who for number, who in owners.items()), rounds


def join(schedulers: int, partitions: int = subjects.PARTITIONS) -> Moves:
    """One more comes to so many."""
    names = [f"s{number}" for number in range(schedulers + 1)]
    owners, _, _ = settle(names[:-1], {}, partitions)
    _, moved, rounds = settle(names, owners, partitions)
    return Moves(moved, partitions // (schedulers + 1), rounds)


def leave(schedulers: int, partitions: int = subjects.PARTITIONS) -> Moves:
    """Of so many, one goes."""
    names = [f"s{number}" for number in range(schedulers)]
    owners, _, _ = settle(names, {}, partitions)
    gone = sum(who == names[0] for who in owners.values())
    _, moved, rounds = settle(names[1:], owners, partitions)
    return Moves(moved, gone, rounds)


def spread(sessions: int, schedulers: int, partitions: int = subjects.PARTITIONS) -> Spread:
    names = [f"s{number}" for number in range(schedulers)]
    owners, _, _ = settle(names, {}, partitions)
    held = Counter(dict.fromkeys(names, 0))
    chance = random.Random(sessions)
    ids = (f"s{chance.getrandbits(64):016x}" for _ in range(sessions))
    held.update(owners[zlib.crc32(id.encode()) % partitions] for id in ids)
    return Spread(min(held.values()), sessions / schedulers, max(held.values()))
