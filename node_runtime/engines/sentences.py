"""Text into sentences, for models that were trained on single ones, and into pieces that are soon spoken. PURE."""

from __future__ import annotations

import re

from node_runtime.engines.rate import usual_seconds

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


# --- pieces to speak ------------------------------------------------------------------------------------------------

_CLAUSE = re.compile(r"(?<=[,;:،؛])[\"'»”’)\]]*\s+|\s+(?=[–—]\s)|(?<=[，；：、])")

LONG_S = 3.0
"""A voice needs a tenth of this to make it, on a slow machine a third; the listener waits for the first piece."""
SHORT_S = 0.7
"""Less than this is over before the rest is there, and sounds cut off."""
ENDLESS_S = 8.0
"""A beginning without a comma is cut between two words after so long."""


def pieces(text: str) -> list[str]:
    """`text` as it is spoken, piece by piece: its sentences, but a long first one has its beginning by itself, up to a
    comma, so that something can be heard soon. A cut between words would be heard too: it is made only where a
    sentence goes on and on."""
    found = split(text)
    return [*_begun(found[0]), *found[1:]] if found else []


def _begun(sentence: str) -> list[str]:
    """A sentence, or its beginning and its rest."""
    if _seconds(sentence) <= LONG_S:
        return [sentence]
    for match in _CLAUSE.finditer(sentence):
        head = sentence[: match.end()].rstrip()
        if SHORT_S <= _seconds(head) <= ENDLESS_S:
            return [head, sentence[match.end() :]] if sentence[match.end() :] else [sentence]
    spaces = [match.start() for match in re.finditer(" ", sentence) if _seconds(sentence[: match.start()]) <= ENDLESS_S]
    if _seconds(sentence) > ENDLESS_S and spaces:
        return [sentence[: spaces[-1]], sentence[spaces[-1] + 1 :]]
    return [sentence]


def _seconds(text: str) -> float:
    """Scripts whose speed is not known are taken for slow alphabets."""
    found = usual_seconds(text)
    return len(text) / 10 if found is None else found
