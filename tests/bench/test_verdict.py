"""The judge of all tests of faults sees what is lost, repeated and out of order, and lets pass what is allowed."""

from __future__ import annotations

import pytest

from bench.speaker import Heard
from bench.verdict import judge, spans
from wire.protocol import (
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SpeechFinished,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)

EXPECTED = [(1.0, 2.0), (3.0, 4.5)]


def said(utterance: int, start: float, end: float) -> TranscriptFinal:
    text = f"I heard {end - start + 0.3:.1f} seconds of sound."
    return TranscriptFinal(n=1, utterance=utterance, text=text, language="en", start=start, end=end)


def heard(*events: ClientEvent, utterances: int) -> Heard:
    told = [*events, SessionClosed(n=1, reason="client", utterances=utterances)]
    return Heard(session="s", events=[(10.0 + at, event) for at, event in enumerate(told)], closed=True)


def test_what_an_undisturbed_run_heard_is_clean() -> None:
    found = judge(heard(said(1, 1.0, 2.0), said(2, 3.0, 4.5), utterances=2), EXPECTED, [], speech=False)
    assert found.clean
    assert found.utterances == 2
    assert found.delays == [(2.0, 8.0), (4.5, 6.5)]


def test_an_utterance_may_be_cut_in_two() -> None:
    told = heard(said(1, 1.0, 2.0), said(2, 3.0, 3.6), said(3, 3.7, 4.5), utterances=3)
    assert judge(told, EXPECTED, [], speech=False).clean
    assert len(spans(told)) == 3


@pytest.mark.parametrize(
    ("events", "utterances", "what"),
    [
        ([said(1, 1.0, 2.0)], 1, "lost"),
        ([said(1, 1.0, 2.0), said(2, 3.0, 3.9)], 2, "lost"),
        ([said(1, 1.0, 2.0), UtteranceEmpty(n=1, utterance=2, reason="no_speech", start=3.0, end=4.5)], 2, "lost"),
        ([said(1, 1.0, 2.0), ErrorTold(n=1, utterance=2, code="timed_out", message="", retryable=True)], 2, "lost"),
        ([said(1, 1.0, 2.0), said(2, 3.0, 4.5), said(2, 3.0, 4.5)], 2, "repeated"),
        ([said(1, 1.0, 2.0), said(2, 1.5, 2.0), said(3, 3.0, 4.5)], 3, "repeated"),
        ([said(2, 3.0, 4.5), said(1, 1.0, 2.0)], 2, "disordered"),
    ],
)
def test_what_must_not_be_is_seen(events: list[ClientEvent], utterances: int, what: str) -> None:
    found = judge(heard(*events, utterances=utterances), EXPECTED, [], speech=False)
    assert getattr(found, what) >= 1
    assert not found.clean


def test_translations_and_speech_are_counted_for_each_transcript() -> None:
    first = said(1, 1.0, 2.0)
    translation = TranslationFinal(n=1, utterance=1, target="fr", text=f"[fr] {first.text}")
    voice = SpeechFinished(n=1, utterance=1, target="fr", seconds=1.0, chunks=4)
    whole = heard(first, translation, voice, utterances=1)
    whole.samples[1, "fr"] = 16_000
    assert judge(whole, EXPECTED[:1], ["fr"], speech=True).clean
    whole.samples[1, "fr"] = 12_000
    assert not judge(whole, EXPECTED[:1], ["fr"], speech=True).clean
    assert judge(heard(first, translation, utterances=1), EXPECTED[:1], ["fr"], speech=True).lost == 1
    assert judge(heard(first, utterances=1), EXPECTED[:1], ["fr"], speech=False).lost == 1


def test_what_the_speaker_noted_is_kept() -> None:
    told = heard(said(1, 1.0, 2.0), said(2, 3.0, 4.5), utterances=2)
    told.faults = ["event 3 came after event 3: TranscriptFinal", "speech frame 2 of (1, 'fr') came when 3 was due"]
    found = judge(told, EXPECTED, [], speech=False)
    assert (found.disordered, found.repeated) == (1, 1)
    assert not found.clean
