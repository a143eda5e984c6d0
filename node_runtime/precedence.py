"""What goes first in the engines: finals, then live captions, then pieces of recordings.

A call of an engine cannot be cut short, so whoever comes later goes on between two of them. There are two rules:

    a glimpse   waits until no final is in hand, and gives up when that has taken so long that nobody wants it any more
    a piece     stops for good when the finals need its place: with N slots, finals and pieces together are never more
                than N. And it waits while finals, glimpses and the other pieces that are at work are N already

A piece that has begun to speak is not stopped any more, it only waits: what it said is stored, and no voice says the
same twice alike, so a second attempt could not go on in the middle.

Captions are asked for only while somebody speaks, so a piece has all their pauses; but where many speak at once there
is always one in hand. So a piece waits no longer than YIELD_S, and may then work for GRANT_S: captions become slower
than they were, by an engine's call now and then, and recordings take longer, but both go on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

YIELD_S = 2.0
GRANT_S = 1.0


class MadeWay(Exception):
    """A piece of a recording stops, for a final needs its place."""


class Precedence:
    """Of one engines' process with `slots` slots. Finals and glimpses that came must go; a piece that came must go
    through `by_turns`."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._finals = 0
        self._glimpses = 0
        self._pieces = 0
        self._at_work = 0  # pieces that are not between two steps
        self._changed = threading.Condition()

    def final_came(self) -> None:
        self._count(finals=1)

    def final_went(self) -> None:
        self._count(finals=-1)

    def glimpse_came(self) -> None:
        self._count(glimpses=1)

    def glimpse_went(self) -> None:
        self._count(glimpses=-1)

    def piece_came(self) -> None:
        self._count(pieces=1)

    def is_free(self, seconds: float) -> bool:
        """Wait until no final is in hand; False if that is not so within `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._finals == 0, max(0.0, seconds))

    def by_turns(self, steps: Iterator[T], binds: Callable[[T], bool]) -> Iterator[T]:
        """The steps of a piece that came, each made when it may be. Raises MadeWay where the rest must be another's,
        which is never so after a step that `binds`."""
        granted_until = 0.0
        bound = False
        try:
            while True:
                patience = 0.0 if time.monotonic() < granted_until else YIELD_S
                if not self._has_turn(patience, bound) and patience:
                    granted_until = time.monotonic() + GRANT_S
                try:
                    step = next(steps, None)
                finally:
                    self._count(at_work=-1)
                if step is None:
                    break
                bound = bound or binds(step)
                yield step
        except MadeWay:
            raise
        except BaseException:
            self._count(pieces=-1)
            raise
        self._count(pieces=-1)

    def _has_turn(self, patience: float, bound: bool) -> bool:
        """Begin a step. Returns whether there was room for it, and not only an end of patience."""
        with self._changed:
            room = self._changed.wait_for(lambda: self._has_room or (self._must_stop and not bound), patience)
            if self._must_stop and not bound:
                self._pieces -= 1
                raise MadeWay
            self._at_work += 1
            return room

    @property
    def _must_stop(self) -> bool:
        return self._pieces > 0 and self._finals + self._pieces > self._slots

    @property
    def _has_room(self) -> bool:
        return self._finals + self._glimpses + self._at_work < self._slots

    def _count(self, finals: int = 0, glimpses: int = 0, pieces: int = 0, at_work: int = 0) -> None:
        with self._changed:
            self._finals += finals
            self._glimpses += glimpses
            self._pieces += pieces
            self._at_work += at_work
            self._changed.notify_all()
