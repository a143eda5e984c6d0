"""Utterances whose partial becomes their final, as stories of whole sessions."""

from __future__ import annotations

from actors.captions import FAST_S
from actors.commands import Command, RunPartial, TellLive, WidenJob
from tests.actors.life import Story, Teller, events, jobs, kinds, live, outcome, transcribed
from wire.env import SchedulerSettings
from wire.jobs import PartialJob
from wire.messages import (
    CloseRequested,
    FinalizeRequested,
    Hypothesis,
    JobDone,
    JobStarted,
    PlaybackEnded,
    PlaybackStarted,
    Translated,
)
from wire.options import Correction, Glossary, Options, Word
from wire.protocol import TranscriptFinal, TranscriptPartial, UtteranceEmpty

CAPTIONS = Options(captions=True)


def commands_of(story: Story) -> list[Command]:
    return live(story, settings=SchedulerSettings(), doubled=False, restored=False, until=story[-1][0] + 0.001)


def partials(story: Story) -> list[PartialJob]:
    return [command.job for command in commands_of(story) if isinstance(command, RunPartial)]


def shown(story: Story) -> list[tuple[str, str]]:
    found = [command.event for command in commands_of(story) if isinstance(command, TellLive)]
    return [(each.committed, each.tentative) for each in found if isinstance(each, TranscriptPartial)]


def heard(story: Story, text: str, *, words: list[Word] | None = None, **translations: str) -> Hypothesis:
    """The answer to the partial that was asked for last."""
    asked = partials(story)[-1]
    return Hypothesis(
        session="s1", utterance=asked.utterance, generation=asked.generation, node="n1", text=text, language="fr",
        confidence=0.9, empty="" if text else "noise", words=words or [], translations=translations,
    )  # fmt: skip


def spoken(options: Options = CAPTIONS, targets: tuple[str, ...] = ()) -> Teller:
    """One second of speech, and just so much silence that the whole of it is asked for."""
    teller = Teller(targets=targets, options=options, frames=1)
    teller.voice(0.96)
    if partials(teller.story):
        teller.say(heard(teller.story, "bon"))
    return teller.quiet(0.42)


def test_a_partial_of_all_the_audio_is_the_final_and_no_job_is_left_to_do() -> None:
    teller = spoken()
    asked = partials(teller.story)[-1]
    assert asked.whole
    teller.say(heard(teller.story, "bonjour")).quiet(0.3).say(CloseRequested(after=-1))
    done = outcome(teller.story)
    assert jobs(done) == []
    assert kinds(done) == ["session.started", "transcript.final", "session.closed"]


def test_its_audio_is_what_the_jobs_would_be() -> None:
    teller = spoken()
    asked = partials(teller.story)[-1]
    (run,) = jobs(outcome(teller.quiet(0.3).wait(FAST_S + 1).quiet(0.1).story, wait=0))
    assert (run.job.pcm, run.job.start) == (asked.pcm, asked.start)


def test_what_else_is_wanted_becomes_a_job_with_its_transcript() -> None:
    teller = spoken(targets=("en",))
    teller.say(heard(teller.story, "bonjour")).quiet(0.3)
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.transcript, run.job.transcript_language, run.job.targets) == ("bonjour", "fr", ["en"])
    assert run.job.pcm, "who translates from the audio needs it"
    teller.say(Translated(job="s1.1", utterance=1, attempt=1, node="n1", target="en", text="hello"))
    teller.say(JobDone(job="s1.1", utterance=1, attempt=1, node="n1", seconds={}))
    assert kinds(outcome(teller.story, wait=0)) == ["session.started", "transcript.final", "translation.final"]


def test_the_job_waits_for_an_answer_that_is_on_its_way() -> None:
    teller = spoken().quiet(0.3)
    assert jobs(outcome(teller.story, wait=0)) == []
    teller.say(heard(teller.story, "bonjour"), after=0.3)
    done = outcome(teller.story, wait=5)
    assert jobs(done) == []
    assert "transcript.final" in kinds(done)


def test_but_not_for_long() -> None:
    teller = spoken().quiet(0.3)
    late = heard(teller.story, "trop tard")
    (run,) = jobs(outcome(teller.story, wait=FAST_S))
    assert run.job.transcript == ""
    started = JobStarted(job="s1.1", utterance=1, attempt=1, node="n1")
    done = outcome(teller.say(started, after=FAST_S).say(late, after=0.1).story, wait=0)
    assert len(jobs(done)) == 1
    assert [event.text for event in events(done) if isinstance(event, TranscriptFinal)] == ["trop tard"]


