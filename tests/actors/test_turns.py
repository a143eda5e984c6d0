"""Where utterances begin and end in whole sessions, as each session asks, and what its client is told of it at once."""

from __future__ import annotations

import pytest

from actors.commands import Command, TellLive, WidenJob, passing
from actors.turns import AUDIO_STALL_S
from tests.actors.life import Teller, boundaries, events, jobs, kinds, outcome, transcribed
from wire.messages import AudioChunk, AudioCleared, CloseRequested, FinalizeRequested, LanguagesChanged, TextGiven
from wire.options import Endpointing, Options
from wire.protocol import (
    ClientEvent,
    TranscriptFinal,
    TranscriptPartial,
    UtteranceDropped,
    UtteranceEmpty,
    UtteranceEnded,
    UtteranceStarted,
)

TOLD = Options(boundaries=True)
MANUAL = Options(boundaries=True, endpointing=Endpointing(manual=True))


def speaker(options: Options = TOLD, frames: int = 1) -> Teller:
    return Teller(targets=(), options=options, frames=frames)


def told(teller: Teller, wait: float = 0) -> list[ClientEvent]:
    return list(boundaries(outcome(teller.story, wait=wait)))


def lengths(teller: Teller, wait: float = 0) -> list[float]:
    """Seconds of audio in each job."""
    return [len(run.job.pcm) / 32_000 for run in jobs(outcome(teller.story, wait=wait)) if run.job.attempt == 1]


# --- what is told ---


def test_a_client_that_asks_is_told_where_utterances_begin_and_end() -> None:
    teller = speaker().quiet(0.96).voice(0.128)
    assert told(teller) == []
    assert told(teller.voice(0.032)) == [UtteranceStarted(utterance=1, start=0.96)]
    assert len(told(teller.voice(0.8).quiet(0.5))) == 1
    teller.quiet(0.2).say(transcribed(1))
    started, ended = told(teller)
    assert (started, ended) == (
        UtteranceStarted(utterance=1, start=0.96), UtteranceEnded(utterance=1, start=0.96, end=1.92),
    )  # fmt: skip
    (final,) = [event for event in events(outcome(teller.story, wait=0)) if isinstance(event, TranscriptFinal)]
    assert (final.start, final.end) == (0.96, 1.92)
    assert [type(event) for event in told(teller.voice(1).quiet(1))[2:]] == [UtteranceStarted, UtteranceEnded]


def test_what_begins_and_ends_in_one_chunk_is_told_too() -> None:
    teller = Teller(targets=(), options=TOLD, frames=200).quiet(1)
    chunk = AudioChunk(first=1, last=1, pcm=bytes(1024 * 60), speech=bytes((240,)) * 30 + bytes(30))
    assert [type(event) for event in told(teller.say(chunk))] == [UtteranceStarted, UtteranceEnded]


def test_others_are_not_told() -> None:
    teller = speaker(Options()).voice(1).say(AudioCleared(after=-1)).voice(1).quiet(1)
    assert told(teller) == []
    assert len(lengths(teller)) == 1


def test_what_is_too_short_was_never_started() -> None:
    assert told(speaker().voice(0.096).quiet(3)) == []


def test_what_has_too_little_voice_left_after_a_cut_is_dropped() -> None:
    """It was cut at the longest, and the voice was in what came after the cut."""
    teller = (
        speaker(frames=10).voice(0.032).audio(9, 100).audio(0.1, 91).audio(1, 100).voice(0.5).audio(5, 100).quiet(1)
    )
    assert [(type(event), event.utterance) for event in boundaries(outcome(teller.story, wait=0))] == [
        (UtteranceStarted, 1), (UtteranceDropped, 1), (UtteranceStarted, 1), (UtteranceEnded, 1),
    ]  # fmt: skip


