"""PURE. A text that grows and is never taken back, out of captions that mostly grow and a final that may correct them.

What was said to be sure is told as it comes. The final is told from there on: where it differs from what was told, only
what follows that is added. Whoever wants the true text reads the final itself.
"""

from __future__ import annotations

import difflib
import re

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
"""Scripts that put no space between words, for a character class."""

_UNIT = re.compile(rf"\s*[{UNSPACED}]|\s*[^\s{UNSPACED}]+")
"""Words with the space before them; characters in scripts that put no space between words."""


class Growth:
    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""
        """All that was told."""

    def sure(self, committed: str) -> str:
        """What `committed` adds to what was told."""
        return self._tell(committed[len(self.text) :] if committed.startswith(self.text) else "")

    def final(self, text: str) -> str:
        """What is still to be told, so that a reader has the end of it."""
        if text.startswith(self.text):
            return self._tell(text[len(self.text) :])
        told, units = _UNIT.findall(self.text), _UNIT.findall(text)
        return self._tell("".join(units[_reaches(_plain(told), _plain(units)) :]))

    def _tell(self, more: str) -> str:
        self.text += more
        return more


def _plain(units: list[str]) -> list[str]:
    return [re.sub(r"\W", "", unit).casefold() for unit in units]


def _reaches(told: list[str], final: list[str]) -> int:
    """How many units of the final what was told covers."""
    reached = 0
    for kind, a, b, c, d in difflib.SequenceMatcher(None, told, final, autojunk=False).get_opcodes():
        if kind == "replace" and b == len(told):  # what was told ends here, and the final goes on
            reached = min(d, c + b - a)
        elif kind != "insert" or a < len(told):
            reached = d
    return reached