def test_nor_at_all_where_it_is_overdue() -> None:
    teller = Teller(targets=(), options=CAPTIONS, frames=1).voice(0.64)
    teller.say(heard(teller.story, "bon")).voice(0.32).quiet(0.62)
    assert partials(teller.story)[-1].whole
    assert len(jobs(outcome(teller.story, wait=0))) == 1


def test_what_is_due_of_others_meanwhile_ends_no_waiting() -> None:
    teller = spoken(targets=("en",))
    teller.say(heard(teller.story, "bonjour"), after=0.4).quiet(0.3).voice(0.56).quiet(0.62)
    widened = outcome(teller.story, wait=0.4)
    assert any(isinstance(command, WidenJob) for command in widened)
    assert len(jobs(widened)) == 1
    assert len(jobs(outcome(teller.story, wait=1))) == 2


def test_where_speech_went_on_the_answer_is_a_partial_like_others() -> None:
    teller = spoken()
    answer = heard(teller.story, "bonjour")
    teller.voice(0.3).say(answer).quiet(0.8)
    (run,) = jobs(outcome(teller.story, wait=FAST_S + 0.1))
    assert run.job.transcript == ""
    assert ("bon", "jour") not in shown(teller.story)
    assert shown(teller.story)[-1][1] == "bonjour"


def test_nothing_heard_in_all_of_it_is_an_empty_utterance() -> None:
    teller = spoken(targets=("en",))
    teller.say(heard(teller.story, "")).quiet(0.3)
    done = outcome(teller.story, wait=0)
    assert jobs(done) == []
    (empty,) = [event for event in events(done) if isinstance(event, UtteranceEmpty)]
    assert empty.reason == "noise"


def test_the_final_says_what_it_corrected_and_has_times_where_they_are_wanted() -> None:
    teller = Teller(targets=(), options=Options(captions=True, words=True), frames=1).voice(0.7)
    teller.say(heard(teller.story, "ask an")).voice(0.7)
    teller.say(heard(teller.story, "ask an what")).quiet(0.42)
    asked = partials(teller.story)[-1]
    assert asked.timed
    words = [Word("ask", 0.1, 0.4), Word("not", 0.4, 0.8), Word("what", 0.8, 1.2)]
    teller.say(heard(teller.story, "ask not what", words=words)).quiet(0.3)
    (final,) = [event for event in events(outcome(teller.story, wait=0)) if isinstance(event, TranscriptFinal)]
    assert final.corrected == [Correction(1, "an", "not")]
    assert final.words == words


def test_between_two_languages_the_one_that_was_spoken_falls_away() -> None:
    options = Options(captions=True, between=["fr", "en"], glossary=Glossary(words=["Ana"]))
    teller = Teller(source="auto", targets=("fr", "en"), speech=True, options=options, frames=1)
    teller.voice(0.96)
    teller.say(heard(teller.story, "bon")).quiet(0.42)
    assert partials(teller.story)[-1].between == ["fr", "en"]
    teller.say(heard(teller.story, "bonjour")).quiet(0.3).voice(1)
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.targets, run.job.speak, run.job.between) == (["en"], ["en"], ["fr", "en"])
    assert run.job.glossary == options.glossary
    later = partials(teller.say(Translated(job="s1.1", utterance=1, attempt=1, node="n", target="en", text="h")).story)
    assert all(job.expected == "" for job in later if job.utterance == 1)
    assert [job.expected for job in partials(teller.voice(0.7).story) if job.utterance == 2][:1] == ["fr"]


def test_only_targets_that_somebody_listens_to_are_spoken() -> None:
    options = Options(spoken=["de"])
    teller = Teller(targets=("en", "de"), speech=True, options=options).voice(1).quiet(0.7)
    (run,) = jobs(outcome(teller.story, wait=0))
    assert (run.job.targets, run.job.speak) == (["en", "de"], ["de"])
    assert run.job.voiced > 0.9


# --- what was a part, and seemed to be all ---------------------------------------------------------------------------


def finals(teller: Teller) -> list[str]:
    return [event.text for event in events(outcome(teller.story, wait=0)) if isinstance(event, TranscriptFinal)]


def test_what_was_heard_in_a_pause_is_not_the_final_of_what_was_said_after_it() -> None:
    teller = spoken()
    teller.say(heard(teller.story, "bonjour")).voice(1.0)
    late = heard(teller.story, "bonjour à tous")
    teller.say(FinalizeRequested(after=-1)).say(late, after=0.05)
    assert finals(teller.say(transcribed(1, "bonjour à tous mes amis"), after=0.3)) == ["bonjour à tous mes amis"]


