from __future__ import annotations

import pytest

from cli.events import SpeechFrame, UnknownEvent, read_event, read_frame
from tests.cli.scripted_server import frame
from wire.errors import ProtocolViolation
from wire.messages import encode
from wire.protocol import SessionClosed, TranslationFinal


def test_a_known_event_is_its_struct() -> None:
    event = TranslationFinal(n=3, utterance=1, target="en", text="hello")
    assert read_event(encode(event).decode()) == event


def test_fields_of_a_later_server_are_ignored() -> None:
    told = '{"type":"session.closed","n":1,"reason":"client","utterances":0,"later":[1]}'
    assert read_event(told) == SessionClosed(n=1, reason="client", utterances=0)


def test_an_event_of_a_later_server_keeps_its_number() -> None:
    assert read_event('{"type":"weather.changed","n":7,"sun":true}') == UnknownEvent("weather.changed", 7)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"n":1}', '{"type":"session.closed","n":1}'])
def test_what_is_no_event_is_a_violation(text: str) -> None:
    with pytest.raises(ProtocolViolation, match="cannot be read"):
        read_event(text)


def test_a_speech_frame_is_read() -> None:
    assert read_frame(frame(3, "en", 2, 22_050, b"\1\2")) == SpeechFrame(3, "en", 2, 22_050, b"\1\2")


def test_another_kind_of_frame_is_unknown() -> None:
    assert read_frame(b"\2abc") == UnknownEvent("binary.2")


@pytest.mark.parametrize("data", [b"", b"\1", frame(1, "en", 0, 8000, b"\1\2\3")])
def test_a_broken_speech_frame_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match=f"{len(data)} bytes"):
        read_frame(data)
