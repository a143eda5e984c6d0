from __future__ import annotations

import json
import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress import browser
from tests.ingress.client import read_speech
from wire.errors import ClientError, LanguageUnsupported, ProtocolViolation
from wire.jobs import SpeechChunk
from wire.protocol import (
    AnyClientEvent,
    AnyClientRequest,
    AudioAck,
    CloseRequest,
    ErrorTold,
    FinalizeRequest,
    PlayedRequest,
    PlayingRequest,
    ResumeRequest,
    SpeechHeard,
    StartRequest,
    UpdateRequest,
)


def code(text: str) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        browser.read_request(text)
    return caught.value.code


def answer(read: Callable[[str], object], text: str) -> str | None:
    """The code of the refusal, or None."""
    try:
        read(text)
    except ClientError as error:
        return error.code
    return None


def opening(**fields: object) -> StartRequest:
    made = browser.read_opening(json.dumps({"type": "session.start", **fields}))
    assert isinstance(made, StartRequest)
    return made


def refused(**fields: object) -> ClientError:
    with pytest.raises(ClientError) as caught:
        opening(**fields)
    return caught.value


@pytest.mark.parametrize(
    "text", ["", "{", "hello", "[1]", "3", "null", '"session.start"', "[" * 100_000, '{"a":1e999}']
)
def test_what_is_no_json_object(text: str) -> None:
    assert code(text) == "not_json"


@pytest.mark.parametrize("text", ['{"type":"session.strat"}', '{"type":"transcript.final"}', '{"type":""}'])
def test_an_unknown_type(text: str) -> None:
    assert code(text) == "unknown_type"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"type":3}',
        '{"type":"speech.playing","utterance":1,"target":"en"}',
        '{"type":"speech.playing","utterance":"1","target":"en","seconds":1}',
        '{"type":"speech.playing","utterance":0,"target":"en","seconds":1}',
        '{"type":"speech.playing","utterance":1,"target":"EN.*","seconds":1}',
        '{"type":"speech.playing","utterance":1,"target":"en","seconds":0}',
        '{"type":"speech.playing","utterance":1,"target":"en","seconds":121}',
        '{"type":"speech.played","utterance":99999999999,"target":"en"}',
        '{"type":"utterance.finalize","now":true}',
        '{"type":"session.update","targets":"en"}',
    ],
)
def test_a_missing_or_wrong_field(text: str) -> None:
    assert code(text) == "bad_field"


def test_the_message_names_what_is_wrong_and_what_there_is() -> None:
    with pytest.raises(ProtocolViolation, match="`target`"):
        browser.read_request('{"type":"speech.played","utterance":1}')
    with pytest.raises(ProtocolViolation, match=r"session\.update"):
        browser.read_request('{"type":"languages"}')


@pytest.mark.parametrize(
    "request_",
    [
        StartRequest(source="fr", targets=["en", "de"], sample_rate=48_000, speech=False),
        StartRequest(),
        UpdateRequest(),
        UpdateRequest(source="fr", targets=[], speech=True),
        FinalizeRequest(),
        PlayingRequest(utterance=3, target="en", seconds=2.4),
        PlayedRequest(utterance=3, target="yue"),
        CloseRequest(),
    ],
)
def test_every_request_is_read_as_it_was_meant(request_: AnyClientRequest) -> None:
    assert browser.read_request(msgspec.json.encode(request_).decode()) == request_


def test_every_request_type_is_known() -> None:
    kinds = set(AnyClientRequest.__args__)
    assert {kind.__struct_config__.tag for kind in kinds} == browser._TYPES


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert answer(browser.read_request, text) in (None, "not_json", "unknown_type", "bad_field")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda each: st.lists(each)))
def test_any_fields_are_read_or_refused(value: object) -> None:
    for kind in ("session.start", "session.update", "speech.playing"):
        for field in ("source", "targets", "seconds", "type"):
            found = answer(browser.read_opening, json.dumps({"type": kind, field: value}))
            assert found in (None, "bad_start", "language_unsupported")