def test_nor_where_its_answer_comes_after_the_end() -> None:
    teller = spoken()
    late = heard(teller.story, "bonjour")
    teller.voice(0.5).say(FinalizeRequested(after=-1)).say(late, after=0.05)
    assert finals(teller.say(transcribed(1, "bonjour à tous"), after=0.3)) == ["bonjour à tous"]


def test_nor_where_a_long_utterance_is_cut_before_that_pause() -> None:
    teller = Teller(targets=(), options=CAPTIONS, frames=1)

    def say(seconds: float, text: str) -> None:
        for _ in range(round(seconds / 0.64)):
            before = len(partials(teller.story))
            if len(partials(teller.voice(0.64).story)) > before:
                teller.say(heard(teller.story, text))

    say(8.3, "un")
    teller.audio(0.3, 0)
    say(2, "un deux")
    teller.quiet(0.42)
    assert partials(teller.story)[-1].whole
    teller.say(heard(teller.story, "un deux")).voice(2)
    late = heard(teller.story, "un deux trois")
    while not jobs(commands_of(teller.story)):
        teller.voice(0.32)
    teller.say(late, after=0.05)
    assert finals(teller.say(transcribed(1, "un"), after=0.3)) == ["un"]


def test_where_partials_are_never_answered_finals_wait_for_one_only_once() -> None:
    teller = Teller(targets=(), options=CAPTIONS, frames=1)
    waited = []
    for number in range(1, 4):
        teller.voice(1.0).quiet(0.61)
        at_once = len(jobs(outcome(teller.story, wait=0)))
        waited.append(len(jobs(outcome(teller.story, wait=1))) - at_once)
        teller.wait(1).say(transcribed(number, "mot"), after=0.1).quiet(0.3)
    assert waited == [1, 0, 0]


# --- echoes ---------------------------------------------------------------------------------------------------------

ALOUD = "we will meet again tomorrow at ten"


def listening(options: Options = Options()) -> Teller:  # noqa: B008  # it is immutable
    """A first utterance was translated, and its speech begins to play, for 2 s."""
    teller = Teller(source="auto", targets=("en",), speech=True, options=options, frames=1).voice(0.5).quiet(0.42)
    if options.captions:
        teller.say(heard(teller.story, "on se revoit demain à dix heures")).quiet(0.3)
    else:
        teller.quiet(0.3).say(transcribed(1, "on se revoit demain à dix heures"))
    teller.say(Translated(job="s1.1", utterance=1, attempt=1, node="n1", target="en", text=ALOUD))
    return teller.say(PlaybackStarted(utterance=1, target="en", seconds=2.0))


def said(teller: Teller, text: str) -> list[str]:
    done = outcome(teller.quiet(0.7).say(transcribed(2, text, language="en"), after=0.5).story, wait=0)
    return [kind for kind in kinds(done) if kind in ("transcript.final", "utterance.empty")]


def test_what_is_played_and_heard_again_is_not_translated_again() -> None:
    assert said(listening().voice(1.9), ALOUD) == ["transcript.final", "utterance.empty"]


def test_it_is_not_shown_either() -> None:
    teller = listening(CAPTIONS).voice(1.0)
    before = shown(teller.story)
    teller.say(heard(teller.story, "we will meet"))
    assert shown(teller.story) == before
    assert shown(teller.voice(0.7).say(heard(teller.story, "stop it now")).story) == [*before, ("", "stop it now")]
    teller = listening(CAPTIONS).voice(0.96)
    teller.say(heard(teller.story, "we will meet")).quiet(0.42)
    assert partials(teller.story)[-1].whole
    assert shown(teller.say(heard(teller.story, "we will meet again tomorrow")).story) == before


def test_who_speaks_over_it_or_after_it_is_heard() -> None:
    assert said(listening().voice(1.9), "no wait I cannot come") == ["transcript.final", "transcript.final"]
    after = listening().quiet(3).voice(1.9)
    assert said(after, ALOUD) == ["transcript.final", "transcript.final"]
    stopped = listening().say(PlaybackEnded(utterance=1, target="en"), after=0.1).quiet(1).voice(1.9)
    assert said(stopped, ALOUD) == ["transcript.final", "transcript.final"]


def test_what_others_in_the_room_said_is_known_too() -> None:
    teller = Teller(targets=("en",), frames=1).quiet(0.5)
    teller.say(PlaybackStarted(utterance=7, target="en", seconds=2.0, speaker="m2", text=ALOUD)).voice(1.9).quiet(0.7)
    done = outcome(teller.say(transcribed(1, ALOUD, language="en"), after=0.5).story, wait=0)
    assert "utterance.empty" in kinds(done)
