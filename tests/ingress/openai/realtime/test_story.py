"""A session's events, retold as items: in order and whole, whatever was lost on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.openai.realtime import events
from ingress.openai.realtime.configuration import Detection
from ingress.openai.realtime.events import ServerEvent
from ingress.openai.realtime.story import Dialect, Story
from wire.protocol import (
    AudioAck,
    ClientEvent,
    ErrorTold,
    TranscriptFinal,
    TranscriptPartial,
    UtteranceDropped,
    UtteranceEmpty,
    UtteranceEnded,
    UtteranceStarted,
)


def story(detection: Detection | None = Detection(), dialect: Dialect = "ga") -> Story:  # noqa: B008  # immutable
    made = Story("s", dialect)
    made.detection = detection
    return made


def final(utterance: int, text: str = "Hello.", start: float = 1.0, end: float = 2.0) -> TranscriptFinal:
    return TranscriptFinal(utterance=utterance, text=text, language="en", start=start, end=end)


def tags(told: Iterable[ServerEvent]) -> list[str]:
    """The events' names, without what all of them begin with."""
    return [
        str(event.__struct_config__.tag).removeprefix("input_audio_buffer.").removeprefix("conversation.item.")
        for event in told
    ]


BEGUN = ["speech_started"]
OVER = ["speech_stopped", "committed", "added", "done"]
DELTA, DONE = "input_audio_transcription.delta", "input_audio_transcription.completed"


def test_a_final_alone_tells_the_whole_story() -> None:
    told = story().hear(final(1, start=1.0, end=2.0), 9000)
    assert tags(told) == [*BEGUN, *OVER, DELTA, DONE]
    started, stopped = told[0], told[1]
    assert isinstance(started, events.SpeechStarted)
    assert isinstance(stopped, events.SpeechStopped)
    assert (started.audio_start_ms, stopped.audio_end_ms) == (700, 2500), "padding and silence belong to it"


def test_times_never_overlap_or_pass_what_was_sent() -> None:
    made = story()
    made.hear(final(1, start=0.1, end=2.0), 2200)
    (started,) = made.hear(UtteranceStarted(utterance=2, start=2.3), 2600)
    assert isinstance(started, events.SpeechStarted)
    assert started.audio_start_ms == 2200
    ended = made.hear(UtteranceEnded(utterance=2, start=2.3, end=2.4), 2600)[0]
    assert isinstance(ended, events.SpeechStopped)
    assert ended.audio_end_ms == 2600


def test_an_item_follows_the_one_before_it() -> None:
    made = story()
    committed = [
        event for number in (1, 2, 3) for event in made.hear(final(number), 9000) if isinstance(event, events.Committed)
    ]
    items = [each.item_id for each in committed]
    assert [each.previous_item_id for each in committed] == [None, *items[:2]]
    assert len(set(items)) == 3


def test_an_utterance_whose_end_nobody_told_is_over_when_the_next_one_begins() -> None:
    made = story()
    made.hear(UtteranceStarted(utterance=1, start=1.0), 1500)
    assert tags(made.hear(UtteranceStarted(utterance=2, start=4.0), 5000)) == [*OVER, *BEGUN]
    assert tags(made.hear(UtteranceEnded(utterance=1, start=1.0, end=2.0), 6000)) == []
    assert tags(made.hear(final(1), 6000)) == [DELTA, DONE]
    assert tags(made.hear(final(2), 6000)) == [*OVER, DELTA, DONE]


def test_one_that_nobody_told_of_is_told_before_the_next() -> None:
    made = story()
    told = made.hear(UtteranceEnded(utterance=3, start=5.0, end=6.0), 9000)
    assert tags(told) == 3 * [*BEGUN, *OVER]
    assert tags(made.hear(final(1), 9000)) == [DELTA, DONE]
    assert made.committed == 3


def test_what_was_too_short_is_stopped_and_another_item_follows() -> None:
    made = story()
    (first,) = made.hear(UtteranceStarted(utterance=1, start=1.0), 1500)
    assert tags(made.hear(UtteranceDropped(utterance=1), 2000)) == ["speech_stopped"]
    assert made.hear(UtteranceDropped(utterance=1), 2000) == []
    (second,) = made.hear(UtteranceStarted(utterance=1, start=3.0), 3500)
    assert isinstance(first, events.SpeechStarted)
    assert isinstance(second, events.SpeechStarted)
    assert first.item_id != second.item_id
    assert tags(made.hear(final(1), 9000)) == [*OVER, DELTA, DONE]


def test_what_was_cleared_may_still_have_been_an_utterance_already() -> None:
    made = story()
    made.hear(UtteranceStarted(utterance=1, start=1.0), 1500)
    assert tags(made.clear(2000)) == ["speech_stopped", "cleared"]
    assert tags(made.hear(UtteranceEnded(utterance=1, start=1.0, end=1.5), 2100)) == ["committed", "added", "done"]
    assert tags(made.clear(2200)) == ["cleared"]


