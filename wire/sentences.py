"""Where sentences end, in any script. PURE."""

from __future__ import annotations

import re

_ENDS = re.compile(
    r"""
    (?<=[.!?…])["'»”’)\]]*\s+(?=[^\s\d.!?…])  # Latin, Cyrillic, Greek, …: an end, maybe a closing quote, a space
    | (?<=[。！？])[」』”’）]*(?![」』”’）。！？])    # Chinese and Japanese need no space
    | (?<=[।॥؟۔])\s*                            # Devanagari's danda, Arabic question mark, Urdu full stop
    """,
    re.VERBOSE,
)
_ABBREVIATED = re.compile(
    r"\b(?:[A-ZÀ-Ý]|Mr|Mrs|Ms|Dr|Prof|St|Mme|Mlle|Sr|Sra|Hr|Fr|Nr|No|vs|etc|e\.g|i\.e|z\.B|bzw)\.$"
)

UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km", "bo"})
"""Languages written without spaces between sentences (or words)."""


def spans(text: str) -> list[tuple[int, int]]:
    """Each sentence of `text` as (begin, end), without the white space around it; none is empty. An abbreviation or an
    initial does not end one."""
    found: list[tuple[int, int]] = []
    begin = 0
    for match in _ENDS.finditer(text):
        if not _ABBREVIATED.search(text[begin : match.start()]):
            found.append((begin, match.end()))
            begin = match.end()
    found.append((begin, len(text)))
    return [place for begin, end in found if (place := _stripped(text, begin, end))[0] < place[1]]


def _stripped(text: str, begin: int, end: int) -> tuple[int, int]:
    part = text[begin:end]
    return begin + len(part) - len(part.lstrip()), begin + len(part.rstrip())


def join(sentences: list[str], language: str) -> str:
    """With the spaces of the language between them."""
    return ("" if language in UNSPACED else " ").join(each for each in sentences if each)
