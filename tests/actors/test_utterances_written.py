"""Utterances that are written: told in order like all others, translated and spoken, without any audio."""

from __future__ import annotations

from tests.actors.life import Teller, events, jobs, kinds, outcome, transcribed
from tests.actors.test_attempts import about
from wire.env import SchedulerSettings
from wire.messages import (
    CloseRequested,
    JobDone,
    JobStarted,
    PlaybackStarted,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TextGiven,
    Translated,
)
from wire.options import Options
from wire.protocol import TranscriptFinal, TranslationFinal, UtteranceEmpty


def writer(targets: tuple[str, ...] = ("fr", "en"), *, speech: bool = True, options: Options = Options()) -> Teller:  # noqa: B008
    return Teller(source="auto", targets=targets, speech=speech, options=options)


def given(text: str = "bonjour", number: int = 1) -> TextGiven:
    return TextGiven(number=number, text=text, language="fr")


def test_its_job_has_all_that_is_known_and_asks_for_the_rest() -> None:
    teller = writer(options=Options(pace=0.8)).quiet(2).say(given())
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.pcm, run.job.transcript, run.job.transcript_language) == (b"", "bonjour", "fr")
    assert (run.job.targets, run.job.translations, run.job.speak) == (["fr", "en"], {"fr": "bonjour"}, ["fr", "en"])
    assert (run.job.pace, run.job.source, run.job.voiced, run.job.recorded) == (0.8, "fr", 0.0, False)
    assert run.binding.start == run.binding.end == 1.984


def test_its_words_are_told_at_once_and_each_target_as_it_comes() -> None:
    teller = writer().say(given())
    told = events(outcome(teller.story, wait=0))
    assert told[1:] == [
        TranscriptFinal(n=2, utterance=1, text="bonjour", language="fr", start=0, end=0),
        TranslationFinal(n=3, utterance=1, target="fr", text="bonjour"),
    ]
    for target in ("fr", "en"):
        if target == "en":
            teller.say(Translated(**about(), target="en", text="hello"))
        teller.say(SpeechStarted(**about(), target=target, sample_rate=22050))
        teller.say(SpeechEnded(**about(), target=target, seconds=1, chunks=2))
    teller.say(JobDone(**about(), seconds={})).say(CloseRequested(after=-1))
    assert sorted(kinds(outcome(teller.story, wait=0))[3:]) == [
        "session.closed", "speech.ended", "speech.ended", "speech.started", "speech.started", "translation.final",
    ]  # fmt: skip


def test_a_repetition_is_no_second_utterance() -> None:
    teller = writer(("en",)).say(given()).say(given()).say(given("salut", 2)).say(given("bonjour", 1))
    assert [run.job.transcript for run in jobs(outcome(teller.story, wait=0))] == ["bonjour", "salut"]


def test_what_nobody_wants_is_no_work() -> None:
    for teller in (writer(()), writer(("fr",), speech=False)):
        commands = outcome(teller.say(given()).say(CloseRequested(after=-1)).story, wait=0)
        assert jobs(commands) == []
        assert kinds(commands)[1] == "transcript.final"
        assert kinds(commands)[-1] == "session.closed"


def test_a_text_without_a_word_is_empty() -> None:
    (_, empty) = events(outcome(writer().say(given("  ")).story, wait=0))
    assert isinstance(empty, UtteranceEmpty)


def test_between_two_languages_it_goes_into_the_other() -> None:
    teller = writer(("fr", "en"), options=Options(between=["fr", "en"])).say(given())
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.targets, run.job.speak, run.job.translations) == (["en"], ["en"], {})


def test_only_what_somebody_listens_to_is_spoken() -> None:
    (run,) = jobs(outcome(writer(options=Options(spoken=["fr"])).say(given()).story, wait=0))
    assert (run.job.targets, run.job.speak) == (["fr", "en"], ["fr"])


def test_it_is_told_after_what_was_said_before_it() -> None:
    teller = writer(()).voice(1).quiet(1).say(given("salut"))
    assert kinds(outcome(teller.story, wait=0)) == ["session.started"]
    told = events(outcome(teller.say(transcribed(1)).story, wait=0))[1:]
    assert [event.text for event in told if isinstance(event, TranscriptFinal)] == ["bonjour", "salut"]


def test_it_is_tried_again_without_audio() -> None:
    teller = writer(("en",)).say(given()).say(JobStarted(**about()))
    teller.say(StageFailed(**about(), stage="speech", code="engine_failed", message="crashed", retryable=True))
    _, second = jobs(outcome(teller.story, wait=0))
    assert (second.job.attempt, second.job.pcm, second.job.transcript) == (2, b"", "bonjour")


def test_it_keeps_no_audio_of_others() -> None:
    teller = writer(("en",)).quiet(1).say(given()).quiet(20)
    assert len(jobs(outcome(teller.story, SchedulerSettings(result_timeout_s=600), wait=0))) == 1


def test_its_own_words_played_and_heard_again_are_an_echo() -> None:
    text = "nous nous reverrons demain à dix heures"
    teller = writer(("fr",)).quiet(0.5).say(given(text))
    teller.say(PlaybackStarted(utterance=1, target="fr", seconds=2)).voice(1.9).quiet(0.8)
    assert kinds(outcome(teller.say(transcribed(2, text)).story, wait=0))[-1] == "utterance.empty"


def test_after_the_end_nothing_is_written() -> None:
    teller = writer(("en",)).voice(1).say(CloseRequested(after=-1)).say(given())
    assert len(jobs(outcome(teller.story, wait=0))) == 1