def test_a_client_that_ends_utterances_is_told_of_no_speech() -> None:
    made = story(None)
    assert made.hear(UtteranceStarted(utterance=1, start=0.0), 100) == []
    assert tags(made.hear(TranscriptPartial(utterance=1, committed="He", tentative="llo"), 500)) == [DELTA]
    assert tags(made.hear(UtteranceEnded(utterance=1, start=0.0, end=1.0), 1000)) == OVER[1:]
    assert tags(made.hear(final(1), 1000)) == [DELTA, DONE]


@pytest.mark.parametrize("event", [AudioAck(chunk=3), ErrorTold(code="x", message="y", retryable=False)])
def test_what_is_about_no_utterance_is_no_part_of_it(event: ClientEvent) -> None:
    assert story().hear(event, 100) == []


def test_what_is_over_is_told_once() -> None:
    made = story()
    made.hear(final(1), 9000)
    late = [UtteranceStarted(utterance=1, start=1.0), TranscriptPartial(utterance=1, committed="Hel", tentative="")]
    assert [made.hear(each, 9000) for each in (*late, final(1))] == [[], [], []]


def test_the_old_dialect_has_one_event_for_an_item() -> None:
    assert tags(story(dialect="beta").hear(final(1), 9000)) == [*BEGUN, *OVER[:2], "created", DELTA, DONE]


def test_a_failure_is_about_one_target_or_about_the_utterance() -> None:
    made, failed = story(), ErrorTold(utterance=1, code="timed_out", message="late", retryable=True)
    assert made.hear(ErrorTold(utterance=1, target="fr", code="x", message="y", retryable=False), 100) == []
    assert tags(made.hear(failed, 100)) == [*BEGUN, *OVER, "input_audio_transcription.failed"]
    assert made.hear(failed, 100) == []


# --- whatever is lost ---


def life(outcomes: list[str]) -> list[list[ClientEvent]]:
    """What an actor says of these utterances, one group for each; what is in a group may be lost but for its last."""
    told: list[list[ClientEvent]] = []
    for number, outcome in enumerate(outcomes, 1):
        start, end = 10.0 * number, 10.0 * number + 5
        said: list[ClientEvent] = [
            UtteranceStarted(utterance=number, start=start),
            UtteranceDropped(utterance=number),
            UtteranceStarted(utterance=number, start=start),
            TranscriptPartial(utterance=number, committed="Hello", tentative=""),
            TranscriptPartial(utterance=number, committed="Hello there", tentative=""),
            UtteranceEnded(utterance=number, start=start, end=end),
        ]
        match outcome:
            case "final":
                said.append(final(number, "Hello there, you.", start, end))
            case "empty":
                said.append(UtteranceEmpty(utterance=number, reason="noise", start=start, end=end))
            case _:
                said.append(ErrorTold(utterance=number, code="engine_failed", message="broke", retryable=False))
        told.append(said)
    return told


@given(st.lists(st.sampled_from(["final", "empty", "error"]), max_size=4), st.data())
def test_a_client_sees_each_item_whole_and_in_order(outcomes: list[str], data: st.DataObject) -> None:
    groups = life(outcomes)
    made, told = story(), []
    # an outcome may come after the next utterances have begun, but outcomes keep their order
    late: list[ClientEvent] = []
    for group in groups:
        kept = [each for each in group[:-1] if data.draw(st.booleans())]
        late.append(group[-1])
        for event in kept:
            told += made.hear(event, 100_000)
        if data.draw(st.booleans()):
            told += itertools.chain.from_iterable(made.hear(each, 100_000) for each in late)
            late = []
    for event in late:
        told += made.hear(event, 100_000)
    _check(told, len(outcomes))


def _check(told: list[ServerEvent], items: int) -> None:
    seen: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    committed: list[str] = []
    for event, name in zip(told, tags(told), strict=True):
        item: Any = getattr(event, "item", None)
        id = item.id if item is not None else getattr(event, "item_id", "")
        if isinstance(event, events.TranscriptDelta):
            texts[id] = texts.get(id, "") + event.delta
        else:
            seen.setdefault(id, []).append(name)
        if isinstance(event, events.Committed):
            assert event.previous_item_id == (committed[-1] if committed else None)
            committed.append(id)
        if isinstance(event, events.TranscriptCompleted) and event.transcript:
            assert texts[id] == event.transcript
    assert len(committed) == items
    for id, names in seen.items():
        if id in committed:
            assert names in ([*BEGUN, *OVER, DONE], [*BEGUN, *OVER, "input_audio_transcription.failed"])
        else:
            assert names == ["speech_started", "speech_stopped"]
    assert [id for id in seen if id in committed] == committed
