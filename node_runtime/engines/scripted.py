"""Engines without models, at a set speed: for tests of load and of faults. Never the default (`engine = "scripted"`).

The transcript follows from the audio alone (its length and loudness), so that a test can tell every stream's text; that
of more than LONG_S has a checksum of the audio too, so that the pieces of a recording all read differently and none can
stand for another. A sketch has as many of its words as could be said by then.
The job's prompt, or a mark in the audio (`marked`), may order a fault: "fail" raises, "crash" ends the process as a
segmentation fault would, "hang" never answers, "slow" takes ten times as long. No real engine knows of this.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import zlib
from collections.abc import Iterator

import numpy as np

from node_runtime import languages
from node_runtime.engines.base import Ask, Engines, Heard, Samples, Sound
from node_runtime.engines.guards import Reason
from wire.audio import SAMPLE_RATE
from wire.errors import EngineError
from wire.messages import AUTO
from wire.options import Word

SPEECH_RATE = 16_000
SECONDS_PER_WORD = 0.2
LONG_S = 16.0
"""No utterance of live speech is as long, unless settings say so."""
ORDERS = ("fail", "crash", "hang", "slow")
MARK = np.array([12345, -12345, 23456, -23456, 31000, -31000, 1, -1], "<i2").tobytes()


class ScriptedEar:
    """`rtf`: seconds of work for each second of audio."""

    translates = True
    identity = "scripted"

    def __init__(self, rtf: float) -> None:
        self.languages = list(languages.everything())
        self.rtf = rtf

    def listen(self, audio: Samples) -> ScriptedHearing:
        return ScriptedHearing(self, audio)


class ScriptedHearing:
    def __init__(self, ear: ScriptedEar, audio: Samples) -> None:
        self._ear = ear
        self._order = ordered(audio)
        self._seconds = len(audio) / SAMPLE_RATE
        self._silent = not len(audio) or float(np.abs(audio).max()) < 0.001
        self._text = transcript_of(audio)

    def prepare(self) -> None:
        pass

    def transcribe(self, ask: Ask) -> Heard | Reason:
        return self._hear(ask, self._text.split())

    def sketch(self, ask: Ask) -> Heard | Reason:
        words = self._text.split()
        return self._hear(ask, words[: max(1, int(self._seconds / SECONDS_PER_WORD))])

    def _hear(self, ask: Ask, words: list[str]) -> Heard | Reason:
        order = self._order or ask.prompt.strip().lower()
        time.sleep(self._seconds * self._ear.rtf * (10 if order == "slow" else 1))
        if order == "fail":
            raise EngineError("told to fail")
        if order == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)  # another thread may get it: this one must not answer meanwhile
        if order in ("crash", "hang"):
            threading.Event().wait()
        if self._silent:
            return "no_speech"
        times = np.linspace(0, self._seconds, len(words) + 1).round(2).tolist()
        timed = [Word(word, start, end) for word, start, end in zip(words, times, times[1:], strict=False)]
        return Heard(" ".join(words), language(ask), 0.9, 0.9, tuple(timed) if ask.timed else ())

    def in_english(self, source: str) -> str:
        time.sleep(self._seconds * self._ear.rtf)
        return translation(self._text, "en")


class ScriptedInterpreter:
    identity = "scripted"

    def __init__(self, ear: ScriptedEar) -> None:
        codes = [code for code in ear.languages if code != "en"]
        self.pairs = {target: [source for source in ear.languages if source != target] for target in codes}

    def translate(self, text: str, source: str, target: str) -> str:
        return translation(text, target)


class ScriptedVoice:
    """A tone, a fifth of a second for each word at a pace of 1."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.name = f"tone-{language}"

    def speak(self, text: str) -> Iterator[Sound]:
        return self.speak_at(1.0, text)

    def speak_at(self, pace: float, text: str) -> Iterator[Sound]:
        for sentence in text.split(". "):
            instants = np.arange(int(len(sentence.split()) * SECONDS_PER_WORD / pace * SPEECH_RATE)) / SPEECH_RATE
            yield Sound(SPEECH_RATE, (8000 * np.sin(2 * np.pi * 440 * instants)).astype("<i2").tobytes())


def marked(order: str) -> bytes:
    """PCM that orders a fault wherever in an utterance it stands: PCM16 at 16 kHz, under a millisecond."""
    return MARK + (1 + ORDERS.index(order)).to_bytes(2, "little")


def ordered(audio: Samples) -> str:
    pcm = np.round(audio * 32768).astype("<i2").tobytes()
    at = pcm.find(MARK)
    number = int.from_bytes(pcm[at + len(MARK) : at + len(MARK) + 2], "little") if at >= 0 else 0
    return ORDERS[number - 1] if 0 < number <= len(ORDERS) else ""


def language(ask: Ask) -> str:
    """French, where nobody says otherwise."""
    if ask.source != AUTO:
        return ask.source
    return ask.between[0] if ask.between and "fr" not in ask.between else "fr"


def transcript_of(audio: Samples) -> str:
    """What is "heard" in it."""
    seconds = len(audio) / SAMPLE_RATE
    if seconds <= LONG_S:
        return transcript(seconds)
    return f"{transcript(seconds)} Its number is {zlib.crc32(audio.tobytes())}."


def transcript(seconds: float) -> str:
    """What is "heard" in so many seconds of sound."""
    return f"I heard {seconds:.1f} seconds of sound."


def translation(text: str, target: str) -> str:
    return f"[{target}] {text}"


def engines(rtf: float) -> Engines:
    ear = ScriptedEar(rtf)
    voices = [ScriptedVoice(code) for code in ear.languages]
    return Engines(ear, [ScriptedInterpreter(ear)], list(voices), "cpu", ["scripted"])
