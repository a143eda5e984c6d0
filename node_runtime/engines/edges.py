"""Where words begin and end in the sound, corrected by how loud it is.

Whisper's alignment leaves no gaps: the silence of a pause belongs to the word after it or before it, and that before
the first word and after the last to those. Where sentences of a recording began, words were 0.2 s early (median; at
most 1.5 s), and where they ended 0.5 s late (at most 1.9 s). So what is silent at either edge of a word is taken from
it, but for a breath: then both were off by 0.05 s, and by 0.34 s at most. A word with a pause inside is where there is
more of it. What is silent is told from the audio itself: hardly over its quietest parts, or QUIET_DB under its loudest;
in audio whose loudest and quietest are not CLEAR_DB apart nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from node_runtime.engines.base import Samples
from wire.audio import SAMPLE_RATE
from wire.options import Word

FRAME_S = 0.02
QUIET_DB, NEAR_DB, CLEAR_DB = 30.0, 6.0, 15.0
BREATH_S = 0.05
LEAST_S = 0.04
"""No word is made shorter than this."""
PAUSE_S = 0.5
"""Nobody is silent for so long within a word."""


def trimmed(words: Sequence[Word], audio: Samples) -> tuple[Word, ...]:
    """`words` without the silence at their edges; times are seconds of `audio`."""
    loud = _loud(audio)
    found: list[Word] = []
    for word in words:
        first, last = int(word.start / FRAME_S), int(np.ceil(word.end / FRAME_S))
        heard = np.flatnonzero(loud[first:last])
        apart = np.flatnonzero(np.diff(heard) > PAUSE_S / FRAME_S) + 1
        sounding = max(np.split(heard, apart), key=len)
        if not len(sounding):
            found.append(word)
            continue
        start = max(word.start, (first + int(sounding[0])) * FRAME_S - BREATH_S)
        end = min(word.end, (first + int(sounding[-1]) + 1) * FRAME_S + BREATH_S)
        sound = end - start >= LEAST_S
        found.append(Word(word.text, round(start, 2), round(end, 2)) if sound else word)
    return tuple(found)


def _loud(audio: Samples) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each frame whether it is more than silence."""
    size = int(FRAME_S * SAMPLE_RATE)
    whole = np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)
    level = 10 * np.log10(np.mean(np.square(whole, dtype=np.float64), axis=1) + 1e-10)
    if not len(level):
        return np.zeros(0, np.bool_)
    quietest, loudest = np.percentile(level, [10, 95])
    clear = loudest - quietest >= CLEAR_DB
    loud: np.ndarray[tuple[int], np.dtype[np.bool_]] = level > max(quietest + NEAR_DB, loudest - QUIET_DB)
    return loud if clear else np.ones_like(loud)
