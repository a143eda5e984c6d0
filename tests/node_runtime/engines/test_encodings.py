from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from node_runtime.engines.base import Samples
from node_runtime.engines.encodings import Encoding, Recent, Window


def audio(number: int) -> Samples:
    return np.full(10, number, np.float32)


class Model:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def encode(self, audio: Samples) -> list[Window]:
        self.calls.append("encode")
        return [Window(0.0, 1.0, "encoded")]

    def detect(self, window: Window) -> Mapping[str, float]:
        self.calls.append(f"detect {window.encoded}")
        return {"en": 1.0}

    def encoding(self, number: int = 0) -> Encoding:
        return Encoding(audio(number), self.encode, self.detect)


def test_it_is_computed_once_whoever_asks() -> None:
    model = Model()
    encoding = model.encoding()
    threads = [threading.Thread(target=encoding.languages) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert encoding.windows()[0].encoded == "encoded"
    assert model.calls == ["encode", "detect encoded"]


def test_the_last_few_are_found_by_their_audio() -> None:
    model, recent = Model(), Recent(2)
    first, second = model.encoding(1), model.encoding(2)
    assert recent.find(audio(1)) is None
    assert recent.keep(audio(1), first) is first
    assert recent.keep(audio(2), second) is second
    assert recent.keep(audio(1), model.encoding(1)) is first
    recent.keep(audio(3), model.encoding(3))
    assert recent.find(audio(1)) is first
    assert recent.find(audio(2)) is None  # the one least lately kept
