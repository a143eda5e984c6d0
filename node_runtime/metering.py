"""The engines' process with a clock beside it: what live jobs and warm-ups cost goes to the node's `Tempo`.

Pieces of recordings do not count: they are longer than what people say at once, run by turns, and nobody is let in or
kept out by them. Nor does an attempt in which a stage failed.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Protocol

from node_runtime.frames import Ended, Loaded, Step
from node_runtime.recall import Runner
from node_runtime.tempo import Tempo
from node_runtime.warmup import Rehearser
from wire.audio import BYTES_PER_SAMPLE, SAMPLE_RATE
from wire.env import NodeSettings
from wire.jobs import Job
from wire.messages import JobDone, SpeechEnded, StageFailed, Transcribed, Translated

FIRST_S = 8.0
"""A warm-up's figures count as much as those of so much audio: an utterance's."""


class Engines(Runner, Rehearser, Protocol):
    """Whoever has them. `loaded` is what they are, None before they are there."""

    @property
    def loaded(self) -> Loaded | None: ...


class Metered:
    """Runs what `engines` run."""

    def __init__(self, engines: Engines, settings: NodeSettings, tempo: Tempo) -> None:
        self._engines = engines
        self._settings = settings
        self._tempo = tempo

    async def rehearse(self, job: Job) -> Ended:
        """As the engines."""
        ended = await self._engines.rehearse(job)
        loaded = self._engines.loaded
        for measured, factor in ended.rtf.items():
            stage, _, model = measured.partition("/")
            self._tempo.learn(f"{stage}/{model or self._model(stage, loaded)}", factor * FIRST_S, FIRST_S)
        return ended

    async def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        """As the engines."""
        loaded = self._engines.loaded
        heard, translated, spoken = job.transcript_language or job.source, list[str](), list[str]()
        failed = False
        async with contextlib.aclosing(self._engines.run(job)) as steps:
            async for target, step in steps:
                match step:
                    case Transcribed(language=language):
                        heard = language
                    case Translated(target=into) if into != heard:
                        translated.append(into)
                    case SpeechEnded(target=into):
                        spoken.append(into)
                    case StageFailed():
                        failed = True
                    case JobDone(seconds=seconds) if not (failed or job.recorded):
                        self._learn(job, seconds, translated, [self._voice(into, loaded) for into in spoken], loaded)
                yield target, step

    def _learn(
        self, job: Job, seconds: dict[str, float], translated: list[str], voices: list[str], loaded: Loaded | None
    ) -> None:
        audio = len(job.pcm) / (BYTES_PER_SAMPLE * SAMPLE_RATE) or job.voiced
        if not job.transcript:
            self._tempo.learn(f"asr/{self._model('asr', loaded)}", seconds.get("asr", 0.0), audio)
        if translated:
            spent = seconds.get("translate", 0.0) / len(translated)
            self._tempo.learn(f"translate/{self._model('translate', loaded)}", spent, audio)
        for voice in voices:
            self._tempo.learn(f"speech/{voice}", seconds.get("speech", 0.0) / len(voices), audio)

    def _model(self, stage: str, loaded: Loaded | None) -> str:
        """What does it here, by name. The ear itself translates where there is nothing else that does."""
        there = loaded.models if loaded is not None else []
        ear = self._settings.asr_model if self._settings.asr_model in there else (there or [self._settings.engine])[0]
        names = [name for name in self._settings.nmt_models if name in there] if stage == "translate" else []
        return "+".join(name.rstrip("/").rsplit("/", 1)[-1] for name in names or [ear])

    def _voice(self, language: str, loaded: Loaded | None) -> str:
        return (loaded.voices if loaded is not None else {}).get(language, "other")
