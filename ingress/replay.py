"""What was told of one speaker lately, as it went out, for those who come late or come back. PURE.

Text is kept for as long as it stands in the stream; a voice only for a moment, for those whose connection broke. Who
comes for the first time reads what was said and hears nothing of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ingress.telling import Audience
from wire.rooms import Member

TEXT_S = 600.0
MAX_TEXTS = 2000
MAX_SPEECH_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """`n`: the event's number; of a piece of voice, the number of the last event before it."""

    n: int
    at: float
    audience: Audience
    frame: str | bytes


class Replay:
    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._bytes = 0

    def add(self, n: int, at: float, audience: Audience, frame: str | bytes) -> None:
        self._kept.append(Kept(n, at, audience, frame))
        if audience.speech:
            self._bytes += len(frame)
            if self._bytes > MAX_SPEECH_BYTES:
                self._drop_speech()
        while len(self._kept) > MAX_TEXTS or self._kept[0].at < at - TEXT_S:
            dropped = self._kept.popleft()
            self._bytes -= len(dropped.frame) if dropped.audience.speech else 0

    def _drop_speech(self) -> None:
        """The older half of it."""
        kept: deque[Kept] = deque()
        for each in self._kept:
            if each.audience.speech and self._bytes > MAX_SPEECH_BYTES // 2:
                self._bytes -= len(each.frame)
            else:
                kept.append(each)
        self._kept = kept

    def prune(self, now: float) -> bool:
        """Forget what is old; returns whether anything is left."""
        while self._kept and self._kept[0].at < now - TEXT_S:
            dropped = self._kept.popleft()
            self._bytes -= len(dropped.frame) if dropped.audience.speech else 0
        return bool(self._kept)

    def since(self, have: int | None, member: Member) -> Iterator[str | bytes]:
        """What this member is told who has the events up to number `have`; None: who comes for the first time."""
        for each in self._kept:
            if not each.audience.includes(member):
                continue
            if (have is None and not each.audience.speech) or (have is not None and each.n > have):
                yield each.frame
