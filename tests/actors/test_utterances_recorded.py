"""Recordings as sessions: pieces that wait for as long as people speak, and survive whoever looks after them."""

from __future__ import annotations

import msgspec
import pytest

from actors.attempts import MAX_ROUNDS, PATIENCE_S
from actors.commands import Command, RunJob, RunPartial, SaveSnapshot, WidenJob, WithdrawJob
from actors.session import Session
from actors.state import SessionState
from tests.actors.life import T0, Teller, events, jobs, kinds, live, outcome, transcribed
from tests.actors.test_attempts import about
from wire.env import SchedulerSettings
from wire.messages import (
    ClientSeen,
    CloseRequested,
    JobDone,
    JobReturned,
    JobStarted,
    PlaybackStarted,
    SessionTerminated,
    StageFailed,
    TextGiven,
    Translated,
)
from wire.options import Endpointing, Options
from wire.protocol import ErrorTold, TranscriptFinal

RECORDED = Options(recorded=True, pace=1.5)
KEPT = SchedulerSettings(client_timeout_s=10_000)


def fed(seconds: float = 5, targets: tuple[str, ...] = (), options: Options = RECORDED, speech: bool = False) -> Teller:
    """A recording of one piece, as a feeder gives it, that goes on with silence."""
    return Teller(targets=targets, options=options, speech=speech, frames=30).voice(seconds).quiet(4)


def unfolded(teller: Teller) -> list[Command]:
    return live(teller.story, settings=KEPT, doubled=False, restored=False, until=teller.now)


def test_a_recording_is_cut_at_pauses_into_pieces_as_long_as_the_model_takes() -> None:
    teller = Teller(targets=(), options=RECORDED, frames=30)
    for _ in range(12):
        teller.voice(3).quiet(0.7)
    runs = jobs(outcome(teller.quiet(4).story, KEPT, wait=0))
    assert [round(len(run.job.pcm) / 32_000) for run in runs] == [14, 15, 15]
    assert {(run.job.recorded, run.job.pace, run.job.expected) for run in runs} == {(True, 1.5, "")}


def test_its_audio_may_come_when_it_likes() -> None:
    teller = Teller(targets=(), options=RECORDED, frames=30).voice(5)
    for _ in range(20):
        teller.say(ClientSeen(), after=15)
    assert kinds(outcome(teller.story, wait=30)) == ["session.started"]
    (run,) = jobs(outcome(teller.voice(5).quiet(4).story, wait=30))
    assert len(run.job.pcm) / 32_000 == pytest.approx(10.4, abs=0.1)


def test_nobody_is_shown_it_while_it_runs_and_nothing_that_is_played_is_its_echo() -> None:
    options = msgspec.structs.replace(RECORDED, captions=True)
    teller = fed(targets=("en",), options=options, speech=True)
    assert not [command for command in unfolded(teller) if isinstance(command, RunPartial)]
    teller.say(transcribed(1)).say(Translated(**about(), target="en", text="bonjour"))
    teller.say(PlaybackStarted(utterance=1, target="en", seconds=60)).voice(5).quiet(4).say(transcribed(2))
    assert kinds(outcome(teller.story, KEPT, wait=0)).count("transcript.final") == 2


def test_a_piece_waits_for_its_start_as_long_as_people_speak_but_not_for_ever() -> None:
    late = fed().wait(PATIENCE_S - 10).say(JobStarted(**about())).say(transcribed(1), after=2)
    commands = outcome(late.story, KEPT, wait=0)
    assert kinds(commands)[1:] == ["transcript.final"]
    assert not [command for command in commands if isinstance(command, WidenJob)]
    (error,) = [
        event for event in events(outcome(fed().story, KEPT, wait=PATIENCE_S + 1)) if isinstance(event, ErrorTold)
    ]
    assert (error.code, error.retryable) == ("timed_out", True)


def test_a_piece_that_was_begun_and_falls_silent_is_tried_again() -> None:
    teller = fed().wait(600).say(JobStarted(**about()))
    first, second = jobs(outcome(teller.story, KEPT, wait=4))
    assert second.job.pcm == first.job.pcm
    assert second.job.attempt == 2


def test_a_piece_may_be_given_back_as_often_as_people_speak() -> None:
    teller = fed()
    for attempt in range(1, 3 * MAX_ROUNDS):
        teller.say(JobStarted(**about(attempt))).say(JobReturned(**about(attempt)), after=0.5)
    commands = outcome(teller.say(transcribed(1, attempt=1)).story, KEPT, wait=0)
    runs = jobs(commands)
    assert [run.job.attempt for run in runs] == list(range(1, 3 * MAX_ROUNDS + 1))
    assert len({run.job.pcm for run in runs}) == 1
    assert {len(run.excluded) for run in runs} == {0}
    assert kinds(commands)[1:] == ["transcript.final"]


