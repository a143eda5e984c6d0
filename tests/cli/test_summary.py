from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from cli.events import Event, SpeechFrame, UnknownEvent
from cli.summary import Account, Summary
from wire.protocol import (
    AudioAck,
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SessionReady,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)


def numbered(events: Iterable[ClientEvent | SpeechFrame]) -> list[Event]:
    """Give each stored event the next number."""
    made: list[Event] = []
    n = 0
    for event in events:
        if isinstance(event, ClientEvent) and not isinstance(event, AudioAck | TranscriptPartial):
            n += 1
            event = msgspec.structs.replace(event, n=n)
        made.append(event)  # type: ignore[arg-type]
    return made


def started(*targets: str, speech: bool = False) -> SessionReady:
    return SessionReady(session="s", source="auto", targets=list(targets), speech=speech, next_chunk=0)


def said(utterance: int) -> TranscriptFinal:
    return TranscriptFinal(utterance=utterance, text="x", language="fr", start=0.0, end=1.0)


def translated(utterance: int, target: str = "en") -> TranslationFinal:
    return TranslationFinal(utterance=utterance, target=target, text="y")


def both(utterance: int) -> list[ClientEvent]:
    return [translated(utterance), translated(utterance, "de")]


def unspoken(utterance: int, target: str) -> SpeechMissing:
    return SpeechMissing(utterance=utterance, target=target, reason="no voice")


def spoken(utterance: int, target: str = "en", frames: tuple[int, ...] = (0, 1)) -> list[ClientEvent | SpeechFrame]:
    return [
        SpeechBegan(utterance=utterance, target=target, sample_rate=8000),
        *(SpeechFrame(utterance, target, sequence, 8000, b"\0\0") for sequence in frames),
        SpeechFinished(utterance=utterance, target=target, seconds=1.0, chunks=2),
    ]


def empty(utterance: int) -> UtteranceEmpty:
    return UtteranceEmpty(utterance=utterance, reason="noise", start=0.0, end=1.0)


def failed(utterance: int | None = None, target: str | None = None) -> ErrorTold:
    return ErrorTold(code="engine_failed", message="m", retryable=False, utterance=utterance, target=target)


def closed(utterances: int) -> SessionClosed:
    return SessionClosed(reason="client", utterances=utterances)


def reckon(*events: ClientEvent | SpeechFrame) -> Summary:
    account = Account()
    for event in numbered(events):
        account.heard(event, 0.0)
    return account.summary()


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        ([started(), closed(0)], 0),
        ([started(), said(1), empty(2), closed(2)], 0),
        ([started("en"), said(1), translated(1), closed(1)], 0),
        ([started("en", speech=True), said(1), translated(1), *spoken(1), closed(1)], 0),
        (
            [
                started("en", "de", speech=True),
                said(1),
                translated(1),
                translated(1, "de"),
                *spoken(1, "de"),
                *spoken(1),
                closed(1),
            ],
            0,
        ),
        (
            [
                started("de", speech=True),
                said(1),
                translated(1, "de"),
                SpeechMissing(utterance=1, target="de", reason="no voice"),
                closed(1),
            ],
            0,
        ),
    ],
)
def test_nothing_is_lost_where_each_has_its_outcome(events: list[ClientEvent | SpeechFrame], lost: int) -> None:
    assert reckon(*events).lost == lost


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        ([started(), said(1)], 1),  # no session.closed
        ([started(), said(1), closed(2)], 1),  # nothing about 2
        ([started(), said(2), closed(2)], 1),  # nothing about 1
        ([started(), failed(1), closed(1)], 1),
        ([started(), said(1), failed(1), closed(1)], 1),
        ([started("en"), failed(1), closed(1)], 1),  # once, not for each target too
        ([started("en"), said(1), closed(1)], 1),  # no translation
        ([started("en", "de"), said(1), failed(1, "de"), translated(1), closed(1)], 1),
        ([started("en", speech=True), said(1), failed(1, "en"), closed(1)], 1),  # and so no speech
        ([started("en", speech=True), said(1), translated(1), closed(1)], 1),  # no speech
        ([started("en", speech=True), said(1), translated(1), failed(1, "en"), closed(1)], 1),
        ([started("en", speech=True), said(1), translated(1), *spoken(1, frames=(0,)), closed(1)], 1),
        ([started("en", speech=True), said(1), translated(1), *spoken(1, frames=(0, 0)), closed(1)], 1),
        ([started("en", speech=True), said(1), translated(1), *spoken(1, frames=(1, 0)), closed(1)], 1),
        ([started(), TranscriptPartial(utterance=1, committed="a", tentative=""), closed(0)], 1),
        ([started("en", "de"), said(1), said(2), closed(3)], 5),
    ],
)
def test_what_has_no_outcome_is_lost(events: list[ClientEvent | SpeechFrame], lost: int) -> None:
    assert reckon(*events).lost == lost


