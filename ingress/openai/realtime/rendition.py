"""PURE. What a translating session tells, as two texts that grow for ever: what was said, and what it is in the other
language. Nothing is taken back, and an utterance has its place behind those before it, whenever it becomes known.

What is sure of the utterance that is next is told while it is spoken; one that comes after it waits until that one is
settled. Both texts are one line: the space before an utterance's first word is part of what is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ingress.openai.realtime.growth import UNSPACED, Growth
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)

MAX_WAITING = 50
"""Finals that wait for one before them. Where even more do, that one has been lost."""


class Thread:
    """One text. Each way of saying something of an utterance gives what is to be told now."""

    def __init__(self) -> None:
        self._settled = 0  # all utterances up to this one
        self._finals: dict[int, str | None] = {}  # that wait for one before them; None: there is nothing to tell
        self._growth = Growth()
        self._empty = True

    def sure(self, utterance: int, committed: str) -> str:
        """Of an utterance whose turn has not come, nothing: its final says it again."""
        return self._spaced(self._growth.sure, committed) if utterance == self._settled + 1 else ""

    def final(self, utterance: int, text: str | None) -> str:
        if utterance <= self._settled:
            return ""
        self._finals[utterance] = text
        told = ""
        while self._finals:
            number = self._settled + 1
            if number not in self._finals and len(self._finals) <= MAX_WAITING:
                break
            number = min(self._finals)
            final = self._finals.pop(number)
            if number != self._settled + 1:
                self._growth = Growth()
            told += self._spaced(self._growth.final, final) if final is not None else ""
            self._settled, self._growth = number, Growth()
        return told

    def _spaced(self, grow: Callable[[str], str], text: str) -> str:
        begins = not self._growth.text and not self._empty
        more = grow(text)
        if not more:
            return ""
        self._empty = False
        return f" {more}" if begins and not re.match(rf"[\s{UNSPACED}]", more) else more


class Rendition:
    """`said` and `rendered` give what an event adds to each of the two texts."""

    def __init__(self) -> None:
        self._said, self._rendered = Thread(), Thread()

    def said(self, event: ClientEvent) -> str:
        match event:
            case TranscriptPartial(utterance=number, committed=text):
                return self._said.sure(number, text)
            case TranscriptFinal(utterance=number, text=text):
                return self._said.final(number, text)
            case UtteranceEmpty(utterance=number) | ErrorTold(utterance=int(number), target=None):
                return self._said.final(number, None)
            case _:
                return ""

    def rendered(self, event: ClientEvent) -> str:
        match event:
            case TranslationPartial(utterance=number, committed=text):
                return self._rendered.sure(number, text)
            case TranslationFinal(utterance=number, text=text):
                return self._rendered.final(number, text)
            case UtteranceEmpty(utterance=number) | ErrorTold(utterance=int(number)):
                return self._rendered.final(number, None)
            case _:
                return ""
