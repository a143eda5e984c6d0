"""When a job is tried again, where, with what, and when it is given up. Lived three ways, as in test_session.py."""

from __future__ import annotations

from typing import Any

import pytest

from actors.attempts import MAX_ATTEMPTS, MAX_ROUNDS, Work
from actors.commands import BuryJob, Command, WidenJob
from tests.actors.life import Teller, events, jobs, kinds, outcome, transcribed
from wire.env import SchedulerSettings
from wire.messages import (
    JobDone,
    JobProgressed,
    JobReturned,
    JobStarted,
    JobUnplaced,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    Translated,
)
from wire.protocol import ErrorTold


def about(attempt: int = 1, node: str = "n1", utterance: int = 1) -> dict[str, Any]:
    return {"job": f"s1.{utterance}", "utterance": utterance, "attempt": attempt, "node": node}


def spoken(targets: tuple[str, ...] = (), speech: bool = False) -> Teller:
    return Teller(targets=targets, speech=speech).voice(1).quiet(1)


def attempts(commands: list[Command]) -> list[tuple[int, list[str]]]:
    return [(run.job.attempt, run.excluded) for run in jobs(commands)]


def test_a_job_that_nobody_begins_goes_to_the_whole_pool_once() -> None:
    commands = outcome(spoken().story, wait=20)
    (widened,) = [command for command in commands if isinstance(command, WidenJob)]
    (run,) = jobs(commands)
    assert widened.job == run.job


def test_a_job_that_began_in_time_is_not_widened() -> None:
    teller = spoken().say(JobStarted(**about()))
    for _ in range(5):
        teller.say(JobProgressed(**about(), stage="asr"), after=1)
    commands = outcome(teller.say(transcribed(1)).story, wait=20)
    assert attempts(commands) == [(1, [])]
    assert not [command for command in commands if isinstance(command, WidenJob)]


def unplaced(attempt: int = 1) -> JobUnplaced:
    return JobUnplaced(**about(attempt, "scheduler"), reason=f"no node could take it: {attempt} offline")


def test_why_nobody_could_take_it_is_what_the_client_reads_in_the_end() -> None:
    (error,) = [event for event in events(outcome(spoken().say(unplaced()).story)) if isinstance(event, ErrorTold)]
    assert (error.code, error.message, error.retryable) == ("timed_out", "no node could take it: 1 offline", True)


@pytest.mark.parametrize("mail", [[unplaced(), JobStarted(**about())], [JobStarted(**about()), unplaced()]])
def test_once_a_node_has_begun_it_no_longer_holds(mail: list[JobStarted | JobUnplaced]) -> None:
    work = Work(first=0, end=1, source="fr", pool="default", prompt="", sent_at=0)
    for each in mail:
        work.sign(each, 1)
    assert (work.started, work.node, work.unplaced) == (True, "n1", "")


def test_it_holds_for_its_attempt_only() -> None:
    crashed = StageFailed(**about(), stage="asr", code="engine_crashed", message="died", retryable=True)
    story = spoken().say(unplaced()).say(crashed).say(unplaced()).story
    (error,) = [event for event in events(outcome(story)) if isinstance(event, ErrorTold)]
    assert error.message == "no result came in time"


def test_a_node_that_falls_silent_loses_the_job_to_another() -> None:
    teller = spoken().say(JobStarted(**about())).wait(4).say(transcribed(1, attempt=2))
    commands = outcome(teller.story, wait=20)
    assert attempts(commands) == [(1, []), (2, ["n1"])]
    first, second = jobs(commands)
    assert second.job.pcm == first.job.pcm
    assert kinds(commands) == ["session.started", "transcript.final"]


def test_a_slow_node_is_not_taken_for_a_dead_one() -> None:
    teller = spoken().say(JobStarted(**about()))
    for _ in range(40):
        teller.say(JobProgressed(**about(), stage="asr"), after=1)
    assert attempts(outcome(teller.say(transcribed(1)).story, wait=1)) == [(1, [])]


def test_a_late_result_of_the_first_attempt_counts_and_the_second_is_dropped() -> None:
    teller = spoken().say(JobStarted(**about())).wait(4).say(transcribed(1, "first"))
    told = events(outcome(teller.say(transcribed(1, "second", attempt=2)).story, wait=1))
    assert [event.text for event in told if hasattr(event, "text")] == ["first"]


def test_a_reported_failure_is_tried_elsewhere_at_once_without_what_is_known() -> None:
    teller = spoken(("de", "en"), speech=True).say(JobStarted(**about())).say(transcribed(1, "bonjour"))
    teller.say(Translated(**about(), target="en", text="hello"))
    teller.say(StageFailed(**about(), stage="translate", code="engine_failed", message="out of memory", retryable=True))
    _, second = jobs(outcome(teller.story, wait=1))
    assert second.excluded == ["n1"]
    assert (second.job.transcript, second.job.transcript_language) == ("bonjour", "fr")
    assert second.job.translations == {"en": "hello"}
    assert (second.job.targets, second.job.speak) == (["de", "en"], ["de", "en"])
    assert second.job.pcm