def test_what_is_left_of_a_piece_is_no_endless_work() -> None:
    teller = fed(targets=("en",)).say(transcribed(1))
    for attempt in range(1, 3 * MAX_ROUNDS):
        teller.say(JobDone(**about(attempt), seconds={}))
    assert "error" in kinds(outcome(teller.story, KEPT, wait=0))


def test_results_are_told_in_order_and_do_not_colour_each_other() -> None:
    teller = Teller(source="auto", targets=(), options=RECORDED, frames=30).voice(5).quiet(4).voice(5).quiet(4)
    teller.say(transcribed(2, "deux")).say(JobReturned(**about(1))).say(transcribed(1, "un", attempt=2))
    commands = outcome(teller.story, SchedulerSettings(client_timeout_s=1e4, prompt_context=True), wait=0)
    assert [event.text for event in events(commands) if isinstance(event, TranscriptFinal)] == ["un", "deux"]
    assert {(run.job.expected, run.job.prompt) for run in jobs(commands)} == {("", "")}


def test_what_a_client_ends_itself_may_be_recorded_too() -> None:
    options = msgspec.structs.replace(RECORDED, endpointing=Endpointing(manual=True))
    teller = Teller(targets=(), options=options, frames=30).voice(2).quiet(5).voice(2).say(CloseRequested(after=-1))
    (run,) = jobs(outcome(teller.story, KEPT, wait=0))
    assert len(run.job.pcm) / 32_000 == pytest.approx(9, abs=0.1)


def test_what_is_written_waits_with_the_pieces() -> None:
    teller = Teller(targets=("en",), speech=True, options=RECORDED).say(
        TextGiven(number=1, text="salut", language="fr")
    )
    (run,) = jobs(outcome(teller.wait(PATIENCE_S / 2).story, KEPT, wait=0))
    assert (run.job.recorded, run.job.pcm, run.job.transcript) == (True, b"", "salut")


def test_nobody_begins_what_is_left_of_a_recording_that_was_ended() -> None:
    teller = Teller(targets=(), options=RECORDED, frames=30).voice(5).quiet(4).voice(5).quiet(4)
    teller.say(transcribed(1)).say(JobReturned(**about(1, utterance=2))).say(SessionTerminated(reason="abandoned"))
    commands = outcome(teller.story, KEPT, wait=0)
    (withdrawn,) = [command.binding for command in commands if isinstance(command, WithdrawJob)]
    assert (withdrawn.job, withdrawn.attempt, withdrawn.state) == ("s1.2", 3, "withdrawn")
    assert kinds(commands)[-1] == "session.closed"
    spoken = Teller().voice(2).quiet(2).say(SessionTerminated())
    assert not [command for command in outcome(spoken.story) if isinstance(command, WithdrawJob)]


# --- who takes it over ----------------------------------------------------------------------------------------------


def taken_over(teller: Teller) -> tuple[Session, int, RunJob]:
    """A successor, from the last snapshot; what of the mailbox its buffer needs is gone."""
    session, kept, runs = Session("s1", KEPT), b"", []
    for sequence, (now, mail) in enumerate(teller.story, 1):
        commands = session.handle(mail, sequence, now)
        runs += jobs(commands)
        if any(isinstance(command, SaveSnapshot) for command in commands):
            kept = msgspec.json.encode(session.snapshot())
            assert not commands or isinstance(commands[-1], SaveSnapshot), "all that it knows of is stored before it"
    state = msgspec.json.decode(kept, type=SessionState)
    return Session("s1", KEPT, state), len(teller.story), runs[-1]


def test_a_snapshot_follows_each_piece_and_needs_none_of_its_audio() -> None:
    session, _, _ = taken_over(fed(30))
    assert session.state.next_utterance == 3
    assert session.state.buffer.start > 27 * 16_000
    assert len(msgspec.json.encode(session.state)) < 4000


def test_a_successor_reads_the_audio_from_the_job() -> None:
    session, last, run = taken_over(fed())
    assert session.lacking() == [1]
    session.give(1, run.job.pcm)
    assert session.lacking() == []
    (again,) = jobs(session.handle(JobReturned(**about()), last + 1, T0 + 200))
    assert (again.job.attempt, again.job.pcm) == (2, run.job.pcm)
    session.handle(transcribed(1), last + 2, T0 + 201)
    session.handle(ClientSeen(), last + 3, T0 + 202)
    assert session.lacking() == []
    assert session._utterances.pieces == {}


def test_where_that_is_gone_its_host_is_asked_to_say_so() -> None:
    session, last, _ = taken_over(fed())
    (again,) = jobs(session.handle(JobReturned(**about()), last + 1, T0 + 200))
    assert (again.job.pcm, again.job.transcript) == (b"", "")
    gone = StageFailed(**about(2), stage="asr", code="timed_out", message="its audio is gone", retryable=False)
    told = [command.event for command in session.handle(gone, last + 2, T0 + 300) if hasattr(command, "event")]
    assert [(event.code, event.retryable) for event in told if isinstance(event, ErrorTold)] == [("timed_out", True)]
