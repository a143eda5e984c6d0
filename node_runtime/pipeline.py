"""One job through the engines: hear, translate, speak. Nothing here knows NATS, processes or threads.

`run` is a generator of what the node says to the session about this attempt, each as soon as it exists:

    JobProgressed       a stage begins; or goes on, where a piece of a recording may be stopped
    Transcribed | FoundEmpty | StageFailed(asr)
    Translated | StageFailed(translate)          for each target, as they come
    SpeechChunk …, SpeechStarted after the first, SpeechEnded | SpeechUnavailable | StageFailed(speech)
    JobDone             always last

All translations come before any speech: text is read sooner than speech is heard. What was not asked for is not
computed, and what an earlier attempt stored is not computed again. The original is its own translation, but for a
conversation in two languages (`between`), where each goes into the other and nothing else; it is spoken only where it
was written. An engine that raises fails its own stage and target (`retryable`: another attempt may do better), and the
other targets go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import numpy as np

from node_runtime.engines import rate
from node_runtime.engines.ask import Ask, ask_of
from node_runtime.engines.base import Ear, Engines, Heard, Hearing, PacedVoice, Samples
from node_runtime.frames import Step
from node_runtime.interpreting import Said, translations
from wire.errors import DragomanError, LanguageUnsupported
from wire.jobs import Job, SpeechChunk
from wire.messages import (
    AUTO,
    FoundEmpty,
    JobDone,
    JobProgressed,
    Message,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)
from wire.options import Word

CHUNK_BYTES = 32_000
"""PCM in one SpeechChunk: 0.73 s at 22,050 Hz."""

Stage = Literal["asr", "translate", "speech"]

CODES: dict[Stage, str] = {"asr": "engine_failed", "translate": "translation_failed", "speech": "speech_failed"}


class Attempt:
    """One attempt at one job on the node `node`. Iterate `run()` once; `target` is the language of the last step."""

    def __init__(self, job: Job, node: str, engines: Engines) -> None:
        self._job = job
        self._node = node
        self._engines = engines
        self._seconds: dict[str, float] = {}
        self.target = ""

    def run(self) -> Iterator[Step]:
        job = self._job
        hearing = self._engines.ear.listen(samples(job.pcm))
        heard: Heard | None = None
        if job.transcript:
            heard = Heard(job.transcript, job.transcript_language or job.source, 1.0, 1.0)
        else:
            for step in self._hear(hearing):
                yield step
                if isinstance(step, Transcribed):
                    heard = Heard(step.text, step.language, step.language_probability, step.confidence)
        if heard is not None:
            texts: dict[str, str] = {}
            for step in self._translate(hearing, heard):
                yield step
                if isinstance(step, Translated):
                    texts[step.target] = step.text
            texts |= {target: text for target, text in job.translations.items() if target in job.targets}
            yield from self._speak_all(heard, texts)
        yield self._say(JobDone, seconds={stage: round(spent, 3) for stage, spent in self._seconds.items()})

    # --- stages ---

    def _hear(self, hearing: Hearing) -> Iterator[Step]:
        yield self._say(JobProgressed, stage="asr")
        job = self._job
        ask = ask_of(job)
        try:
            check(ask, self._engines.ear)
            if job.recorded:
                with self._timed("asr"):
                    hearing.prepare()
                yield self._say(JobProgressed, stage="asr")
            with self._timed("asr"):
                found = hearing.transcribe(ask)
        except Exception as error:  # noqa: BLE001 - whatever a model raises
            yield self._failed("asr", error, None)
            return
        if isinstance(found, Heard):
            yield self._say(
                Transcribed,
                text=found.text,
                language=found.language,
                language_probability=found.language_probability,
                confidence=found.confidence,
                words=timed(found, job.start),
            )
        else:
            yield self._say(FoundEmpty, reason=found)

    def _translate(self, hearing: Hearing, heard: Heard) -> Iterator[Step]:
        wanted = [target for target in self._job.targets if target not in self._job.translations]
        if heard.language in wanted:
            wanted.remove(heard.language)
            if not self._job.between:
                yield self._say(Translated, target=heard.language, text=heard.text)
        if not wanted:
            return
        yield self._say(JobProgressed, stage="translate")
        said = Said(heard.text, heard.language, hearing if self._job.pcm else None)
        found = translations(self._engines, said, wanted, self._job.glossary)
        while True:
            with self._timed("translate"):
                target, outcome = next(found, ("", ""))
            if not target:
                return
            if isinstance(outcome, Exception):
                yield self._failed("translate", outcome, target)
            else:
                yield self._say(Translated, target=target, text=outcome)

    def _speak_all(self, heard: Heard, texts: Mapping[str, str]) -> Iterator[Step]:
        """In turns: nobody waits until another language has been spoken to its end."""
        speaking = {target: self._speak(heard, target, texts[target]) for target in self._job.speak if target in texts}
        while speaking:
            for self.target, steps in list(speaking.items()):
                step = next(steps, None)
                if step is None:
                    del speaking[self.target]
                else:
                    yield step

    def _speak(self, heard: Heard, target: str, text: str) -> Iterator[Step]:
        voice = self._engines.voice(target)
        if heard.language == target and not written(self._job):
            yield self._say(SpeechUnavailable, target=target, reason="the original is in this language already")
            return
        if voice is None:
            yield self._say(SpeechUnavailable, target=target, reason=f"there is no voice for {target!r} here")
            return
        yield self._say(JobProgressed, stage="speech")
        sequence, length = 0, 0.0
        try:
            pace = self._job.pace or rate.pace(heard.text, self._job.voiced)
            sounds = voice.speak_at(pace, text) if isinstance(voice, PacedVoice) else voice.speak(text)
            while True:
                with self._timed("speech"):
                    sound = next(sounds, None)
                if sound is None:
                    break
                length += len(sound.pcm) / 2 / sound.sample_rate
                for at in range(0, len(sound.pcm), CHUNK_BYTES):
                    yield SpeechChunk(
                        job=self._job.job,
                        attempt=self._job.attempt,
                        sequence=sequence,
                        sample_rate=sound.sample_rate,
                        pcm=sound.pcm[at : at + CHUNK_BYTES],
                    )
                    if sequence == 0:
                        yield self._say(SpeechStarted, target=target, sample_rate=sound.sample_rate)
                    sequence += 1
        except Exception as error:  # noqa: BLE001 - whatever a model raises
            yield self._failed("speech", error, target)
            return
        if sequence:
            yield self._say(SpeechEnded, target=target, seconds=round(length, 3), chunks=sequence)
        else:
            yield self._say(SpeechUnavailable, target=target, reason="nothing in this text can be said aloud")

    # --- words ---

    def _say(self, kind: type[Message], **fields: object) -> Step:
        said = kind(
            job=self._job.job, utterance=self._job.utterance, attempt=self._job.attempt, node=self._node, **fields
        )
        return said  # type: ignore[return-value]

    def _failed(self, stage: Stage, error: Exception, target: str | None) -> Step:
        ours = isinstance(error, DragomanError)
        lacking = isinstance(error, LanguageUnsupported)  # here: another node may have it
        return self._say(
            StageFailed,
            stage=stage,
            code=LanguageUnsupported.code if lacking else CODES[stage],
            message=str(error) if ours else f"{type(error).__name__} in the {stage} engine",
            retryable=lacking or not isinstance(error, DragomanError) or error.retryable,
            target=target,
        )

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        since = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.perf_counter() - since


def samples(pcm: bytes) -> Samples:
    """PCM16 little endian as float32 in [-1, 1]."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0


def written(job: Job) -> bool:
    """Nobody said it, so it is to be spoken in its own language too. What was said is `voiced`, though a later attempt
    at it may bring no audio either."""
    return bool(job.transcript) and not job.pcm and not job.voiced


def check(ask: Ask, ear: Ear) -> None:
    """Raises LanguageUnsupported where this ear does not know what may be said."""
    asked = [*ask.between, *([ask.source] if ask.source != AUTO else [])]
    if unknown := [code for code in asked if code not in ear.languages]:
        raise LanguageUnsupported(f"the ASR model here does not know {unknown[0]!r}")


def timed(heard: Heard, start: float) -> list[Word]:
    """Its words in seconds of the session's audio; `start` is where the utterance's begins."""
    return [Word(word.text, round(start + word.start, 2), round(start + word.end, 2)) for word in heard.words]
