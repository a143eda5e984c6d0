"""What `dragoman up` prints: lines of several processes, each behind its name, and one status line kept at the bottom.

On a terminal names have colours and the status is written over in place; elsewhere a status is a line of its own,
printed when it changes. A reader that has gone away is no reason to fall over: `gone` is called once, and the rest is
dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TextIO

COLOURS = ("36", "35", "33", "34", "32")
CLEAR_LINE = "\r\x1b[K"


class Terminal:
    def __init__(self, out: TextIO, gone: Callable[[], None] = lambda: None) -> None:
        self._out = out
        self._gone = gone
        self._status = ""
        self._colours: dict[str, str] = {}
        self._next = itertools.cycle(COLOURS)
        self._width = 0
        self.interactive = out.isatty()

    def line(self, name: str, text: str) -> None:
        """One line of the process `name`."""
        self._width = max(self._width, len(name))
        shown = f"{name:<{self._width}} |"
        if self.interactive:
            if name not in self._colours:
                self._colours[name] = next(self._next)
            shown = f"\x1b[{self._colours[name]}m{shown}\x1b[0m"
        self._write(f"{shown} {text}\n")

    def say(self, text: str) -> None:
        """Our own words, without a name in front."""
        self._write(f"{text}\n")

    def status(self, text: str) -> None:
        """What is being waited for; empty when nothing is any more."""
        if text == self._status:
            return
        self._status = text
        self._write("" if self.interactive or not text else f"{text}\n")

    def _write(self, text: str) -> None:
        kept = f"\x1b[2m{self._status}\x1b[0m" if self._status else ""
        try:
            self._out.write(f"{CLEAR_LINE}{text}{kept}" if self.interactive else text)
            self._out.flush()
        except (OSError, ValueError):
            gone, self._gone = self._gone, lambda: None
            gone()