def test_all_of_that_in_one_chunk_too() -> None:
    """A sender that is faster than real time, and a chunk that has the cut, the rest and its end."""
    teller = speaker(frames=10).voice(0.032).audio(9, 100).audio(0.1, 91).audio(1, 100).voice(0.5).audio(4, 100)
    assert len(told(teller)) == 1
    rest = bytes((100,)) * 60 + bytes(30)
    teller.say(AudioChunk(first=teller.chunk, last=teller.chunk, pcm=bytes(1024) * len(rest), speech=rest))
    assert [type(event) for event in told(teller)] == [
        UtteranceStarted, UtteranceDropped, UtteranceStarted, UtteranceEnded,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        UtteranceStarted(utterance=1, start=0),
        UtteranceEnded(utterance=1, start=0, end=1),
        UtteranceDropped(utterance=1),
        TranscriptPartial(utterance=1, committed="", tentative="un"),
    ],
)
def test_a_replay_does_not_tell_it_again(event: ClientEvent) -> None:
    command: Command = TellLive(event)
    assert passing(command)


# --- what is not wanted ---


def test_what_was_cleared_is_no_utterance_and_the_next_has_its_number() -> None:
    teller = speaker().voice(1.5).say(AudioCleared(after=46)).quiet(0.3).voice(1).quiet(1)
    started = UtteranceStarted(utterance=1, start=0.0)
    assert told(teller)[:2] == [started, UtteranceDropped(utterance=1)]
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.utterance, run.job.start >= 1.5) == (1, True)


def test_pre_roll_does_not_reach_into_what_was_cleared() -> None:
    teller = speaker().quiet(1).say(AudioCleared(after=-1)).voice(1).quiet(1)
    (run,) = jobs(outcome(teller.story, wait=0))
    assert run.job.start == 31 * 0.032


def test_clearing_waits_for_the_audio_before_it() -> None:
    teller = speaker().voice(0.96)
    late = teller.story.pop()
    teller.say(AudioCleared(after=teller.chunk - 1))
    teller.story.append((teller.now + 0.1, late[1]))
    teller.now += 0.1
    assert lengths(teller.quiet(1), wait=10) == []


def test_what_was_shown_of_it_is_forgotten() -> None:
    options = Options(captions=True, boundaries=True)
    teller = speaker(options).voice(1.5).say(AudioCleared(after=-1)).voice(1.5).quiet(1)
    assert len(lengths(teller, wait=3)) == 1


# --- as a session asks ---


def test_a_session_may_have_its_own_silence_threshold_and_pre_roll() -> None:
    patient = Options(endpointing=Endpointing(silence_s=1.5))
    assert len(lengths(speaker(patient).voice(1).quiet(1.2).voice(1).quiet(1.6))) == 1
    assert len(lengths(speaker().voice(1).quiet(1.2).voice(1).quiet(1.6))) == 2
    strict = Options(endpointing=Endpointing(threshold=0.95))
    assert lengths(speaker(strict).audio(2, 240).quiet(1)) == []
    early = Options(endpointing=Endpointing(pre_roll_s=1.0))
    assert lengths(speaker(early).quiet(2).voice(1).quiet(1)) == [pytest.approx(0.032 * (31 + 31 + 12))]


def test_what_it_asks_for_later_holds_from_the_next_frame_on() -> None:
    hasty = LanguagesChanged(
        source="fr", targets=[], speech=False, options=Options(endpointing=Endpointing(silence_s=0.2))
    )
    teller = speaker().voice(1).quiet(0.3)
    assert lengths(teller) == []
    assert len(lengths(teller.say(hasty).quiet(0.032))) == 1


# --- a client that ends utterances itself ---


