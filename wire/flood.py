"""Which log lines are told, where too many are alike. PURE: time is an argument.

Of each kind (the event's name, level and module) the first FIRST in a second are told, and of the rest how many there
were, when the second is over: errors too, so that nothing goes without a word and no flood fills a disk.
"""

from __future__ import annotations

from typing import NamedTuple

FIRST = 20
SECOND = 1.0
MAX_KINDS = 1000
"""In one second. What is over that counts as one kind."""


class Kind(NamedTuple):
    event: str
    level: str
    module: str


class Withheld(NamedTuple):
    kind: Kind
    lines: int


REST = Kind("", "warning", "")


class Flood:
    """`withheld` counts lines that were not told, in all."""

    def __init__(self) -> None:
        self.withheld = 0
        self._since = float("-inf")
        self._seen: dict[Kind, int] = {}
        self._owes = False

    @property
    def owes(self) -> bool:
        """Whether anything was withheld that has not been summed up."""
        return self._owes

    def admits(self, kind: Kind) -> bool:
        """Whether this line is told. Ask `over` before: a new second may have begun."""
        if kind not in self._seen and len(self._seen) >= MAX_KINDS:
            kind = REST
        seen = self._seen[kind] = self._seen.get(kind, 0) + 1
        if seen <= FIRST:
            return True
        self.withheld += 1
        self._owes = True
        return False

    def over(self, now: float) -> list[Withheld]:
        """What was withheld in the second before, if that is over; a new one begins."""
        if now - self._since < SECOND:
            return []
        seen, self._seen = self._seen, {}
        self._since, self._owes = now, False
        return [Withheld(kind, lines - FIRST) for kind, lines in seen.items() if lines > FIRST]
