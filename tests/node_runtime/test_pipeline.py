from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from node_runtime.engines.base import Ask, Engines, Heard, Samples, Sound
from node_runtime.engines.guards import Reason
from node_runtime.frames import Step
from node_runtime.pipeline import CHUNK_BYTES, Attempt
from tests.node_runtime import sounds
from tests.node_runtime.conftest import job
from wire.jobs import SpeechChunk
from wire.messages import (
    FoundEmpty,
    JobDone,
    JobProgressed,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Transcribed,
    Translated,
)
from wire.options import Glossary, Word

PCM = sounds.pcm(sounds.white(1.0))
BONJOUR = Heard("bonjour", "fr", 0.9, 0.8)
GIVEN: dict[str, Any] = {"transcript": "bonjour", "transcript_language": "fr"}


class Counting:
    """Engines that write down what they are asked for. Ear: French to English; interpreter: French to German."""

    def __init__(self, said: Heard | Reason | Exception = BONJOUR) -> None:
        self.said = said
        self.calls: list[str] = []
        self.asked: list[Ask] = []
        self.english = "hello"
        self.german: str | Exception = "hallo"
        self.sounds: list[Sound | Exception] = [Sound(22_050, bytes(70_000)), Sound(22_050, bytes(10_000))]
        self.languages = ["fr", "en"]
        self.translates = True
        self.pairs = {"de": ["fr", "en"]}
        self.name, self.language = "voice", "en"

    def engines(self) -> Engines:
        return Engines(self, [self], [self], "cpu", ["counting"])

    def listen(self, audio: Samples) -> Counting:
        return self

    def prepare(self) -> None:
        self.calls.append("prepare")

    def transcribe(self, ask: Ask) -> Heard | Reason:
        self.calls.append(f"asr {ask.source}")
        self.asked.append(ask)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def sketch(self, ask: Ask) -> Heard | Reason:
        self.calls.append(f"sketch {ask.source}")
        self.asked.append(ask)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def in_english(self, source: str) -> str:
        self.calls.append(f"english {source}")
        return self.english

    def translate(self, text: str, source: str, target: str) -> str:
        self.calls.append(f"translate {source} {target}")
        if isinstance(self.german, Exception):
            raise self.german
        return self.german

    def speak(self, text: str) -> Iterator[Sound]:
        self.calls.append(f"speak {text}")
        for sound in self.sounds:
            if isinstance(sound, Exception):
                raise sound
            yield sound


def run(engines: Counting, **fields: Any) -> list[Step]:
    return [
        step
        for step in Attempt(job("s", 1, PCM, **fields), "n1", engines.engines()).run()
        if not isinstance(step, JobProgressed)
    ]


def kinds(steps: Sequence[Step]) -> list[str]:
    return [type(step).__name__ for step in steps]


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ({}, ["asr auto"]),
        ({"targets": ["en"]}, ["asr auto", "english fr"]),
        ({"targets": ["de"]}, ["asr auto", "translate fr de"]),
        ({"targets": ["en", "de"]}, ["asr auto", "english fr", "translate fr de"]),
        ({"targets": ["en"], "speak": ["en"]}, ["asr auto", "english fr", "speak hello"]),
        ({"targets": ["de"], "speak": ["de"]}, ["asr auto", "translate fr de"]),
        ({"targets": ["fr"], "speak": ["fr"]}, ["asr auto"]),
        ({**GIVEN, "targets": ["en"]}, ["english fr"]),
        ({**GIVEN, "targets": ["de"]}, ["translate fr de"]),
        ({**GIVEN, "targets": ["en"], "speak": ["en"], "translations": {"en": "y"}}, ["speak y"]),
        ({**GIVEN, "targets": ["en"], "translations": {"en": "y"}}, []),
    ],
)  # fmt: skip
def test_what_nobody_asked_for_is_not_computed(fields: dict[str, Any], calls: list[str]) -> None:
    engines = Counting()
    steps = run(engines, **fields)
    assert engines.calls == calls
    assert isinstance(steps[-1], JobDone)


def test_a_piece_of_a_recording_may_be_stopped_between_encoding_and_decoding() -> None:
    engines = Counting()
    steps = Attempt(job("s", 1, PCM, recorded=True), "n1", engines.engines()).run()
    assert isinstance(next(steps), JobProgressed)
    assert engines.calls == []
    assert isinstance(next(steps), JobProgressed)
    assert engines.calls == ["prepare"]
    assert isinstance(next(steps), Transcribed)
    assert engines.calls == ["prepare", "asr auto"]


