"""What clients say: defaults, refusals by name. What they are told: types and numbers as docs/protocol.md has them
(tests/test_docs.py holds the page against the structs)."""

from __future__ import annotations

import typing

import msgspec
import pytest

from wire.errors import ProtocolViolation
from wire.messages import decode, encode
from wire.protocol import (
    AnyClientEvent,
    AnyClientRequest,
    AudioAck,
    ClientEvent,
    ClientRequest,
    CloseRequest,
    ErrorTold,
    SessionReady,
    StartRequest,
    TranscriptFinal,
    UpdateRequest,
)


def test_an_opening_with_nothing_in_it_is_enough() -> None:
    opening: StartRequest = decode(AnyClientRequest, b'{"type":"session.start"}')
    assert opening == StartRequest(source="auto", targets=[], sample_rate=16_000, speech=True)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b'{"type":"session.start","sauce":"en"}', "sauce"),
        (b'{"type":"session.start","targets":"en"}', "targets"),
        (b'{"type":"session.start","sample_rate":"fast"}', "sample_rate"),
        (b'{"type":"session.begin"}', "session.begin"),
        (b'{"source":"en"}', "type"),
        (b'{"type":"speech.playing","utterance":1,"target":"en"}', "seconds"),
        (b'{"type":"session.close"', "truncated"),
        (b"7", "object"),
    ],
)
def test_what_is_wrong_is_named(text: bytes, named: str) -> None:
    with pytest.raises(ProtocolViolation, match=named):
        decode(AnyClientRequest, text if text.startswith(b"{") else b"{" + text)


def test_left_out_fields_of_an_update_are_told_from_empty_ones() -> None:
    update: UpdateRequest = decode(AnyClientRequest, b'{"type":"session.update","targets":[]}')
    assert (update.source, update.targets, update.speech) == (None, [], None)


def test_stored_events_carry_their_number_and_live_ones_none() -> None:
    final = TranscriptFinal(n=4, utterance=1, text="hé", language="fr", start=0.5, end=1.0)
    assert msgspec.json.decode(encode(final)) == {
        "type": "transcript.final",
        "n": 4,
        "utterance": 1,
        "text": "hé",
        "language": "fr",
        "start": 0.5,
        "end": 1.0,
    }
    assert msgspec.json.decode(encode(AudioAck(chunk=7))) == {"type": "audio.ack", "chunk": 7}


def test_falsehoods_are_sent_too() -> None:
    """Defaults are left out: a field that a client needs must have none."""
    ready = SessionReady(n=1, session="s", source="auto", targets=[], speech=False, next_chunk=0)
    assert set(msgspec.json.decode(encode(ready))) == {
        "type", "n", "session", "source", "targets", "speech", "next_chunk",
    }  # fmt: skip
    told = msgspec.json.decode(encode(ErrorTold(code="c", message="m", retryable=False)))
    assert told == {"type": "error", "code": "c", "message": "m", "retryable": False}


def test_the_unions_hold_every_class() -> None:
    told = {kind for kind in ClientEvent.__subclasses__() if kind.__module__ == "wire.protocol"}
    assert set(typing.get_args(AnyClientEvent)) == told
    assert set(typing.get_args(AnyClientRequest)) == set(ClientRequest.__subclasses__())
    assert decode(AnyClientRequest, encode(CloseRequest())) == CloseRequest()
