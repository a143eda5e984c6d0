"""Encodings of the last few utterances, by their audio: what has been encoded once is not encoded again.

The encoding is more than half of Whisper's time. A final whose audio was heard as a whole while its speaker was thought
to have ended, or a job whose transcript is known and that needs only the English of it, finds it here.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from node_runtime.engines.base import Samples


class Window(NamedTuple):
    """A part of an utterance that the model takes at once: where it begins, how long it is, and its encoding."""

    start: float
    seconds: float
    encoded: Any


class Encoding:
    """Of one utterance, computed when it is first asked for; once, whoever asks."""

    def __init__(
        self,
        audio: Samples,
        encode: Callable[[Samples], list[Window]],
        detect: Callable[[Window], Mapping[str, float]],
    ) -> None:
        self._audio = audio
        self._encode = encode
        self._detect = detect
        self._windows: list[Window] = []
        self._languages: Mapping[str, float] = {}
        self._computing = threading.Lock()

    def windows(self) -> list[Window]:
        with self._computing:
            if not self._windows:
                self._windows = self._encode(self._audio)
            return self._windows

    def languages(self) -> Mapping[str, float]:
        """The probability of each."""
        first = self.windows()[0]
        with self._computing:
            if not self._languages:
                self._languages = self._detect(first)
            return self._languages


class Recent:
    """At most `count` encodings: each of 30 s of audio is 3 MB with `base`, under 8 with `large`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: OrderedDict[bytes, Encoding] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, audio: Samples) -> Encoding | None:
        with self._lock:
            return self._kept.get(_key(audio))

    def keep(self, audio: Samples, encoding: Encoding) -> Encoding:
        """The one for this audio: `encoding`, unless there is another. The one least lately kept goes."""
        key = _key(audio)
        with self._lock:
            encoding = self._kept.setdefault(key, encoding)
            self._kept.move_to_end(key)
            while len(self._kept) > self._count:
                self._kept.popitem(last=False)
            return encoding


def _key(audio: Samples) -> bytes:
    return hashlib.blake2b(audio.tobytes(), digest_size=16).digest()