def test_text_comes_before_speech_and_chunks_before_their_announcement() -> None:
    steps = run(Counting(), targets=["en", "de"], speak=["en", "de"])
    assert kinds(steps) == [
        "Transcribed", "Translated", "Translated", "SpeechUnavailable", "SpeechChunk", "SpeechStarted", "SpeechChunk",
        "SpeechChunk", "SpeechChunk", "SpeechEnded", "JobDone",
    ]  # fmt: skip
    chunks = [step for step in steps if isinstance(step, SpeechChunk)]
    assert [chunk.sequence for chunk in chunks] == [0, 1, 2, 3]
    assert sum(len(chunk.pcm) for chunk in chunks) == 80_000
    assert max(len(chunk.pcm) for chunk in chunks) <= CHUNK_BYTES
    ended = next(step for step in steps if isinstance(step, SpeechEnded))
    assert (ended.chunks, ended.seconds) == (4, round(80_000 / 2 / 22_050, 3))
    done = steps[-1]
    assert isinstance(done, JobDone)
    assert set(done.seconds) == {"asr", "translate", "speech"}


class Both(Counting):
    """It also speaks German, at any pace."""

    def engines(self) -> Engines:
        german = Counting()
        german.language = "de"
        self.paces: list[float] = []
        return Engines(self, [self], [self, german], "cpu", ["both"])

    def speak_at(self, pace: float, text: str) -> Iterator[Sound]:
        self.paces.append(pace)
        return self.speak(text)


def test_languages_are_spoken_in_turns() -> None:
    engines = Both()
    attempt = Attempt(job("s", 1, PCM, targets=["en", "de"], speak=["en", "de"]), "n1", engines.engines())
    spoken = [(attempt.target, step.sequence) for step in attempt.run() if isinstance(step, SpeechChunk)]
    assert spoken == [(target, sequence) for sequence in range(4) for target in ("en", "de")]


@pytest.mark.parametrize(("voiced", "pace"), [(0.0, 1.0), (0.1, 1.25), (30.0, 1 / 1.3)])
def test_a_voice_that_can_follows_the_speakers_pace(voiced: float, pace: float) -> None:
    engines = Both(Heard("bonjour tout le monde", "fr", 0.9, 0.8))
    steps = run(engines, targets=["en", "de"], speak=["en", "de"], voiced=voiced)
    assert engines.paces == [pace]
    assert kinds(steps).count("SpeechEnded") == 2


@pytest.mark.parametrize("asked", [0.25, 1.0, 4.0])
def test_a_pace_that_is_asked_for_is_nobodys(asked: float) -> None:
    engines = Both(Heard("bonjour tout le monde", "fr", 0.9, 0.8))
    run(engines, targets=["en"], speak=["en"], voiced=30.0, pace=asked)
    assert engines.paces == [asked]


def test_what_was_written_is_spoken_in_its_own_language_too() -> None:
    engines = Counting()
    text: dict[str, Any] = {"transcript": "Hello", "transcript_language": "en", "translations": {"en": "Hello"}}
    work = job("s", 1, b"", **text, targets=["en", "de"], speak=["en", "de"])
    steps = [step for step in Attempt(work, "n1", engines.engines()).run() if not isinstance(step, JobProgressed)]
    assert engines.calls == ["translate en de", "speak Hello"]
    assert kinds(steps)[:1] == ["Translated"]
    assert kinds(steps)[-2:] == ["SpeechEnded", "JobDone"]
    spoken = msgspec.structs.replace(work, voiced=0.5)  # somebody said it, and its audio is not needed any more
    assert "SpeechEnded" not in kinds(list(Attempt(spoken, "n1", Counting().engines()).run()))


def test_a_written_text_has_no_audio_to_be_translated_from() -> None:
    engines = Counting()
    work = job("s", 1, b"", **GIVEN, targets=["en"])
    failed = next(step for step in Attempt(work, "n1", engines.engines()).run() if isinstance(step, StageFailed))
    assert (failed.code, failed.target) == ("language_unsupported", "en")
    assert engines.calls == []


def test_the_first_sound_goes_out_before_the_second_is_made() -> None:
    engines = Counting()
    engines.sounds = [Sound(22_050, bytes(100)), RuntimeError("not yet")]
    steps = run(engines, targets=["en"], speak=["en"])
    assert kinds(steps)[2:5] == ["SpeechChunk", "SpeechStarted", "StageFailed"]


def test_captions_only_are_a_transcript() -> None:
    first = run(Counting())[0]
    assert isinstance(first, Transcribed)
    assert (first.text, first.language, first.language_probability, first.confidence) == ("bonjour", "fr", 0.9, 0.8)


def test_no_words_are_an_outcome_and_nothing_follows() -> None:
    engines = Counting("noise")
    steps = run(engines, targets=["en"], speak=["en"])
    assert kinds(steps) == ["FoundEmpty", "JobDone"]
    assert isinstance(steps[0], FoundEmpty)
    assert steps[0].reason == "noise"
    assert engines.calls == ["asr auto"]