@pytest.mark.parametrize(("target", "lost"), [("en", 0), ("fr", 1)])
def test_between_two_languages_each_goes_into_the_other(target: str, lost: int) -> None:
    ready = msgspec.structs.replace(started("fr", "en"), between=["fr", "en"])
    assert reckon(ready, said(1), translated(1, target), closed(1)).lost == lost


def test_an_error_about_the_connection_is_no_utterance() -> None:
    assert reckon(started(), failed(), closed(0)) == Summary(0.0, 0, None, None, None, 0)


def test_a_refused_session_lost_nothing() -> None:
    assert Account().summary().lost == 0


@pytest.mark.parametrize(("numbers", "lost"), [((1, 2, 3), 0), ((1, 3, 4), 1), ((1, 5, 6), 3), ((1, 2, 2, 3), 1)])
def test_numbers_that_are_skipped_or_repeated_are_lost(numbers: tuple[int, ...], lost: int) -> None:
    account = Account()
    account.heard(started(), 0.0)
    for n in numbers:
        account.heard(UnknownEvent("later", n), 0.0)
    account.heard(SessionClosed(n=numbers[-1] + 1, reason="client", utterances=0), 0.0)
    assert account.summary().lost == lost


def test_a_repeated_event_counts_once() -> None:
    account = Account()
    account.heard(started(), 0.0)
    account.heard(SpeechBegan(n=1, utterance=1, target="en", sample_rate=8000), 0.0)
    account.heard(SpeechFrame(1, "en", 0, 8000, b""), 0.0)
    account.heard(SpeechBegan(n=1, utterance=1, target="en", sample_rate=8000), 0.0)
    account.heard(SpeechFrame(1, "en", 1, 8000, b""), 0.0)
    account.heard(SpeechFinished(n=2, utterance=1, target="en", seconds=1.0, chunks=2), 0.0)
    account.heard(TranscriptFinal(n=3, utterance=1, text="", language="fr", start=0.0, end=1.0), 0.0)
    account.heard(SessionClosed(n=4, reason="client", utterances=1), 0.0)
    assert account.summary().lost == 1


def test_times_are_reckoned_from_the_audio() -> None:
    account = Account()
    ready, transcript, translation, ended = numbered([started("en"), said(1), translated(1), closed(1)])
    account.heard(ready, 0.0)
    account.sent(0.1, 0.0)
    account.sent(0.1, 0.1)
    account.heard(TranscriptPartial(utterance=1, committed="", tentative=""), 0.1)
    account.heard(TranscriptPartial(utterance=1, committed="a", tentative=""), 0.2)
    account.heard(TranslationPartial(utterance=1, target="en", committed="", tentative="b"), 0.3)
    account.heard(transcript, 1.0)
    account.heard(translation, 1.25)
    account.heard(ended, 3.0)
    assert account.summary() == Summary(0.2, 1, 0.2, 1.15, None, 0, 3)


def test_the_first_text_may_be_final_and_the_last_before_the_audio_ends() -> None:
    account = Account()
    ready, transcript, ended = numbered([started(), said(1), closed(1)])
    account.heard(ready, 0.0)
    account.heard(transcript, 1.0)
    account.sent(5.0, 5.0)
    account.heard(ended, 5.0)
    assert account.summary() == Summary(5.0, 1, 1.0, 0.0, None, 0)


def test_speech_lags_too() -> None:
    account = Account()
    account.sent(1.0, 1.0)
    for event in numbered([started("en", speech=True), said(1), translated(1), *spoken(1), closed(1)]):
        account.heard(event, 2.5)
    assert account.summary().speech_lag_s == 1.5
