"""What came of a recording so far, on disk: a folder that `packing` makes a zip file of.

asked.json          what was wanted, and in the end how long the recording is
utterances.jsonl    a line for each utterance, finished in writing, in order
unspoken.jsonl      speech that there is not, and why
<target>.jsonl      where in <target>.mp3 each utterance is
<target>.mp3        speech
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ingress.recordings.asking import Asked
from ingress.recordings.gathering import Finished, Unspoken
from ingress.recordings.track import Track

UTTERANCES, UNSPOKEN, ASKED = "utterances.jsonl", "unspoken.jsonl", "asked.json"

T = TypeVar("T")


class Placed(msgspec.Struct, frozen=True):
    """Seconds of the sound file."""

    utterance: int
    start: float
    end: float


class Whole(msgspec.Struct, frozen=True):
    """`targets` and `spoken` are those of the session."""

    asked: Asked
    targets: list[str]
    spoken: list[str]
    duration: float


class Spool:
    """Writing is some microseconds, but for speech: `speak` computes and is called in a thread."""

    def __init__(self, folder: Path, spoken: list[str]) -> None:
        self._folder = folder
        self._utterances = (folder / UTTERANCES).open("ab")
        self._unspoken = (folder / UNSPOKEN).open("ab")
        self._tracks = {target: Track(folder / f"{target}.mp3") for target in spoken}
        self._places = {target: (folder / f"{target}.jsonl").open("ab") for target in spoken}

    def keep(self, found: Finished | Unspoken) -> None:
        file = self._utterances if isinstance(found, Finished) else self._unspoken
        file.write(_line(found))

    def speak(self, utterance: int, target: str, start: float, pcm: bytes, sample_rate: int) -> None:
        begin, end = self._tracks[target].add(start, pcm, sample_rate)
        self._places[target].write(_line(Placed(utterance, begin, end)))

    def finish(self, whole: Whole) -> None:
        """In a thread."""
        for track in self._tracks.values():
            track.finish(whole.duration)
        (self._folder / ASKED).write_bytes(msgspec.json.encode(whole))
        self.close()

    def close(self) -> None:
        for file in (self._utterances, self._unspoken, *self._places.values()):
            file.close()
        for track in self._tracks.values():
            track.abandon()


def read(path: Path, kind: type[T]) -> Iterator[T]:
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line, type=kind)


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