def test_the_original_is_its_own_translation_and_is_not_spoken() -> None:
    steps = run(Counting(Heard("hello", "en", 0.9, 0.8)), targets=["en"], speak=["en"])
    assert kinds(steps) == ["Transcribed", "Translated", "SpeechUnavailable", "JobDone"]
    translated, unavailable = steps[1], steps[2]
    assert isinstance(translated, Translated)
    assert isinstance(unavailable, SpeechUnavailable)
    assert translated.text == "hello"
    assert unavailable.reason == "the original is in this language already"


def test_between_two_languages_each_goes_into_the_other_and_nothing_else() -> None:
    engines = Counting()
    steps = run(engines, between=["fr", "en"], targets=["fr", "en"], speak=["fr", "en"])
    assert kinds(steps) == [
        "Transcribed", "Translated", "SpeechChunk", "SpeechStarted", "SpeechChunk", "SpeechChunk", "SpeechChunk",
        "SpeechEnded", "JobDone",
    ]  # fmt: skip
    assert [step.target for step in steps if isinstance(step, Translated | SpeechStarted | SpeechEnded)] == ["en"] * 3
    engines = Counting()
    assert kinds(run(engines, **GIVEN, between=["fr", "en"], targets=["fr", "en"])) == ["Translated", "JobDone"]


def test_what_the_job_says_reaches_the_ear() -> None:
    engines = Counting()
    run(
        engines,
        prompt="said before",
        expected="en",
        between=["fr", "en"],
        words=True,
        voiced=0.7,
        glossary=Glossary(words=["Anna"], terms={"Dragoman": {"en": "Dragoman"}}),
    )
    assert engines.asked == [Ask("auto", "said before", "en", ("fr", "en"), ("Anna", "Dragoman"), True, 0.7)]


def test_times_of_words_are_those_of_the_session() -> None:
    (step, *_) = run(Counting(Heard("bonjour", "fr", 0.9, 0.8, (Word("bonjour", 0.25, 0.5),))), start=100.0)
    assert isinstance(step, Transcribed)
    assert step.words == [Word("bonjour", 100.25, 100.5)]


def test_a_target_that_nobody_serves_fails_alone() -> None:
    steps = run(Counting(), targets=["zh", "en"])
    failed, translated = steps[1], steps[2]
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == (
        "translate", "language_unsupported", True, "zh",
    )  # fmt: skip
    assert isinstance(translated, Translated)


def test_an_empty_translation_is_an_error_and_never_silence() -> None:
    engines = Counting()
    engines.english = ""
    failed = run(engines, targets=["en"], speak=["en"])[1]
    assert isinstance(failed, StageFailed)
    assert (failed.code, failed.retryable, failed.target) == ("translation_failed", False, "en")
    assert "speak" not in " ".join(engines.calls)


def test_an_engine_that_raises_fails_its_target_and_the_others_go_on() -> None:
    engines = Counting()
    engines.german = RuntimeError("bonjour is what was said")
    steps = run(engines, targets=["de", "en"])
    failed = steps[1]
    assert isinstance(failed, StageFailed)
    assert (failed.code, failed.retryable, failed.target) == ("translation_failed", True, "de")
    assert "bonjour" not in failed.message  # what a library says may hold what was said
    assert isinstance(steps[2], Translated)


def test_an_ear_that_raises_fails_the_attempt() -> None:
    steps = run(Counting(RuntimeError("out of memory")), targets=["en"])
    assert kinds(steps) == ["StageFailed", "JobDone"]
    failed = steps[0]
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.code, failed.retryable, failed.target) == ("asr", "engine_failed", True, None)


def test_an_unknown_source_is_refused_for_good() -> None:
    engines = Counting()
    assert isinstance(run(engines, between=["fr", "ko"])[0], StageFailed)
    failed = run(engines, source="ko")[0]
    assert isinstance(failed, StageFailed)
    assert (failed.code, failed.retryable) == ("language_unsupported", True)
    assert engines.calls == []


def test_a_text_that_cannot_be_said_is_told() -> None:
    engines = Counting()
    engines.sounds = []
    steps = run(engines, targets=["en"], speak=["en"])
    assert kinds(steps) == ["Transcribed", "Translated", "SpeechUnavailable", "JobDone"]


def test_a_failing_voice_has_started_or_not() -> None:
    engines = Counting()
    engines.sounds = [RuntimeError("no")]
    steps = run(engines, targets=["en"], speak=["en"])
    assert not any(isinstance(step, SpeechStarted) for step in steps)
    failed = steps[2]
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.code, failed.target) == ("speech", "speech_failed", "en")


def test_every_result_names_job_attempt_and_node() -> None:
    for step in Attempt(job("s", 7, PCM, targets=["en"], attempt=3), "n9", Counting().engines()).run():
        assert not isinstance(step, SpeechChunk)
        assert (step.job, step.utterance, step.attempt, step.node) == ("s.7", 7, 3, "n9")
