"""Server events are what the SDK's types say, all of them; those of the old dialect but for their names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from openai.types.realtime.realtime_translation_server_event import RealtimeTranslationServerEvent

from ingress.openai.realtime import configuration, events, interpreting
from ingress.openai.realtime.configuration import Configuration
from ingress.openai.realtime.interpreting import Interpreting
from tests.ingress.openai.realtime.types import names, typed

SHOWN = configuration.shown(Configuration(), "sess_1", 5)
TRANSLATING = interpreting.shown(Interpreting(transcription="whisper-1"), "sess_1", 5)
ITEM = events.Item(id="item_1")
TRANSCRIPTION = [
    events.ErrorRaised(error=events.Problem(type="server_error", code="x", message="y")),
    events.SessionCreated(session=SHOWN),
    events.SessionUpdated(session=SHOWN),
    events.SpeechStarted(item_id="item_1", audio_start_ms=3),
    events.SpeechStopped(item_id="item_1", audio_end_ms=3),
    events.Committed(item_id="item_1", previous_item_id=None),
    events.Cleared(),
    events.ItemCreated(item=ITEM, previous_item_id="item_0"),
    events.ItemAdded(item=ITEM, previous_item_id=None),
    events.ItemDone(item=ITEM, previous_item_id=None),
    events.TranscriptDelta(item_id="item_1", delta="a"),
    events.TranscriptCompleted(
        item_id="item_1", transcript="a", usage=events.Usage(seconds=1.5), languages=[events.Language(code="en")]
    ),
    events.TranscriptFailed(item_id="item_1", error=events.Failure(type="server_error", code="x", message="y")),
]
TRANSLATION = [
    events.ErrorRaised(error=events.Problem(type="server_error", code="x", message="y", param="p", event_id="e")),
    events.SessionCreated(session=TRANSLATING),
    events.SessionUpdated(session=TRANSLATING),
    events.InputTranscriptDelta(delta="a", elapsed_ms=200),
    events.OutputTranscriptDelta(delta="a", elapsed_ms=200),
    events.OutputAudioDelta(delta="AAA=", elapsed_ms=200, sample_rate=24_000),
    events.SessionClosed(),
]
OLD = [
    events.OldSessionCreated(session=configuration.old_shown(Configuration(), "sess_1", 5)),
    events.OldSessionUpdated(session=configuration.old_shown(Configuration(), "sess_1", 5)),
]


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        *((each, RealtimeServerEvent) for each in TRANSCRIPTION),
        *((each, RealtimeTranslationServerEvent) for each in TRANSLATION),
    ],
)
def test_an_event_is_what_the_sdk_says(event: events.ServerEvent, kinds: Any) -> None:
    text = events.write(event, "event_1")
    assert typed(kinds, text).event_id == "event_1"


@pytest.mark.parametrize("event", OLD)
def test_the_old_dialects_own_events(event: events.ServerEvent) -> None:
    told = json.loads(events.write(event, "event_1"))
    assert told["type"].startswith("transcription_session.")
    assert told["session"]["turn_detection"]["type"] == "server_vad"


def test_all_events_were_looked_at() -> None:
    assert {str(each.__struct_config__.tag) for each in (*TRANSCRIPTION, *TRANSLATION, *OLD)} == names()
