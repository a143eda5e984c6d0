"""What a server says over the WebSocket, read into structs (PURE).

JSON events are the structs of `wire.protocol`. Those of a later server are `UnknownEvent`s: to be ignored, but they
have their number in the session's count. Binary messages are speech.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import msgspec

from wire.errors import ProtocolViolation
from wire.protocol import AnyClientEvent

_SPEECH = 1
_FRAME = struct.Struct("<BxxxIII16s")


@dataclass(frozen=True)
class SpeechFrame:
    """A piece of speech: PCM16 mono at `sample_rate` Hz."""

    utterance: int
    target: str
    sequence: int
    sample_rate: int
    pcm: bytes


class UnknownEvent(msgspec.Struct, frozen=True):
    type: str
    n: int = 0


class Interrupted(msgspec.Struct, frozen=True, tag="connection.lost", tag_field="type"):
    """Said by the client itself: the connection broke, and it tries to come back."""


class Returned(msgspec.Struct, frozen=True, tag="connection.resumed", tag_field="type"):
    """Said by the client itself: it is back. `n` is the number of the last event that it has."""

    n: int


class Postponed(msgspec.Struct, frozen=True, tag="connection.postponed", tag_field="type"):
    """Said by the client itself: the server has no room, not even in its line, and is tried again in `seconds`."""

    seconds: float


Event = AnyClientEvent | SpeechFrame | UnknownEvent | Interrupted | Returned | Postponed


def read_event(text: str) -> AnyClientEvent | UnknownEvent:
    """Raises ProtocolViolation for what is no event."""
    try:
        named = _named.decode(text)
        return _known.decode(text) if named.type in _TYPES else named
    except msgspec.DecodeError as error:
        raise ProtocolViolation(f"the server sent what cannot be read: {error}") from error


def read_frame(data: bytes) -> SpeechFrame | UnknownEvent:
    """Raises ProtocolViolation for a speech frame that is broken. Other kinds of frame are unknown events."""
    if data and data[0] != _SPEECH:
        return UnknownEvent(f"binary.{data[0]}")
    if len(data) < _FRAME.size or (len(data) - _FRAME.size) % 2:
        raise ProtocolViolation(f"the server sent a speech frame of {len(data)} bytes")
    _, utterance, sequence, rate, target = _FRAME.unpack_from(data)
    return SpeechFrame(utterance, target.rstrip(b"\0").decode("ascii", "replace"), sequence, rate, data[_FRAME.size :])


_named = msgspec.json.Decoder(UnknownEvent)
_known: msgspec.json.Decoder[AnyClientEvent] = msgspec.json.Decoder(AnyClientEvent)
_TYPES = {kind.__struct_config__.tag for kind in AnyClientEvent.__args__}
