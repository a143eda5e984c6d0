"""The first run of the engines: every one of them once, cold, and then, warm, with a clock beside it.

What is measured is a node's first real-time factors (`node_runtime.tempo`); jobs soon tell better. It must not make the
start much slower, so of several interpreters or voices only the first is measured; where the ear translates too, the
slower of both counts, for nobody knows yet who will be asked. An ear that computes a whole window whatever is in it
(`window_s`: Whisper) would look slow on the second of silence that warms it: it is asked once more, about sound as long
as what people say at once. On a GPU any ear is asked once more, for the first call sets much up.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from node_runtime.engines.ask import Ask
from node_runtime.engines.base import Engines, Interpreter, Samples, Voice
from node_runtime.pipeline import samples
from wire.audio import SAMPLE_RATE
from wire.jobs import Job

WARM_TEXT = "Good morning."
TEXT = "Good morning, and a very warm welcome to all of you."
TEXT_S = 3.5
"""So long it takes to say that."""
SOUND_S = 8.0


def warm_up(job: Job, engines: Engines) -> dict[str, float]:
    """Run every engine on the audio of a warm-up job. Returns real-time factors: of asr, of translate, and of the voice
    that was tried as "speech/<voice>". Raises whatever the engines raise."""
    found: dict[str, float] = {}
    audio, ear = samples(job.pcm), engines.ear
    hearing = ear.listen(audio)
    found["asr"] = (timed(hearing.prepare) + timed(lambda: hearing.transcribe(Ask()))) / seconds(audio)
    hearing.sketch(Ask())
    window = float(getattr(ear, "window_s", 0.0))
    if window or engines.device == "cuda":
        audio = sound(min(window, SOUND_S)) if window else audio
        again = hearing = ear.listen(audio)
        found["asr"] = timed(lambda: again.transcribe(Ask())) / seconds(audio)
    if ear.translates:
        source = "fr" if "fr" in ear.languages else ear.languages[0]
        found["translate"] = timed(lambda: hearing.in_english(source)) / seconds(audio)
    for interpreter in engines.interpreters:
        _translate(interpreter, WARM_TEXT)
    for voice in engines.voices:
        _speak(voice, WARM_TEXT)
    for interpreter in engines.interpreters[:1]:
        factor = timed(lambda: _translate(interpreter, TEXT)) / TEXT_S  # noqa: B023 - called at once
        found["translate"] = max(factor, found.get("translate", 0.0))
    for voice in engines.voices[:1]:
        found[f"speech/{voice.name}"] = timed(lambda: _speak(voice, TEXT)) / TEXT_S  # noqa: B023 - called at once
    return {stage: round(factor, 4) for stage, factor in found.items()}


def seconds(audio: Samples) -> float:
    return len(audio) / SAMPLE_RATE


def sound(length: float) -> Samples:
    """So many seconds of something like a voice, of which no word can be understood: overtones of a pitch that wanders,
    four syllables a second."""
    at = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.4 * at)) / SAMPLE_RATE
    voice = np.sum([np.sin(n * phase) / n for n in range(1, 20)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * 4 * at), 0, None) * (np.sin(2 * np.pi * 0.3 * at) > -0.8)
    made: Samples = (0.12 * voice * syllables).astype(np.float32)
    return made


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def _translate(interpreter: Interpreter, text: str) -> None:
    target = "en" if "en" in interpreter.pairs else next(iter(interpreter.pairs))
    interpreter.translate(text, interpreter.pairs[target][0], target)


def _speak(voice: Voice, text: str) -> None:
    for _ in voice.speak(text):
        pass
