"""Text into sentences, for models that were trained on single ones, and into pieces that are soon spoken. PURE."""

from __future__ import annotations

import re

from node_runtime.engines.rate import usual_seconds
from wire.sentences import UNSPACED, join, spans

__all__ = ["MAX_CHARACTERS", "UNSPACED", "join", "pieces", "split"]

MAX_CHARACTERS = 400
"""A sentence longer than this is cut at its commas, if it has any: models lose the thread, and repeat themselves."""


def split(text: str) -> list[str]:
    """The sentences of `text`, stripped, none empty. An abbreviation or an initial does not end one."""
    return [part for begin, end in spans(text) for part in _shortened(text[begin:end])]


def _shortened(sentence: str) -> list[str]:
    if len(sentence) <= MAX_CHARACTERS:
        return [sentence]
    parts = [""]
    for piece in re.split(r"(?<=[,;:，；、])\s*", sentence):
        if parts[-1] and len(parts[-1]) + len(piece) > MAX_CHARACTERS:
            parts.append("")
        parts[-1] += (" " if parts[-1] and parts[-1][-1].isascii() else "") + piece
    return parts


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
