"""What was found out about recordings is kept, and asked for before the engines are.

Whoever works on recordings does much of it twice: a recording that is begun again because its ingress died, one that is
wanted in another language too, a node that died with half of the pieces. Two KV buckets hold what came of it, under
SHA-256 hashes of all that it depends on:

    heard/<hash>      the audio, the ear, and everything that the ear was asked (`Ask`)
    rendered/<hash>   the text, both languages, the interpreters, and the glossary's renderings in that language; into
                      English also the audio, for an ear may have put that into English itself

The tenant is in both: that an answer is there at once tells whoever asks that somebody asked before. An engine that
does not say which model it is (`identity`, docs/engines.md) is always asked. Live speech is not looked up: nobody says
the same twice to a sample, and looking costs time.

A job that is partly known goes to the engines with what is known in it, as a later attempt does. What cannot be read or
kept (NATS is away, the bucket is full) costs no more than the work.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import astuple, replace
from typing import Any, Protocol, TypeVar

import msgspec

from node_runtime.engines.ask import ask_of
from node_runtime.frames import Loaded, Step
from wire import subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation, Unavailable
from wire.jobs import Job
from wire.kv import Bucket
from wire.log import get
from wire.messages import AUTO, FoundEmpty, JobDone, Message, Transcribed, Translated
from wire.options import Word
from wire.records import HeardRecord, RenderedRecord

log = get(__name__)

R = TypeVar("R", bound=Message)

KEEP_S = 1.0
"""So long a result waits for its place."""


class Runner(Protocol):
    """Whoever makes something of a job."""

    def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        """The steps of one attempt, each with its target language ("": none); see node_runtime.pipeline."""
        ...


class Engaged(Protocol):
    """Whoever knows which engines there are."""

    @property
    def loaded(self) -> Loaded | None: ...


class Recall:
    """A runner that knows what came of the same work before, and asks `runner` for the rest. `counters` get
    `heard_hits`, `heard_misses`, `rendered_hits` and `rendered_misses`."""

    def __init__(self, bus: Bus, node: str, runner: Runner, engaged: Engaged, counters: Counter[str]) -> None:
        self._heard = Bucket(bus, subjects.HEARD_KV, HeardRecord)
        self._rendered = Bucket(bus, subjects.RENDERED_KV, RenderedRecord)
        self._node = node
        self._runner = runner
        self._engaged = engaged
        self._counters = counters

    async def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        """As the runner's."""
        loaded = self._engaged.loaded
        if not job.recorded or loaded is None:
            async with contextlib.aclosing(self._runner.run(job)) as steps:
                async for each in steps:
                    yield each
            return
        heard = await self._known_words(job, loaded)
        if heard is not None and heard.empty:
            yield "", FoundEmpty(**self._about(job), reason=heard.empty)
            yield "", JobDone(**self._about(job), seconds={})
            return
        if heard is not None:
            yield "", self._transcribed(job, heard)
            job = msgspec.structs.replace(job, transcript=heard.text, transcript_language=heard.language)
        for target, text in (await self._known_renderings(job, loaded)).items():
            yield "", Translated(**self._about(job), target=target, text=text)
            job = msgspec.structs.replace(job, translations={**job.translations, target: text})
        async with contextlib.aclosing(self._runner.run(job)) as steps:
            async for target, step in steps:
                yield target, step
                if isinstance(step, Transcribed):
                    job = msgspec.structs.replace(job, transcript=step.text, transcript_language=step.language)
                await self._keep(job, step, loaded)

    # --- what is known ---

    async def _known_words(self, job: Job, loaded: Loaded) -> HeardRecord | None:
        if job.transcript or not loaded.ear:
            return None
        found = await self._look(self._heard, heard_key(job, loaded.ear))
        self._counters["heard_misses" if found is None else "heard_hits"] += 1
        return found

    async def _known_renderings(self, job: Job, loaded: Loaded) -> dict[str, str]:
        """Those that are still to be made."""
        known: dict[str, str] = {}
        if not job.transcript or not loaded.translation:
            return known
        for target in job.targets:
            if target in job.translations or target == job.transcript_language:
                continue
            found = await self._look(self._rendered, rendered_key(job, target, loaded.translation))
            self._counters["rendered_misses" if found is None else "rendered_hits"] += 1
            if found is not None:
                known[target] = found.text
        return known

    async def _look(self, bucket: Bucket[R], key: str) -> R | None:
        try:
            return await bucket.get(key)
        except (Unavailable, ProtocolViolation) as error:
            log.info("what may be known was not found out", reason=error.code)
            return None

    # --- what is to be known ---

    async def _keep(self, job: Job, step: Step, loaded: Loaded) -> None:
        try:
            match step:
                case Transcribed() if loaded.ear:
                    await self._heard.put(heard_key(job, loaded.ear), _record(job, step), patience=KEEP_S)
                case FoundEmpty(reason=reason) if loaded.ear:
                    await self._heard.put(heard_key(job, loaded.ear), HeardRecord(empty=reason), patience=KEEP_S)
                case Translated(target=target, text=text) if loaded.translation and target != job.transcript_language:
                    key = rendered_key(job, target, loaded.translation)
                    await self._rendered.put(key, RenderedRecord(text=text), patience=KEEP_S)
                case _:
                    pass
        except Unavailable as error:
            log.info("a result was not kept for the next time", job=job.job, reason=error.code)

    # --- words ---

    def _about(self, job: Job) -> dict[str, Any]:
        return {"job": job.job, "utterance": job.utterance, "attempt": job.attempt, "node": self._node}

    def _transcribed(self, job: Job, heard: HeardRecord) -> Transcribed:
        words = [Word(each.text, _at(job.start + each.start), _at(job.start + each.end)) for each in heard.words]
        return Transcribed(
            **self._about(job),
            text=heard.text,
            language=heard.language,
            language_probability=heard.language_probability,
            confidence=heard.confidence,
            words=words,
        )


def _record(job: Job, step: Transcribed) -> HeardRecord:
    return HeardRecord(
        text=step.text,
        language=step.language,
        language_probability=step.language_probability,
        confidence=step.confidence,
        words=[Word(each.text, _since(each.start, job), _since(each.end, job)) for each in step.words],
    )


def _at(seconds: float) -> float:
    return round(seconds, 2)


def _since(seconds: float, job: Job) -> float:
    """From the beginning of its audio; to the millisecond, as the beginning is, so that the way back is exact."""
    return round(seconds - job.start, 3)


def heard_key(job: Job, ear: str) -> str:
    """`ear` is the ear's identity."""
    ask = ask_of(job)
    if ask.source != AUTO:
        ask = replace(ask, expected="")  # nobody looks at it then
    return _hash([job.tenant, ear, *astuple(ask)], job.pcm)


def rendered_key(job: Job, target: str, translation: str) -> str:
    """Of the job's transcript; `translation` is the identity of all that translates."""
    terms = sorted((term, each[target]) for term, each in job.glossary.terms.items() if target in each)
    known = [job.tenant, translation, job.transcript, job.transcript_language, target, terms]
    return _hash(known, job.pcm if target == "en" else b"")


def _hash(asked: list[Any], audio: bytes) -> str:
    digest = hashlib.sha256(msgspec.json.encode(asked))
    digest.update(b"\n" + audio)
    return digest.hexdigest()
