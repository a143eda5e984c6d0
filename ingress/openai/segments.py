"""A transcript cut into lines that can be read as subtitles, as Whisper's segments are. PURE.

Where the times of words are known, a segment begins and ends with its words; else an utterance's time is shared out by
the length of the text. A segment ends with a sentence, before it gets too long to be read, or where nobody speaks for a
while; nothing of the text is lost, and it stays in order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from ingress.openai import languages
from ingress.openai.transcript import Piece
from wire.options import Word

MAX_WIDTH = 84
"""Two lines of a subtitle; a Chinese character is two letters wide."""
MAX_SECONDS = 7.0
PAUSE_S = 1.0
SHORT_WIDTH = 16
"""A sentence that is shorter stays with the next."""

_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।][\"'”’»」』)\]]*$")
_CLAUSE_END = re.compile(r"[,;:，；：、،؛][\"'”’»」』)\]]*$")


class Segment(msgspec.Struct, frozen=True):
    """`space` stands before the text where it follows another's."""

    text: str
    start: float
    end: float
    space: str = " "


class _Token(msgspec.Struct, frozen=True):
    """A word, and what follows it up to the next. Times are seconds of the recording."""

    text: str
    start: float
    end: float


def cut(pieces: list[Piece]) -> list[Segment]:
    return [segment for piece in pieces for segment in _of(piece)]


def _of(piece: Piece) -> Iterator[Segment]:
    line: list[_Token] = []
    for token in _aligned(piece) or _shared_out(piece):
        if line and _is_over(line, token):
            yield from _made(line, piece.language)
            line = []
        while line and _is_full(line, token):
            at = _best_end(line)
            yield from _made(line[:at], piece.language)
            line = line[at:]
        line.append(token)
    yield from _made(line, piece.language)


def _is_over(line: list[_Token], following: _Token) -> bool:
    """Whether a sentence ends here, or nobody speaks for a while."""
    text = _text(line).rstrip()
    ended = _SENTENCE_END.search(text) and width(text) >= SHORT_WIDTH
    return bool(ended) or following.start - line[-1].end >= PAUSE_S


def _is_full(line: list[_Token], following: _Token) -> bool:
    """Whether it would get too long with `following`."""
    text = _text([*line, following]).rstrip()
    return width(text) > MAX_WIDTH or following.end - line[0].start > MAX_SECONDS


def _best_end(line: list[_Token]) -> int:
    """How many of these go together: up to the last comma, if there is enough before it."""
    for count in range(len(line), 0, -1):
        text = _text(line[:count]).rstrip()
        if width(text) < SHORT_WIDTH:
            break
        if _CLAUSE_END.search(text):
            return count
    return len(line)


def _text(line: list[_Token]) -> str:
    return "".join(token.text for token in line)


def _made(line: list[_Token], language: str) -> Iterator[Segment]:
    text = _text(line).strip()
    if text:
        yield Segment(text, round(line[0].start, 2), round(line[-1].end, 2), languages.space(language))


def _aligned(piece: Piece) -> list[_Token]:
    """The text, cut where its words begin. None at all where there are none."""
    found: list[tuple[int, Word]] = []
    at = 0
    for word in piece.words:
        place = piece.text.find(word.text, at)
        if place >= 0:
            found.append((place, word))
            at = place + len(word.text)
    places = [0, *(place for place, _ in found[1:]), len(piece.text)]
    return [
        _Token(piece.text[begin:end], word.start, word.end)
        for (_, word), begin, end in zip(found, places, places[1:], strict=False)
    ]


def _shared_out(piece: Piece) -> list[_Token]:
    spaced = languages.space(piece.language)
    words = re.findall(r"\S+\s*" if spaced else r"\s*\S[^\w\s]*", piece.text)
    total = sum(map(width, words)) or 1
    tokens: list[_Token] = []
    spent = 0
    for word in words:
        start, spent = spent, spent + width(word)
        share = (piece.end - piece.start) / total
        tokens.append(_Token(word, piece.start + start * share, piece.start + spent * share))
    return tokens


def width(text: str) -> int:
    """In letters."""
    return len(text) + sum(unicodedata.east_asian_width(each) in "WF" for each in text)
