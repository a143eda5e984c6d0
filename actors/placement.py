"""Which scheduler owns which partition. PURE.

Every instance sees, sooner or later, the same two things: which instances live, and who holds the lease of each
partition. From these each works out the same quotas, gives up what is over its own and takes what is free up to it.
Nobody commands anybody; where views differ for a moment, the lease (KV `create`) decides, and the next look mends it.

Quotas differ by at most one. The larger ones go to those who hold the most already, so that a join moves one quota's
worth of partitions and a leave only those of the one who left. An instance gives up no more than others lack beyond
what is free: while partitions lie free, nobody needs to let go of one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping

import msgspec

from wire.subjects import PARTITIONS


class Plan(msgspec.Struct, frozen=True):
    """Partitions to give up, and partitions to try to take, in this order."""

    release: list[int]
    claim: list[int]


def quotas(instances: Collection[str], owners: Mapping[int, str], partitions: int = PARTITIONS) -> dict[str, int]:
    """How many partitions each living instance should hold."""
    held = dict.fromkeys(instances, 0)
    for owner in owners.values():
        if owner in held:
            held[owner] += 1
    if not held:
        return {}
    base, extra = divmod(partitions, len(held))
    ranked = sorted(held, key=lambda name: (-held[name], name))
    return {name: base + (place < extra) for place, name in enumerate(ranked)}


def plan(me: str, instances: Collection[str], owners: Mapping[int, str], partitions: int = PARTITIONS) -> Plan:
    """What `me` should do. `owners` has the partitions whose lease lives, whoever holds it; the others are free."""
    quota = quotas({*instances, me}, owners, partitions)
    mine = sorted(number for number, owner in owners.items() if owner == me)
    free = [number for number in range(partitions) if number not in owners]
    held = {name: sum(owner == name for owner in owners.values()) for name in quota}
    lacking = sum(max(0, quota[name] - held[name]) for name in quota if name != me)
    surplus = max(0, min(len(mine) - quota[me], lacking - len(free)))
    wanted = max(0, quota[me] - len(mine))
    # Each tries the free ones in an order of its own, so that two seldom reach for the same one.
    free.sort(key=lambda number: zlib.crc32(f"{me}.{number}".encode()))
    return Plan(release=mine[len(mine) - surplus :], claim=free[:wanted])
