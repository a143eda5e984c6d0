"""Utterance groups: what was said just before, as context for what is said now. PURE.

Consecutive utterances form a group until a gap (after the last utterance, or after playback of speech, which a speaker
listens to before going on), a change of language, or a limit. Only confident text is offered as context: a wrong
prompt makes the next transcript wrong too. Limits count characters, never bytes.
"""

from __future__ import annotations

import msgspec

MAX_PARTS = 8
MAX_CHARACTERS = 800
MIN_CONFIDENCE = 0.7


class Part(msgspec.Struct, frozen=True):
    utterance: int
    text: str


class Group(msgspec.Struct):
    """`until` is the stream time (seconds) at which the last utterance or playback ended, `first` the utterance that
    the group began with."""

    first: int = 1
    language: str = ""
    until: float = 0.0
    parts: list[Part] = []

    def begin(self, utterance: int, at: float, language: str, gap: float) -> str:
        """`utterance` began at stream time `at`: returns the text that goes before it, "" for a new group."""
        full = len(self.parts) >= MAX_PARTS or sum(len(part.text) for part in self.parts) >= MAX_CHARACTERS
        if full or at > self.until + gap or language != self.language:
            self.first, self.language, self.parts = utterance, language, []
        return " ".join(part.text for part in self.parts)[-MAX_CHARACTERS:]

    def busy(self, until: float) -> None:
        """Somebody speaks, or speech is played, until then."""
        self.until = max(self.until, until)

    def add(self, utterance: int, text: str, confidence: float) -> None:
        if text and confidence >= MIN_CONFIDENCE and utterance >= self.first:
            self.parts = sorted([*self.parts, Part(utterance, text)], key=lambda part: part.utterance)
