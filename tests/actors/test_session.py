"""Scenarios for the session fold. Each is lived three ways that must agree: see tests/actors/life.py."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.commands import EndSession
from actors.session import Session
from actors.state import SessionState
from tests.actors.life import T0, Teller, events, jobs, kinds, outcome, transcribed
from wire.audio import FRAME_BYTES
from wire.env import SchedulerSettings
from wire.messages import (
    AudioChunk,
    ClientLeft,
    ClientReturned,
    ClientSeen,
    CloseRequested,
    FinalizeRequested,
    FoundEmpty,
    JobProgressed,
    JobStarted,
    LanguagesChanged,
    PlaybackEnded,
    PlaybackStarted,
    SessionTerminated,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    Translated,
)
from wire.protocol import ErrorTold, SessionClosed, SessionReady, SessionResumed, TranscriptFinal

COMMON: dict[str, Any] = {"job": "s1.1", "utterance": 1, "attempt": 1, "node": "n1"}


def test_a_session_opens_once() -> None:
    teller = Teller()
    told = events(outcome([*teller.story, *teller.story], wait=1))
    assert told == [
        SessionReady(n=1, session="s1", source="fr", targets=["en"], speech=False, next_chunk=0),
    ]


def test_silence_alone_makes_no_job() -> None:
    teller = Teller(frames=50).quiet(7200).say(CloseRequested(after=Teller().chunk - 1))
    assert jobs(outcome(teller.story)) == []
    assert kinds(outcome(teller.story)) == ["session.started", "session.closed"]


def test_two_hours_of_silence_keep_little_audio() -> None:
    session = Session("s1", SchedulerSettings())
    for sequence, (now, mail) in enumerate(Teller(frames=50).quiet(7200).story, 1):
        session.handle(mail, sequence, now)
    assert session.buffer.end - session.buffer.start < 3 * 16000
    assert len(msgspec.json.encode(session.snapshot())) < 2000


def test_an_utterance_becomes_a_job_with_its_pre_roll() -> None:
    teller = Teller().quiet(1.92).voice(1.92).quiet(0.96)
    (run,) = jobs(outcome(teller.story, wait=1))
    assert run.job.job == "s1.1"
    assert run.binding.start == run.job.start == pytest.approx(1.92 - 0.288)
    assert len(run.job.pcm) == pytest.approx((1.92 + 0.288 + 0.384) * 32000, abs=FRAME_BYTES)
    first_voiced_chunk = 20
    assert run.job.pcm[9 * FRAME_BYTES] == first_voiced_chunk
    assert (run.job.source, run.job.targets, run.job.speak) == ("fr", ["en"], [])


@pytest.mark.parametrize(
    ("targets", "speech", "expected"),
    [((), True, ([], [])), (("en", "de"), False, (["en", "de"], [])), (("en",), True, (["en"], ["en"]))],
)
def test_nothing_is_asked_for_that_nobody_wants(
    targets: tuple[str, ...], speech: bool, expected: tuple[list[str], list[str]]
) -> None:
    (run,) = jobs(outcome(Teller(targets=targets, speech=speech).voice(1).quiet(1).story, wait=1))
    assert (run.job.targets, run.job.speak) == expected


def test_finalize_ends_the_utterance_without_silence() -> None:
    teller = Teller().voice(1)
    teller.say(FinalizeRequested(after=teller.chunk - 1))
    assert len(jobs(outcome(teller.story, wait=1))) == 1


def test_finalize_waits_for_the_audio_before_it() -> None:
    """The last half sentence is not lost where the request overtakes the audio."""
    teller = Teller().voice(2)
    late = teller.story.pop()
    teller.say(FinalizeRequested(after=teller.chunk - 1))
    teller.story.append((teller.now + 1, late[1]))
    teller.now += 1
    (run,) = jobs(outcome(teller.story, wait=1))
    assert run.binding.end == pytest.approx(2, abs=0.04)


def test_finalize_does_not_wait_for_ever() -> None:
    teller = Teller().voice(1)
    teller.say(CloseRequested(after=teller.chunk + 5))
    commands = outcome(teller.story)
    assert len(jobs(commands)) == 1
    assert isinstance(commands[-1], EndSession)


def test_finalize_with_nothing_open_spends_no_number() -> None:
    teller = Teller().quiet(1).say(FinalizeRequested(after=0)).voice(1).quiet(1)
    assert [run.job.utterance for run in jobs(outcome(teller.story, wait=1))] == [1]


def test_audio_that_stops_coming_ends_the_utterance() -> None:
    assert len(jobs(outcome(Teller().voice(1).story, wait=4.5))) == 1


def test_chunks_out_of_order_are_refused_until_the_missing_one_comes() -> None:
    teller = Teller().voice(3)
    story = list(teller.story)
    lost = story.pop(10)
    again = [(teller.now + 0.01 * at, mail) for at, (_, mail) in enumerate([lost, *story[10:]])]
    teller.now = again[-1][0]
    teller.story = [*story, *again]
    teller.quiet(1)
    (run,) = jobs(outcome(teller.story, wait=1))
    (whole,) = jobs(outcome(Teller().voice(3).quiet(1).story, wait=1))
    assert run.job.pcm == whole.job.pcm


def test_a_chunk_after_a_gap_opens_a_new_utterance() -> None:
    teller = Teller().voice(1)
    teller.chunk += 10
    teller.voice(1)
    place = next(
        at for at, (_, m) in enumerate(teller.story) if isinstance(m, AudioChunk) and m.first == teller.chunk - 11
    )
    now, mail = teller.story[place]
    assert isinstance(mail, AudioChunk)
    teller.story[place] = (now, msgspec.structs.replace(mail, gap=True))
    teller.quiet(1)
    first, second = jobs(outcome(teller.story, wait=1))
    assert first.binding.end <= second.binding.start
    assert second.job.pcm[0] == mail.pcm[0]


def test_results_are_told_in_utterance_order_whatever_order_they_come_in() -> None:
    teller = Teller(targets=()).voice(1).quiet(1).voice(1).quiet(1)
    teller.say(transcribed(2, "deux")).say(transcribed(1, "un")).say(transcribed(1, "autre", attempt=2))
    finals = [event for event in events(outcome(teller.story)) if isinstance(event, TranscriptFinal)]
    assert [(final.utterance, final.text) for final in finals] == [(1, "un"), (2, "deux")]
    assert finals[0].start == 0
    assert finals[0].end == pytest.approx(1, abs=0.05)


def test_a_result_that_never_comes_holds_nobody_for_ever() -> None:
    teller = Teller(targets=()).voice(1).quiet(1).voice(1).quiet(1).say(transcribed(2))
    told = [event for event in events(outcome(teller.story)) if not isinstance(event, SessionClosed)]
    assert isinstance(told[1], ErrorTold)
    assert (told[1].utterance, told[1].code, told[1].retryable) == (1, "timed_out", True)
    assert isinstance(told[2], TranscriptFinal)


def test_progress_extends_the_deadline_but_not_for_ever() -> None:
    settings = SchedulerSettings(result_timeout_s=30, client_timeout_s=10_000)
    slow = Teller(targets=()).voice(1).quiet(1).say(JobStarted(**COMMON))
    for _ in range(50):
        slow.say(JobProgressed(**COMMON, stage="asr"), after=1)
    slow.say(transcribed(1))
    assert kinds(outcome(slow.story, settings, wait=1))[1] == "transcript.final"
    stuck = Teller(targets=()).voice(1).quiet(1)
    for _ in range(300):
        stuck.say(JobProgressed(**COMMON, stage="asr"), after=1)
    assert kinds(outcome(stuck.story, settings, wait=1))[1] == "error"


def test_translation_and_speech_follow_their_transcript() -> None:
    teller = Teller(speech=True).voice(1).quiet(1)
    teller.say(SpeechStarted(**COMMON, target="en", sample_rate=22050))
    teller.say(Translated(**COMMON, target="en", text="hello"))
    teller.say(transcribed(1))
    teller.say(SpeechEnded(**COMMON, target="en", seconds=1.5, chunks=2))
    assert kinds(outcome(teller.story, wait=1)) == [
        "session.started",
        "transcript.final",
        "translation.final",
        "speech.started",
        "speech.ended",
    ]


def test_speech_of_one_target_does_not_interleave() -> None:
    teller = Teller(speech=True).voice(1).quiet(1).voice(1).quiet(1)
    for utterance in (1, 2):
        where = {**COMMON, "utterance": utterance, "job": f"s1.{utterance}"}
        teller.say(transcribed(utterance)).say(Translated(**where, target="en", text="hello"))
        teller.say(SpeechStarted(**where, target="en", sample_rate=22050))
    second = {**COMMON, "utterance": 2, "job": "s1.2"}
    teller.say(SpeechEnded(**second, target="en", seconds=1, chunks=1))
    teller.say(SpeechEnded(**COMMON, target="en", seconds=1, chunks=1))
    told = [event for event in events(outcome(teller.story, wait=1)) if event.__struct_config__.tag in SPEECH]
    assert [(event.__struct_config__.tag, event.utterance) for event in told] == [  # type: ignore[attr-defined]
        ("speech.started", 1),
        ("speech.ended", 1),
        ("speech.started", 2),
        ("speech.ended", 2),
    ]


SPEECH = ("speech.started", "speech.ended")


@pytest.mark.parametrize("reason", ["no_speech", "noise"])
def test_an_empty_utterance_is_said_and_has_no_translation(reason: str) -> None:
    teller = Teller(speech=True).voice(1).quiet(1).say(FoundEmpty(**COMMON, reason=reason)).say(transcribed(1))
    assert kinds(outcome(teller.story, wait=30)) == ["session.started", "utterance.empty"]


def test_an_empty_transcript_is_no_transcript() -> None:
    teller = Teller().voice(1).quiet(1).say(transcribed(1, " "))
    assert kinds(outcome(teller.story, wait=1)) == ["session.started", "utterance.empty"]


def test_one_target_fails_and_the_others_go_on() -> None:
    teller = Teller(targets=("de", "en"), speech=True).voice(1).quiet(1).say(transcribed(1))
    failed = StageFailed(
        **COMMON, stage="translate", code="translation_failed", message="no", retryable=False, target="de"
    )
    teller.say(failed).say(Translated(**COMMON, target="en", text="hello"))
    teller.say(SpeechUnavailable(**COMMON, target="en", reason="no voice"))
    assert kinds(outcome(teller.story, wait=1))[1:] == [
        "transcript.final",
        "error",
        "translation.final",
        "speech.unavailable",
    ]


def test_a_failed_utterance_is_told_and_the_session_goes_on() -> None:
    teller = Teller().voice(1).quiet(1)
    teller.say(StageFailed(**COMMON, stage="asr", code="engine_failed", message="m", retryable=False))
    teller.voice(1).quiet(1)
    commands = outcome(teller.story, wait=1)
    assert kinds(commands) == ["session.started", "error"]
    assert len(jobs(commands)) == 2


def test_speech_that_fails_after_it_began_is_an_error() -> None:
    teller = Teller(speech=True).voice(1).quiet(1).say(transcribed(1))
    teller.say(Translated(**COMMON, target="en", text="hello"))
    teller.say(SpeechStarted(**COMMON, target="en", sample_rate=22050))
    assert kinds(outcome(teller.story, wait=70))[2:5] == ["translation.final", "speech.started", "error"]


def test_languages_change_from_the_next_utterance_on() -> None:
    teller = Teller().voice(1).quiet(1).say(LanguagesChanged(source="de", targets=["fr"], speech=True))
    first, second = jobs(outcome(teller.voice(1).quiet(1).story, wait=1))
    assert (first.job.source, first.job.targets) == ("fr", ["en"])
    assert (second.job.source, second.job.targets, second.job.speak) == ("de", ["fr"], ["fr"])


def test_close_delivers_what_is_under_way_first() -> None:
    teller = Teller(targets=()).voice(1)
    teller.say(CloseRequested(after=teller.chunk - 1)).say(transcribed(1), after=1)
    commands = outcome(teller.story, wait=1)
    assert kinds(commands) == ["session.started", "transcript.final", "session.closed"]
    assert events(commands)[-1] == SessionClosed(n=3, reason="client", utterances=1)


def test_a_client_that_left_is_waited_for_and_then_closed() -> None:
    teller = Teller().quiet(1).say(ClientLeft())
    assert kinds(outcome(teller.story, wait=55)) == ["session.started"]
    assert events(outcome(teller.story, wait=65))[-1] == SessionClosed(n=2, reason="client_left", utterances=0)


def test_a_client_that_returns_in_time_goes_on_where_it_was() -> None:
    teller = (
        Teller(targets=()).voice(0.96).say(ClientLeft()).say(ClientReturned(ingress="i2", connection="c2"), after=30)
    )
    chunk = teller.chunk
    teller.say(ClientLeft()).voice(1).quiet(1)
    commands = outcome(teller.story, wait=50)
    resumed = events(commands)[1]
    assert resumed == SessionResumed(n=2, next_chunk=chunk, samples=30 * 512)
    assert len(jobs(commands)) == 2
    assert "session.closed" not in kinds(commands)


def test_audio_of_a_connection_that_was_replaced_changes_nothing() -> None:
    """A paused ingress wakes up and publishes what it still held, after the client has come back elsewhere."""
    teller = Teller(targets=()).voice(0.96).say(ClientReturned(ingress="i2", connection="c2"))
    late = AudioChunk(first=teller.chunk, last=teller.chunk, pcm=b"\1" * 500, speech=b"")
    commands = outcome(teller.say(late).voice(1).quiet(1).story, wait=1)
    (run,) = jobs(commands)
    assert len(run.job.pcm) % FRAME_BYTES == 0
    assert run.binding.end == pytest.approx(0.96 + 0.992 + 0.384, abs=0.001)


def test_a_client_that_is_only_muted_keeps_its_session() -> None:
    teller = Teller().quiet(1)
    for _ in range(40):
        teller.say(ClientSeen(), after=15)
    assert kinds(outcome(teller.story, wait=1)) == ["session.started"]
    assert len(jobs(outcome(teller.voice(1).quiet(1).story, wait=1))) == 1


def test_an_operator_ends_it_at_once() -> None:
    teller = Teller().voice(1).quiet(1).say(SessionTerminated(reason="operator")).voice(2).quiet(1)
    commands = outcome(teller.story)
    assert kinds(commands) == ["session.started", "session.closed"]
    assert len(jobs(commands)) == 1


CONTEXT = SchedulerSettings(prompt_context=True)


def test_what_was_said_just_before_is_context() -> None:
    teller = Teller(targets=()).voice(1).quiet(1).say(transcribed(1, "un")).voice(1).quiet(1)
    assert [run.job.prompt for run in jobs(outcome(teller.story, CONTEXT, wait=1))] == ["", "un"]
    assert [run.job.prompt for run in jobs(outcome(teller.story, wait=1))] == ["", ""]


def test_a_gap_ends_the_group_unless_speech_is_played_in_it() -> None:
    def prompts(*played: PlaybackStarted | PlaybackEnded) -> list[str]:
        teller = Teller(targets=()).voice(1).quiet(1).say(transcribed(1, "un"))
        for each in played:
            teller.say(each)
        return [run.job.prompt for run in jobs(outcome(teller.quiet(4).voice(1).quiet(1).story, CONTEXT, wait=1))]

    playing = PlaybackStarted(utterance=1, target="en", seconds=3)
    assert prompts() == ["", ""]
    assert prompts(playing) == ["", "un"]
    assert prompts(playing, PlaybackEnded(utterance=1, target="en")) == ["", ""]


def test_acks_come_about_once_a_second_and_at_the_end() -> None:
    session = Session("s1", SchedulerSettings())
    acks = 0
    for sequence, (now, mail) in enumerate(Teller().quiet(10).story, 1):
        acks += sum(type(command).__name__ == "TellLive" for command in session.handle(mail, sequence, now))
    assert 9 <= acks <= 11


def test_a_fast_sender_is_acknowledged_before_its_window_is_full() -> None:
    session = Session("s1", SchedulerSettings())
    acks = 0
    for sequence, (_, mail) in enumerate(Teller().quiet(30).story, 1):
        acks += sum(type(command).__name__ == "TellLive" for command in session.handle(mail, sequence, T0))
    assert acks == 5


def test_mail_before_the_opening_is_dropped() -> None:
    session = Session("s1", SchedulerSettings())
    assert session.handle(transcribed(1), 1, T0) == []
    assert session.deadline() is None


def test_a_snapshot_is_readable_json_and_comes_with_each_final() -> None:
    session = Session("s1", SchedulerSettings())
    saves = []
    for sequence, (now, mail) in enumerate(Teller().voice(1).quiet(1).say(transcribed(1)).story, 1):
        if any(type(command).__name__ == "SaveSnapshot" for command in session.handle(mail, sequence, now)):
            saves.append(type(mail).__name__)
    assert saves == ["SessionOpened", "Transcribed"]
    text = msgspec.json.encode(session.snapshot())
    assert b'"next_utterance":2' in text
    assert msgspec.json.decode(text, type=SessionState) == session.snapshot()
