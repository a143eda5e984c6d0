"""Any life at all: whatever is said, lost, repeated, failed or late, in any order, the promises hold.

A story is made of random steps and lived four ways (tests/actors/life.py), which must agree; then the commands are held
to what every client and node relies on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, given, settings

from actors.attempts import MAX_ATTEMPTS, MAX_ROUNDS, PATIENCE_S
from actors.commands import BuryJob, Command, EndSession, WidenJob
from tests.actors.life import Teller, events, jobs, outcome
from wire.messages import (
    AudioCleared,
    ClientLeft,
    ClientReturned,
    CloseRequested,
    FinalizeRequested,
    FoundEmpty,
    Hypothesis,
    JobDone,
    JobProgressed,
    JobReturned,
    JobStarted,
    LanguagesChanged,
    SpeechEnded,
    SpeechStarted,
    SpeechUnavailable,
    StageFailed,
    TextGiven,
    Transcribed,
    Translated,
)
from wire.options import Endpointing, Options
from wire.protocol import ErrorTold, SessionClosed, TranscriptFinal, TranslationFinal, UtteranceEmpty

TARGETS = ("de", "en")
OPTIONS = [
    Options(),
    Options(captions=True, boundaries=True, endpointing=Endpointing(silence_s=0.4, threshold=0.3)),
    Options(captions=True, boundaries=True, live=["en"]),
    Options(captions=True, boundaries=True, endpointing=Endpointing(manual=True)),
    Options(boundaries=True, recorded=True, spoken=["en"]),
]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("utterance"), st.sampled_from([0.3, 1.0, 2.0])),
        st.tuples(st.just("utterance"), st.sampled_from([0.5, 17.0])),
        st.tuples(st.just("voice"), st.sampled_from([0.1, 0.5, 1.0, 3.0])),
        st.tuples(st.just("quiet"), st.sampled_from([0.2, 0.7, 2.5])),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 2.0, 4.0, 30.0])),
        st.tuples(st.just("lose"), st.integers(1, 5)),
        st.tuples(st.just("again"), st.integers(1, 8)),
        st.tuples(
            st.just("node"), st.sampled_from([1, 1, 2, 3]), st.sampled_from([1, 1, 1, 2, 3, 4]), st.sampled_from("abc"),
            st.sampled_from([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10]), st.sampled_from(TARGETS),
        ),
        st.tuples(
            st.just("node"), st.just(1), st.integers(1, 4), st.sampled_from("abc"), st.sampled_from([0, 9]),
            st.just("en"),
        ),
        st.tuples(
            st.just("heard"), st.sampled_from([1, 1, 2, 3]), st.integers(1, 8),
            st.sampled_from(["one two", "one two three", "one too", "two three four", ""]),
        ),
        st.tuples(st.sampled_from(["finalize", "finalize", "clear", "left", "returned"])),
        st.tuples(st.just("text"), st.integers(1, 4), st.sampled_from(["bonjour", "hello", ""])),
        st.tuples(st.just("languages"), st.integers(0, len(OPTIONS) - 1)),
    ),
    min_size=10,
    max_size=40,
)  # fmt: skip


def node_mail(utterance: int, attempt: int, node: str, kind: int, target: str) -> Any:
    common: dict[str, Any] = {"job": f"s1.{utterance}", "utterance": utterance, "attempt": attempt, "node": node}
    failed: dict[str, Any] = {**common, "code": "c", "message": "m"}
    makers: list[Callable[[], Any]] = [
        lambda: JobStarted(**common),
        lambda: JobProgressed(**common, stage="asr"),
        lambda: JobReturned(**common),
        lambda: Transcribed(**common, text=f"{utterance} by {node}", language="fr", confidence=0.9),
        lambda: FoundEmpty(**common, reason="noise"),
        lambda: Translated(**common, target=target, text=f"{target} {utterance}"),
        lambda: SpeechStarted(**common, target=target, sample_rate=22050),
        lambda: SpeechEnded(**common, target=target, seconds=1, chunks=1),
        lambda: SpeechUnavailable(**common, target=target, reason="no voice"),
        lambda: StageFailed(**failed, stage="asr", retryable=attempt < 4),
        lambda: JobDone(**common, seconds={}),
    ]
    return makers[kind]()


def written(actions: list[Any], options: Options) -> Teller:
    teller = Teller(targets=TARGETS, speech=True, options=options)
    for at, (what, *how) in enumerate(actions):
        match what:
            case "utterance":
                teller.voice(*how).quiet(0.7)
            case "voice":
                teller.voice(*how)
            case "quiet":
                teller.quiet(*how)
            case "wait":
                teller.wait(*how)
            case "lose":  # the last chunks never arrived; what follows them skips ahead, until they are sent again
                teller.chunk += how[0]
            case "again":  # go-back-N: all from some chunk on
                teller.chunk = max(0, teller.chunk - how[0])
            case "node":
                utterance, attempt, node, kind, target = how
                teller.say(node_mail(utterance, attempt, node, kind, target), after=0.01)
            case "heard":
                number, generation, text = how
                translations = {"en": text.upper()} if text else {}
                found = Hypothesis(
                    session="s1", utterance=number, generation=generation, node="n1", text=text, language="fr",
                    empty="" if text else "noise", translations=translations,
                )  # fmt: skip
                teller.say(found, after=0.01)
            case "finalize":
                teller.say(FinalizeRequested(after=teller.chunk - 1), after=0.01)
            case "left":
                teller.say(ClientLeft(), after=0.01)
            case "returned":
                teller.say(ClientReturned(ingress="i", connection=f"c{at}"), after=0.01)
            case "clear":
                teller.say(AudioCleared(after=teller.chunk - 1), after=0.01)
            case "text":
                number, text = how
                teller.say(TextGiven(number=number, text=text, language="en"), after=0.01)
            case "languages":
                wanted = msgspec.structs.replace(OPTIONS[how[0]], boundaries=options.boundaries)
                teller.say(LanguagesChanged(source="de", targets=["en"], speech=False, options=wanted), after=0.01)
    return teller.say(CloseRequested(after=-1), after=0.01)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.sampled_from(OPTIONS))
def test_the_promises_hold_in_any_life(actions: list[Any], options: Options) -> None:
    commands = outcome(written(actions, options).story, wait=2 * PATIENCE_S)
    told = events(commands)
    outcomes = [
        event.utterance
        for event in told
        if isinstance(event, TranscriptFinal | UtteranceEmpty)
        or (isinstance(event, ErrorTold) and event.target is None)
    ]
    numbers = list(range(1, len(outcomes) + 1))
    assert outcomes == numbers, "each utterance has exactly one outcome, in order"
    known = {event.utterance for event in told if isinstance(event, UtteranceEmpty)}
    known |= {event.utterance for event in told if isinstance(event, TranscriptFinal) and event.start == event.end}
    bound = {run.job.utterance for run in jobs(commands)}
    assert set(numbers) - known <= bound <= set(numbers), "a number is spent only with a job, or what is known already"
    for target in TARGETS:
        translated = [
            event.utterance for event in told if isinstance(event, TranslationFinal) and event.target == target
        ]
        assert translated == sorted(set(translated))
    assert isinstance(told[-1], SessionClosed)
    assert [type(command) for command in commands[-1:]] == [EndSession]
    hold_to_attempts(commands, numbers)


def hold_to_attempts(commands: list[Command], numbers: list[int]) -> None:
    end = 0.0
    for number in numbers:
        runs = [run for run in jobs(commands) if run.job.utterance == number]
        assert [run.job.attempt for run in runs] == list(range(1, len(runs) + 1)), "one attempt after the other"
        returned = sum(run.job.recorded for run in runs)
        assert len(runs) < MAX_ROUNDS + MAX_ATTEMPTS + returned
        if not runs or runs[0].binding.start == runs[0].binding.end:
            continue  # nothing was left to do, or it was written
        assert runs[0].binding.start >= end, "audio belongs to one utterance"
        end = runs[0].binding.end
        assert {(run.binding.start, run.binding.end) for run in runs} == {(runs[0].binding.start, end)}
        whole = round((end - runs[0].binding.start) * 32_000)
        for run in runs:
            assert len(run.job.pcm) == whole or (run.job.transcript and not run.job.pcm), "what must be heard is there"
    buried = [command.dead.utterance for command in commands if isinstance(command, BuryJob)]
    assert len(buried) == len(set(buried))
    widened = [(command.job.job, command.job.attempt) for command in commands if isinstance(command, WidenJob)]
    assert len(widened) == len(set(widened))
