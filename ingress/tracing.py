"""What an ingress adds to the trace of an utterance: when its audio came, and when its client was told what.

    ingress.listen     while the audio of its voice came
    ingress.deliver    the moment at which an event was handed to the client's connection
    ingress.speech     from the beginning of a target's speech to its last frame

Which audio becomes an utterance is decided elsewhere and later: a connection remembers for two minutes when which of
its audio came, to a quarter of a second, while traces are recorded. One that came back does not know what came before.
"""

from __future__ import annotations

import bisect
import time
from collections import deque

from ingress.delivery import Outgoing, SpeechFrame
from wire import spans
from wire.audio import SAMPLE_RATE
from wire.protocol import SpeechBegan, SpeechFinished, TranscriptFinal, UtteranceEmpty

STEP_S = 0.25
REMEMBERED = 480


class Arrivals:
    """When audio came. Positions are seconds of the session's audio; times are seconds since the epoch."""

    def __init__(self) -> None:
        self._samples = 0
        self._first = 0.0
        self._marks: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def begin(self, samples: int) -> None:
        """So many (at 16 kHz) came before, nobody knows when."""
        self._samples, self._first = samples, samples / SAMPLE_RATE
        self._marks.clear()

    def came(self, samples: int, now: float) -> None:
        self._samples += samples
        if not self._marks or self._samples / SAMPLE_RATE - self._marks[-1][0] >= STEP_S:
            self._marks.append((self._samples / SAMPLE_RATE, now))

    def when(self, position: float) -> float | None:
        """None: it is not known, or not any more."""
        forgotten = self._marks[0][0] if len(self._marks) == REMEMBERED else self._first
        if position < forgotten or not self._marks:
            return None
        found = bisect.bisect_left(self._marks, (position, 0.0))
        return self._marks[min(found, len(self._marks) - 1)][1]


class Told:
    """What one session's client hears."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._began: dict[tuple[int, str], float] = {}
        self.arrivals = Arrivals()

    def handed(self, piece: Outgoing) -> None:
        """It is on its way to the client."""
        number = getattr(piece, "utterance", None)
        if isinstance(piece, SpeechFrame) or piece.n == 0 or not number:
            return
        now = time.time()
        about: dict[str, str | int] = {"event": str(piece.__struct_config__.tag), "n": piece.n}
        if target := getattr(piece, "target", None):
            about["target"] = target
        spans.record("ingress.deliver", self._session, number, now, now, about=about)
        match piece:
            case TranscriptFinal(start=start, end=end) | UtteranceEmpty(start=start, end=end):
                since, until = self.arrivals.when(start), self.arrivals.when(end)
                length = {"audio_s": round(end - start, 3)}
                if since is not None and until is not None and start < end:
                    spans.record("ingress.listen", self._session, number, since, until, about=length)
            case SpeechBegan(target=into):
                self._began[number, into] = now
            case SpeechFinished(target=into, seconds=seconds, chunks=chunks):
                spans.record(
                    "ingress.speech", self._session, number, self._began.pop((number, into), now), now,
                    about={"target": into, "seconds": seconds, "chunks": chunks},
                )  # fmt: skip
            case _:
                pass
