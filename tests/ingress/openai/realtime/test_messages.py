"""What clients say, read; and whatever else they may send: never anything but the error that is documented."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingress.openai.realtime import configuration, interpreting, messages
from ingress.openai.realtime.configuration import Configuration
from ingress.openai.realtime.interpreting import Interpreting
from ingress.openai.realtime.messages import (
    Append,
    Clear,
    Close,
    Commit,
    OldUpdate,
    TranscriptionMessage,
    TranslationAppend,
    TranslationMessage,
    Update,
    audio_of,
)
from ingress.openai.refusals import Refused


def read(text: str, kinds: Any = TranscriptionMessage) -> Any:
    return messages.read(messages.parse(text), kinds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"input_audio_buffer.append","audio":"AAA="}', Append(audio="AAA=")),
        ('{"type":"input_audio_buffer.commit","event_id":"e"}', Commit(event_id="e")),
        ('{"type":"input_audio_buffer.clear","event_id":null}', Clear()),
        ('{"type":"session.update","session":{"type":"transcription"}}', Update(session={"type": "transcription"})),
        ('{"type":"transcription_session.update","session":{}}', OldUpdate(session={})),
    ],
)
def test_what_transcribing_clients_say(text: str, message: object) -> None:
    assert read(text) == message


def test_what_translating_clients_say() -> None:
    assert read('{"type":"session.close"}', TranslationMessage) == Close()
    appended = read('{"type":"session.input_audio_buffer.append","audio":"AAA="}', TranslationMessage)
    assert appended == TranslationAppend(audio="AAA=")
    assert audio_of(appended) == b"\0\0"


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ("[" * 5000, "invalid_json", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type":7}', "missing_required_parameter", "type"),
        ('{"type":"session.updated"}', "invalid_value", "type"),
        ('{"type":"session.close"}', "invalid_value", "type"),
        ('{"type":"response.create"}', "unsupported_value", "type"),
        ('{"type":"conversation.item.create","item":{}}', "unsupported_value", "type"),
        ('{"type":"output_audio_buffer.clear"}', "unsupported_value", "type"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type":"input_audio_buffer.append","audio":5}', "invalid_value", "audio"),
        ('{"type":"input_audio_buffer.append","audio":"","sound":""}', "unknown_parameter", "sound"),
        ('{"type":"input_audio_buffer.commit","event_id":5}', "invalid_value", "event_id"),
        ('{"type":"input_audio_buffer.commit","event_id":"%s"}' % ("e" * 513), "invalid_value", "event_id"),
        ('{"type":"session.update","session":[]}', "invalid_value", "session"),
    ],
)
def test_what_is_wrong_is_refused_by_name(text: str, code: str, param: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read(text)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("audio", ["A", "AA", "AAA", "AA\nAA", "A-_A", "é", "=AAA"])
def test_what_is_no_base64_is_refused(audio: str) -> None:
    with pytest.raises(Refused, match="no base64") as refused:
        audio_of(Append(audio=audio))
    assert refused.value.param == "audio"


@given(st.binary(max_size=100))
def test_base64_is_what_it_was(data: bytes) -> None:
    assert audio_of(Append(audio=base64.b64encode(data).decode())) == data


def test_an_event_is_known_by_its_name_even_where_it_is_wrong() -> None:
    assert messages.event_id_of({"event_id": "mine", "type": 7}) == "mine"
    assert messages.event_id_of({"event_id": 7}) is None


# --- fuzzing ---

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
NAMES = (
    "type audio input output format rate transcription model language languages prompt keywords delay turn_detection "
    "threshold prefix_padding_ms silence_duration_ms create_response interrupt_response idle_timeout_ms eagerness "
    "include noise_reduction session event_id input_audio_format input_audio_transcription modalities "
    "audio/pcm audio/pcmu server_vad semantic_vad realtime pcm16 en low"
)
WORDS = st.sampled_from(NAMES.split(" "))
VALUES = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=9), inner, max_size=6),
    max_leaves=30,
)
TAGS = [str(kind.__struct_config__.tag) for kind in (*TranscriptionMessage.__args__, *TranslationMessage.__args__)]


@given(st.text() | st.dictionaries(WORDS, VALUES).map(json.dumps))
@example('{"type":"\\ud800"}')
@example('{"type":1e999}')
def test_whatever_text_comes_is_read_or_refused(text: str) -> None:
    for kinds in (TranscriptionMessage, TranslationMessage):
        with contextlib.suppress(Refused):
            message = messages.parse(text)
            messages.event_id_of(message)
            messages.read(message, kinds)


@given(st.sampled_from(TAGS), st.dictionaries(WORDS, VALUES, max_size=4))
def test_whatever_fields_an_event_has_it_is_read_or_refused(tag: str, fields: dict[str, Any]) -> None:
    for kinds in (TranscriptionMessage, TranslationMessage):
        with contextlib.suppress(Refused):
            read(json.dumps({**fields, "type": tag}), kinds)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
@example({"turn_detection": {"type": "server_vad", "threshold": 10**400}})
@example({"format": {"type": ["audio/pcm"]}})
@example({"type": "transcription", "audio": None})
def test_whatever_a_session_is_asked_to_be_it_becomes_that_or_the_request_is_refused(session: dict[str, Any]) -> None:
    for given_session in (session, {"type": "transcription", "audio": {"input": session}}):
        with contextlib.suppress(Refused):
            configuration.updated(Configuration(), given_session).wishes()
        with contextlib.suppress(Refused):
            configuration.old_updated(Configuration(), given_session).wishes()
        with contextlib.suppress(Refused):
            interpreting.updated(Interpreting(), given_session).wishes()