def test_an_opening_with_defaults() -> None:
    assert opening() == StartRequest(source="auto", targets=[], sample_rate=16_000, speech=True)
    assert opening(source="fr", targets=["en"]).targets == ["en"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sample_rate": 7_999}, "sample_rate_unsupported"),
        ({"sample_rate": 48_001}, "sample_rate_unsupported"),
        ({"sample_rate": "16k"}, "bad_start"),
        ({"source": "fr", "targets": ["en", "fr"]}, "target_equals_source"),
        ({"targets": ["en", "en"]}, "bad_start"),
        ({"targets": [f"a{chr(97 + i)}" for i in range(17)]}, "bad_start"),
        ({"rate": 16_000}, "bad_start"),
    ],
)
def test_an_impossible_opening(fields: dict[str, object], expected: str) -> None:
    assert refused(**fields).code == expected


@pytest.mark.parametrize(
    "fields", [{"source": "french"}, {"source": "EN"}, {"targets": ["auto"]}, {"targets": ["e.*"]}]
)
def test_what_is_no_language_code(fields: dict[str, object]) -> None:
    error = refused(**fields)
    assert isinstance(error, LanguageUnsupported)
    assert error.code == "language_unsupported"


def test_a_client_may_come_back_instead() -> None:
    fields = {"type": "session.resume", "session": "s", "token": "t", "n": 3}
    heard = [{"utterance": 1, "target": "en", "chunks": 0}]
    assert browser.read_opening(json.dumps({**fields, "heard": heard})) == ResumeRequest(
        session="s", token="t", n=3, heard=[SpeechHeard(utterance=1, target="en", chunks=0)]
    )
    assert browser.is_opening(json.dumps(fields | {"n": "x"}))


@pytest.mark.parametrize(
    "fields",
    [
        {"n": -1},
        {"n": "3"},
        {"token": None},
        {"heard": [{"utterance": 0, "target": "en", "chunks": 1}]},
        {"heard": [{"utterance": 1, "target": "e.*", "chunks": 1}]},
        {"heard": [{"utterance": 1, "target": "en", "chunks": -1}]},
        {"heard": [{"utterance": 1, "target": "en", "chunks": 1}] * 65},
        {"source": "fr"},
    ],
)
def test_a_return_that_cannot_be(fields: dict[str, object]) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        browser.read_opening(json.dumps({"type": "session.resume", "session": "s", "token": "t", "n": 3, **fields}))
    assert caught.value.code == "bad_start"


def test_the_first_message_must_be_an_opening() -> None:
    for text in ('{"type":"session.close"}', "hello", '{"type":"x"}'):
        with pytest.raises(ProtocolViolation) as caught:
            browser.read_opening(text)
        assert caught.value.code == "bad_start"
        assert not browser.is_opening(text)
    assert browser.is_opening('{"type":"session.start","rate":1}')


@given(st.integers(0, 2**32 - 1), st.binary().filter(lambda pcm: len(pcm) % 2 == 0))
def test_audio_frames(number: int, pcm: bytes) -> None:
    assert browser.read_audio(struct.pack("<I", number) + pcm) == (number, pcm)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(b"", "protocol_violation"), (b"\1\0\0", "protocol_violation"), (bytes(5), "odd_bytes"), (bytes(7), "odd_bytes")],
)
def test_frames_that_are_no_audio(frame: bytes, expected: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        browser.read_audio(frame)
    assert caught.value.code == expected


@given(
    st.integers(0, 2**32 - 1),
    st.from_regex(r"[a-z]{2,16}", fullmatch=True),
    st.integers(0, 2**32 - 1),
    st.integers(1, 192_000),
    st.binary(),
    st.integers(0, 255),
)
def test_speech_frames_are_what_the_protocol_says(
    n: int, target: str, sequence: int, rate: int, pcm: bytes, speaker: int
) -> None:
    chunk = SpeechChunk(job="s.1", attempt=1, sequence=sequence, sample_rate=rate, pcm=pcm)
    frame = browser.write_speech(n, target, chunk, speaker)
    assert len(frame) == 32 + len(pcm)
    assert read_speech(frame) == {
        "type": "speech", "speaker": speaker, "utterance": n, "target": target, "sequence": sequence,
        "sample_rate": rate, "pcm": pcm,
    }  # fmt: skip


def test_events_are_json_with_their_type() -> None:
    assert json.loads(browser.write_event(AudioAck(chunk=4))) == {"type": "audio.ack", "chunk": 4}
    told = ErrorTold(code="idle", message="m", retryable=False)
    assert json.loads(browser.write_event(told)) == {
        "type": "error", "code": "idle", "message": "m", "retryable": False,
    }  # fmt: skip
    assert msgspec.json.decode(browser.write_event(told), type=AnyClientEvent) == told
