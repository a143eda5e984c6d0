"""What the pipeline asks of engines, whatever model is behind them.

Audio into an engine is float32 mono at 16 kHz in [-1, 1], shape (samples,). Every engine is called from several threads
at once: one for each slot, and those of live captions. An engine that fails raises; `wire.errors.EngineError` where it
can say something useful.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from node_runtime.engines.ask import Ask as Ask
from node_runtime.engines.guards import Reason
from wire.options import Word

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """`confidence` is the mean token probability; `language_probability` 1.0 where the language was given. Times of
    `words` are seconds of the utterance's audio."""

    text: str
    language: str
    language_probability: float
    confidence: float
    words: tuple[Word, ...] = ()


class Hearing(Protocol):
    """One utterance in an ear: what is computed of its audio is kept for the next question about it."""

    def prepare(self) -> None:
        """Compute what every question needs, if that is much: what is more urgent may come between."""
        ...

    def transcribe(self, ask: Ask) -> Heard | Reason:
        """What was said, in its own language, or why that is nothing."""
        ...

    def sketch(self, ask: Ask) -> Heard | Reason:
        """The same, quickly: the utterance is still running, and the next sketch comes soon."""
        ...

    def in_english(self, source: str) -> str:
        """What was said, in English; "" if the model finds nothing. Only asked of ears that `translate`."""
        ...


class Ear(Protocol):
    """Speech recognition. One that computes a whole window whatever is in it says how long that is, in seconds, by
    `window_s` (node_runtime.rehearsal)."""

    languages: list[str]
    translates: bool
    """It puts any of its languages into English."""

    def listen(self, audio: Samples) -> Hearing: ...


class Interpreter(Protocol):
    """Text to text."""

    pairs: dict[str, list[str]]
    """Target language to the sources it can be translated from."""

    def translate(self, text: str, source: str, target: str) -> str: ...


class Wanted(NamedTuple):
    """A text and the language it is wanted in."""

    text: str
    target: str


@runtime_checkable
class Polyglot(Interpreter, Protocol):
    """An interpreter that is quicker asked once for many than many times for one: that is how it is asked then."""

    def translate_many(self, wanted: Sequence[Wanted], source: str) -> list[str]:
        """One translation for each of `wanted`, in that order. What it raises, it raises for all."""
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM16 little endian mono at `sample_rate` Hz."""

    sample_rate: int
    pcm: bytes


class Voice(Protocol):
    """Text to speech in one language."""

    name: str
    language: str

    def speak(self, text: str) -> Iterator[Sound]:
        """A sound for each sentence, as soon as it is made. None at all where nothing in `text` can be said."""
        ...


@runtime_checkable
class PacedVoice(Voice, Protocol):
    """A voice that can speak faster and slower: then it is asked in this way."""

    def speak_at(self, pace: float, text: str) -> Iterator[Sound]:
        """As `speak`; `pace` 1.0 is the voice's own, 1.25 a quarter faster (node_runtime.engines.rate)."""
        ...


@dataclass(frozen=True)
class Engines:
    """All that one node has. The first interpreter or voice that can do it, does it."""

    ear: Ear
    interpreters: list[Interpreter]
    voices: list[Voice]
    device: str
    models: list[str]
    tags: list[str] = field(default_factory=list)

    def interpreter(self, source: str, target: str) -> Interpreter | None:
        return next((each for each in self.interpreters if source in each.pairs.get(target, ())), None)

    def targets(self) -> dict[str, list[str]]:
        """Target language to the sources that it can be translated from; "*" is any."""
        pairs: dict[str, set[str]] = {"en": {"*"}} if self.ear.translates else {}
        for each in self.interpreters:
            for target, sources in each.pairs.items():
                pairs.setdefault(target, set()).update(set(sources) & set(self.ear.languages))
        return {target: ["*"] if "*" in sources else sorted(sources) for target, sources in pairs.items() if sources}

    @property
    def ear_identity(self) -> str:
        """Which ear this is; "" where it does not say (node_runtime.recall)."""
        return str(getattr(self.ear, "identity", ""))

    @property
    def translation_identity(self) -> str:
        """The same of all that translates, in the order in which it is asked."""
        asked = [*self.interpreters, *([self.ear] if self.ear.translates else [])]
        each = [str(getattr(one, "identity", "")) for one in asked]
        return " ".join(each) if all(each) else ""

    def voice(self, language: str) -> Voice | None:
        return next((each for each in self.voices if each.language == language), None)


# --- engines of your own: docs/engines.md ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Surroundings:
    """What a custom engine is told of its node. `device` is "cpu" or "cuda"; `threads` are for each of the `slots`."""

    device: str
    threads: int
    slots: int
    cache: Path


@dataclass(frozen=True)
class Extension:
    """What a custom engine brings. An `ear` replaces the packaged one, which is then not loaded at all; interpreters
    and voices are asked before the packaged ones. `tags` are the capabilities that come with it, for jobs that ask for
    them; `models` is what operators read in the node's record."""

    ear: Ear | None = None
    interpreters: Sequence[Interpreter] = ()
    voices: Sequence[Voice] = ()
    tags: Sequence[str] = ()
    models: Sequence[str] = ()
