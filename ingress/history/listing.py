"""The newest of a tenant's sessions, out of all that everybody has. PURE.

The bucket `histories` has a message for each session, in the order in which they began, and a stream can be asked for
the first message of some subject from a sequence on, but not for the last before one. So the newest are looked for by
halves: where the upper half of a stretch has enough, the lower is not looked at, and a stretch whose first match lies
beyond its end costs one question. Of 100,000 messages, a page of 20 costs 36 to 51 questions and one of 100 at most
200, however many of them are the tenant's own. Nothing is read of other tenants, or of older pages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

FEW = 8
"""Messages of a stretch that are read one after another, without halving it further."""


class Message(Protocol):
    @property
    def sequence(self) -> int: ...


M = TypeVar("M", bound=Message)

First = Callable[[int], Awaitable[M | None]]


async def newest(first: First[M], low: int, high: int, count: int) -> list[M]:
    """Up to `count` of the messages with sequences `low`..`high` - 1, newest first. `first(at)` finds the first that
    matches from sequence `at` on."""
    if count <= 0 or low >= high:
        return []
    found = await first(low)
    if found is None or found.sequence >= high:
        return []
    low = found.sequence + 1
    if high - low <= FEW:
        return await _all(first, found, low, high, count)
    middle = (low + high) // 2
    upper = await newest(first, middle, high, count)
    lower = await newest(first, low, middle, count - len(upper))
    return (upper + lower + [found])[:count]


async def _all(first: First[M], found: M, low: int, high: int, count: int) -> list[M]:
    held = [found]
    while low < high and (following := await first(low)) is not None and following.sequence < high:
        held.append(following)
        low = following.sequence + 1
    return held[: -count - 1 : -1]