def test_nothing_but_the_client_ends_them_and_all_audio_is_theirs() -> None:
    teller = speaker(MANUAL, 31).quiet(2).voice(1).quiet(6).wait(AUDIO_STALL_S + 2).voice(1)
    assert lengths(teller) == []
    teller.say(FinalizeRequested(after=teller.chunk - 1)).quiet(1).say(CloseRequested(after=-1))
    frames = [62, 31, 188, 31]
    assert lengths(teller) == [pytest.approx(0.032 * sum(frames)), pytest.approx(0.032 * 31)]
    first, second = (event for event in told(teller) if isinstance(event, UtteranceEnded))
    assert [first.start, first.end] == pytest.approx([1.984, 0.032 * sum(frames)])
    assert [second.start, second.end] == pytest.approx([first.end, 0.032 * (sum(frames) + 31)])


def test_a_moment_is_no_utterance_and_belongs_to_the_next() -> None:
    teller = speaker(MANUAL).quiet(0.064).say(FinalizeRequested(after=1)).quiet(1)
    assert lengths(teller.say(FinalizeRequested(after=-1))) == [pytest.approx(33 * 0.032)]
    assert lengths(speaker(MANUAL).quiet(0.096).say(FinalizeRequested(after=2))) == [pytest.approx(0.096)]


def test_what_is_too_long_for_the_model_is_cut_at_a_pause() -> None:
    teller = speaker(MANUAL, 5).voice(20).quiet(1).voice(12).say(FinalizeRequested(after=-1))
    first, second = lengths(teller)
    assert 20 < first <= 21
    assert first + second == pytest.approx(0.032 * (625 + 31 + 375))
    mute = speaker(MANUAL, 50).quiet(30).say(FinalizeRequested(after=-1))
    assert sum(lengths(mute)) == pytest.approx(0.032 * round(30 / 0.032))


def test_audio_that_was_lost_does_not_end_it() -> None:
    teller = speaker(MANUAL).voice(1)
    later = AudioChunk(first=teller.chunk + 9, last=teller.chunk + 9, pcm=bytes(1024), speech=b"\xf0", gap=True)
    assert lengths(teller.say(later).say(FinalizeRequested(after=-1))) == [pytest.approx(32 * 0.032)]


def test_it_may_clear_what_it_has_not_ended() -> None:
    teller = speaker(MANUAL).voice(1).say(AudioCleared(after=-1)).quiet(0.5).say(FinalizeRequested(after=-1))
    assert lengths(teller) == [pytest.approx(16 * 0.032)]


def test_what_comes_after_its_client_was_given_up_takes_nothing_from_what_came_before() -> None:
    teller = speaker(MANUAL, 31).voice(1).wait(62).voice(1)
    widened = [command.job for command in outcome(teller.story, wait=3) if isinstance(command, WidenJob)]
    assert [len(job.pcm) for job in widened] == [31 * 1024]


def test_it_may_change_its_mind() -> None:
    by_itself = LanguagesChanged(source="fr", targets=[], speech=False, options=TOLD)
    manual = LanguagesChanged(source="fr", targets=[], speech=False, options=MANUAL)
    assert len(lengths(speaker(MANUAL).voice(1).say(by_itself).quiet(1))) == 1
    teller = speaker().voice(1).say(manual).quiet(5)
    assert lengths(teller) == []
    assert lengths(teller.say(FinalizeRequested(after=-1))) == [pytest.approx(0.032 * (31 + 156))]


# --- texts ---


def test_a_text_takes_the_number_of_what_is_being_said() -> None:
    teller = speaker(Options(captions=True, boundaries=True)).voice(1)
    teller.say(TextGiven(number=1, text="bonjour", language="fr")).voice(0.5).quiet(1)
    assert [(type(event), event.utterance) for event in boundaries(outcome(teller.story, wait=0))] == [
        (UtteranceStarted, 1), (UtteranceDropped, 1), (UtteranceStarted, 2), (UtteranceEnded, 2),
    ]  # fmt: skip
    assert kinds(outcome(teller.story, wait=0)) == ["session.started", "transcript.final"]
    empty = speaker().voice(1).say(TextGiven(number=1, text=" ", language="fr"))
    assert isinstance(events(outcome(empty.story, wait=0))[-1], UtteranceEmpty)
