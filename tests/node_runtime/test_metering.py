from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from node_runtime.frames import Ended, Loaded, Step
from node_runtime.metering import Metered
from node_runtime.tempo import Tempo
from tests.node_runtime.conftest import job
from wire.env import NodeSettings
from wire.jobs import Job
from wire.messages import JobDone, SpeechEnded, StageFailed, Transcribed, Translated

LOADED = Loaded(
    device="cpu",
    models=["base", "m2m", "joe"],
    sources=["fr"],
    targets={"en": ["*"]},
    voices={"en": "joe", "de": "thorsten"},
)
SETTINGS = NodeSettings(asr_model="base", nmt_models=["/models/m2m/", "m2m"], voices=["joe"])
TWO_SECONDS = bytes(64_000)


class Played:
    """Engines that say what they are told to."""

    def __init__(self, *steps: Step, loaded: Loaded | None = LOADED, rtf: dict[str, float] | None = None) -> None:
        self._steps = steps
        self._rtf = rtf or {}
        self.loaded = loaded

    async def run(self, job: Job) -> AsyncGenerator[tuple[str, Step], None]:
        for step in self._steps:
            yield "", step

    async def rehearse(self, job: Job) -> Ended:
        return Ended(run=1, rtf=self._rtf)


ABOUT: dict[str, Any] = {"job": "s.1", "utterance": 1, "attempt": 1, "node": "n1"}
HEARD = Transcribed(**ABOUT, text="bonjour", language="fr")


def translated(*targets: str) -> list[Step]:
    return [Translated(**ABOUT, target=target, text="x") for target in targets]


def spoken(*targets: str) -> list[Step]:
    return [SpeechEnded(**ABOUT, target=target, seconds=1.0, chunks=1) for target in targets]


def done(**seconds: float) -> JobDone:
    return JobDone(**ABOUT, seconds=seconds)


async def measured(*steps: Step, settings: NodeSettings = SETTINGS, **fields: Any) -> dict[str, float]:
    tempo = Tempo()
    metered = Metered(Played(*steps), settings, tempo)
    asked = job("s", 1, fields.pop("pcm", TWO_SECONDS), **fields)
    assert [step async for _, step in metered.run(asked)] == list(steps)
    return tempo.rtf


async def test_each_stage_is_measured_by_the_length_of_the_audio() -> None:
    steps = [HEARD, *translated("fr", "en", "de"), *spoken("en", "de"), done(asr=0.4, translate=0.2, speech=0.6)]
    assert await measured(*steps) == {
        "asr/base": 0.2, "translate/m2m": 0.05, "speech/joe": 0.15, "speech/thorsten": 0.15
    }  # fmt: skip


async def test_what_was_not_asked_for_is_not_measured() -> None:
    assert await measured(HEARD, done(asr=0.4)) == {"asr/base": 0.2}


async def test_a_later_attempt_without_audio_is_measured_by_what_is_known_of_it() -> None:
    steps = [*translated("en"), done(translate=0.1)]
    known: dict[str, Any] = {"transcript": "bonjour", "transcript_language": "fr"}
    assert await measured(*steps, pcm=b"", voiced=1.0, **known) == {"translate/m2m": 0.1}
    assert await measured(*steps, pcm=b"", **known) == {}, "a written text has no length"


@pytest.mark.parametrize("recorded", [True, False])
async def test_recordings_and_failures_do_not_count(recorded: bool) -> None:
    failed = StageFailed(**ABOUT, stage="asr", code="engine_failed", message="", retryable=True)
    steps = [HEARD] if recorded else [failed]
    assert await measured(*steps, done(asr=0.4), recorded=recorded) == {}


async def test_the_ear_translates_where_there_is_nothing_else() -> None:
    settings = NodeSettings(asr_model="base")
    found = await measured(HEARD, *translated("en"), done(asr=0.4, translate=0.2), settings=settings)
    assert found == {"asr/base": 0.2, "translate/base": 0.1}


@pytest.mark.parametrize(
    ("loaded", "named"),
    [(LOADED, "asr/base"), (Loaded(device="", models=["mine"], sources=[], targets={}, voices={}), "asr/mine")],
)
async def test_a_warm_up_gives_the_first_figures(loaded: Loaded, named: str) -> None:
    tempo = Tempo()
    engines = Played(loaded=loaded, rtf={"asr": 0.3, "speech/joe": 0.1})
    await Metered(engines, SETTINGS, tempo).rehearse(job("warmup", 0, b"", warm_up=True))
    assert tempo.rtf == {named: 0.3, "speech/joe": 0.1}


async def test_engines_that_died_meanwhile_have_no_names() -> None:
    tempo = Tempo()
    steps: list[Step] = [HEARD, *spoken("en"), done(asr=0.4, speech=0.2)]
    metered = Metered(Played(*steps, loaded=None), NodeSettings(engine="scripted"), tempo)
    assert [step async for _, step in metered.run(job("s", 1, TWO_SECONDS))] == steps
    assert tempo.rtf == {"asr/scripted": 0.2, "speech/other": 0.1}
