"""Text into sentences, for models that were trained on single ones."""

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

MAX_CHARACTERS = 400
"""A sentence longer than this is cut at its commas, if it has any: models lose the thread, and repeat themselves."""


def split(text: str) -> list[str]:
    """The sentences of `text`, stripped, none empty. An abbreviation or an initial does not end one."""
    found: list[str] = []
    start = 0
    for match in _ENDS.finditer(text):
        if _ABBREVIATED.search(text[start : match.start()]):
            continue
        quotes = match.group().rstrip()
        found.append(text[start : match.start()] + quotes)
        start = match.end()
    found.append(text[start:])
    return [part for sentence in found for part in _shortened(sentence.strip()) if part]


def _shortened(sentence: str) -> list[str]:
    if len(sentence) <= MAX_CHARACTERS:
        return [sentence]
    parts = [""]
    for piece in re.split(r"(?<=[,;:，；、])\s*", sentence):
        if parts[-1] and len(parts[-1]) + len(piece) > MAX_CHARACTERS:
            parts.append("")
        parts[-1] += (" " if parts[-1] and parts[-1][-1].isascii() else "") + piece
    return parts


UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km", "bo"})
"""Languages written without spaces between sentences (or words)."""


def join(sentences: list[str], language: str) -> str:
    return ("" if language in UNSPACED else " ").join(each for each in sentences if each)
