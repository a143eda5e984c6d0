"""How fast this node is: real-time factors, measured on the jobs that it does. PURE.

A factor is seconds of engine time for a second of an utterance's audio, by "<stage>/<model>"; of translate and speech
for one target. Both sums, of engine time and of audio, count less the more audio came after (MEMORY_S): so long and
short utterances weigh as they cost, and the last minute or so of audio says how fast the node is now, with all its
slots at work or few. A warm-up gives the first figure.
"""

from __future__ import annotations

import math

MEMORY_S = 60.0


class Tempo:
    """Of one node."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}  # key -> engine time, audio

    def learn(self, key: str, spent: float, audio: float) -> None:
        """So many seconds of engine time for so many of audio."""
        if audio <= 0:
            return
        left = math.exp(-audio / MEMORY_S)
        before, heard = self._sums.get(key, (0.0, 0.0))
        self._sums[key] = before * left + spent, heard * left + audio

    @property
    def rtf(self) -> dict[str, float]:
        return {key: round(spent / audio, 4) for key, (spent, audio) in sorted(self._sums.items())}