def test_only_the_voice_is_tried_again_where_only_the_voice_is_missing() -> None:
    teller = spoken(("en",), speech=True).say(JobStarted(**about())).say(transcribed(1))
    teller.say(Translated(**about(), target="en", text="hello"))
    teller.say(SpeechStarted(**about(), target="en", sample_rate=22050)).wait(4)
    _, second = jobs(outcome(teller.say(SpeechEnded(**about(2), target="en", seconds=1, chunks=2)).story, wait=1))
    assert second.job.pcm == b""
    assert second.job.translations == {"en": "hello"}


def test_a_poison_job_is_buried_after_a_bounded_number_of_attempts_and_the_session_goes_on() -> None:
    teller = spoken()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        teller.say(JobStarted(**about(attempt, f"n{attempt}")), after=0.1)
        crash = StageFailed(
            **about(attempt, f"n{attempt}"), stage="asr", code="engine_failed", message="crashed", retryable=True
        )
        teller.say(crash, after=0.1)
    commands = outcome(teller.voice(1).quiet(1).story, wait=1)
    assert attempts(commands) == [(1, []), (2, ["n1"]), (3, ["n1", "n2"]), (4, ["n1", "n2", "n3"]), (1, [])]
    (burial,) = [command for command in commands if isinstance(command, BuryJob)]
    buried, kept = burial.dead, burial.job
    assert kept is not None
    assert buried.kept
    assert kept.pcm == jobs(commands)[0].job.pcm, "with its audio, so that it can be run again"
    assert buried.attempts == MAX_ATTEMPTS
    assert [line.split(":")[0] for line in buried.history] == [f"attempt {n} on n{n}" for n in range(1, 5)]
    told = events(commands)[1]
    assert isinstance(told, ErrorTold)
    assert (told.utterance, told.code) == (1, "engine_failed")


def test_a_job_is_not_kept_where_the_operator_wants_none() -> None:
    teller = spoken()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        crash = StageFailed(**about(attempt, "n1"), stage="asr", code="engine_failed", message="x", retryable=True)
        teller.say(crash, after=0.1)
    commands = outcome(teller.story, SchedulerSettings(keep_dead_jobs=False), wait=1)
    (burial,) = [command for command in commands if isinstance(command, BuryJob)]
    assert (burial.dead.kept, burial.job) == (False, None)


def test_a_language_that_no_node_has_is_told_as_that() -> None:
    teller = spoken(("de",)).say(transcribed(1))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        lacking = StageFailed(
            **about(attempt, f"n{attempt}"), stage="translate", code="language_unsupported", message="no way into de",
            retryable=True, target="de",
        )  # fmt: skip
        teller.say(lacking, after=0.1)
    told = events(outcome(teller.story, wait=1))[-1]
    assert isinstance(told, ErrorTold)
    assert (told.target, told.code) == ("de", "language_unsupported")


def test_a_failure_of_an_old_attempt_changes_nothing() -> None:
    teller = spoken().say(JobStarted(**about())).wait(4).say(JobStarted(**about(2, "n2")))
    teller.say(StageFailed(**about(), stage="asr", code="engine_failed", message="late", retryable=True))
    assert len(jobs(outcome(teller.story, wait=1))) == 2


def test_a_job_given_back_goes_elsewhere_and_is_no_fault() -> None:
    teller = spoken().say(JobStarted(**about())).say(JobReturned(**about()))
    commands = outcome(teller.story, wait=1)
    assert attempts(commands) == [(1, []), (2, ["n1"])]


def test_what_a_node_could_not_do_is_another_attempts_work() -> None:
    """The stages of one utterance are split over nodes: one transcribes, another has the voice."""
    teller = spoken(("en",), speech=True).say(JobStarted(**about())).say(transcribed(1))
    teller.say(Translated(**about(), target="en", text="hello")).say(JobDone(**about(), seconds={}))
    teller.say(SpeechStarted(**about(2, "n2"), target="en", sample_rate=22050))
    teller.say(SpeechEnded(**about(2, "n2"), target="en", seconds=1, chunks=2)).say(
        JobDone(**about(2, "n2"), seconds={})
    )
    commands = outcome(teller.story, wait=30)
    assert attempts(commands) == [(1, []), (2, [])]
    assert kinds(commands)[-1] == "speech.ended"


@pytest.mark.parametrize("result", [JobDone, JobReturned])
def test_attempts_are_bounded_whatever_the_reason(result: Any) -> None:
    teller = spoken()
    for attempt in range(1, 3 * MAX_ROUNDS):
        seconds: dict[str, Any] = {"seconds": {}} if result is JobDone else {}
        teller.say(result(**about(attempt, f"n{attempt}"), **seconds))
    commands = outcome(teller.story, wait=1)
    assert len(jobs(commands)) < MAX_ROUNDS + MAX_ATTEMPTS
    assert kinds(commands) == ["session.started", "error"]


def test_an_utterance_without_any_node_times_out_once() -> None:
    commands = outcome(spoken().story, SchedulerSettings(client_timeout_s=1000), wait=200)
    assert kinds(commands) == ["session.started", "error"]
    assert attempts(commands) == [(1, [])]
