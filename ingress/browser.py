"""PURE. The codec between a client's WebSocket messages and structs; `docs/protocol.md` is the same for people.

    up      JSON text       -> ClientRequest      `read_request`, or `read_opening` for the first message
            binary          -> (number, PCM16)    `read_audio`
    down    ClientEvent     -> JSON text          `write_event`
            SpeechChunk     -> binary             `write_speech`

What cannot be read raises ProtocolViolation, whose `code` is one of docs/protocol.md. Nothing here knows in which state
the session is.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from ingress.seats import check_in_room, check_seat
from ingress.wishes import LANGUAGE, asked
from wire.audio import BYTES_PER_SAMPLE, MAX_CLIENT_RATE, MIN_CLIENT_RATE
from wire.errors import ProtocolViolation
from wire.jobs import SpeechChunk
from wire.messages import encode
from wire.protocol import (
    AnyClientRequest,
    ClientEvent,
    CloseRequest,
    FinalizeRequest,
    JoinRequest,
    PlayedRequest,
    PlayingRequest,
    ResumeRequest,
    SeatRequest,
    StartRequest,
    UpdateRequest,
)

MAX_HEARD = 64
MAX_PLAYBACK_S = 120.0
MAX_UTTERANCE = 2**31
SPEECH = 1

_AUDIO_HEADER = struct.Struct("<I")
_SPEECH_HEADER = struct.Struct("<BB2xIII16s")
_TYPES = {
    kind.__struct_config__.tag
    for kind in (
        StartRequest,
        ResumeRequest,
        JoinRequest,
        UpdateRequest,
        SeatRequest,
        FinalizeRequest,
        PlayingRequest,
        PlayedRequest,
        CloseRequest,
    )
}
OPENING = (StartRequest, ResumeRequest, JoinRequest)
_OPENING_CODES = ("sample_rate_unsupported", "target_equals_source")
_OPENINGS = tuple(kind.__struct_config__.tag for kind in OPENING)


# --- up -------------------------------------------------------------------------------------------------------------


def read_request(text: str) -> AnyClientRequest:
    """One JSON message. Raises ProtocolViolation with code not_json, unknown_type or bad_field."""
    message = _object(text)
    kind = message.get("type")
    if not isinstance(kind, str):
        raise ProtocolViolation("the message has no `type`", code="bad_field")
    if kind not in _TYPES:
        known = ", ".join(sorted(map(str, _TYPES)))
        raise ProtocolViolation(f"there is no message type {kind[:40]!r}; there are: {known}", code="unknown_type")
    try:
        request: AnyClientRequest = msgspec.convert(message, AnyClientRequest)
    except msgspec.ValidationError as error:
        raise ProtocolViolation(f"{kind}: {str(error)[:200]}", code="bad_field") from error
    if isinstance(request, PlayingRequest | PlayedRequest):
        _check_playback(request)
    return request


def read_opening(text: str) -> StartRequest | ResumeRequest | JoinRequest:
    """The first message of a connection.

    Raises ProtocolViolation (bad_start, sample_rate_unsupported, target_equals_source) or LanguageUnsupported. Whether
    it is an opening at all is told by `is_opening`.
    """
    try:
        request = read_request(text)
        if not isinstance(request, StartRequest | ResumeRequest | JoinRequest):
            raise ProtocolViolation("the first message must be session.start, session.resume or room.join")
        if request.room is not None:
            check_seat(request.room)
        if isinstance(request, JoinRequest):
            return request
        _check_rate(request.sample_rate)
        if isinstance(request, StartRequest):
            check_in_room(request)
            asked(request)
        else:
            _check_heard(request)
    except ProtocolViolation as error:
        code = error.code if error.code in _OPENING_CODES else "bad_start"
        raise ProtocolViolation(str(error), code=code) from error
    return request


def is_opening(text: str) -> bool:
    """Whether this is a JSON object that calls itself an opening, however wrong the rest of it is."""
    try:
        return _object(text).get("type") in _OPENINGS
    except ProtocolViolation:
        return False


def read_audio(frame: bytes) -> tuple[int, bytes]:
    """(chunk number, PCM16) of a binary message. Raises ProtocolViolation (odd_bytes, protocol_violation)."""
    if len(frame) < _AUDIO_HEADER.size:
        raise ProtocolViolation(
            f"{len(frame)} bytes are no audio message: it begins with its chunk number, 4 bytes",
            code="protocol_violation",
        )
    if len(frame) % BYTES_PER_SAMPLE:
        raise ProtocolViolation(
            f"{len(frame) - _AUDIO_HEADER.size} bytes of audio are no whole number of 16 bit samples", code="odd_bytes"
        )
    return _AUDIO_HEADER.unpack_from(frame)[0], frame[_AUDIO_HEADER.size :]


def _object(text: str) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolViolation(f"the message is no JSON: {error}", code="not_json") from error
    if not isinstance(message, dict):
        raise ProtocolViolation("the message is no JSON object", code="not_json")
    return message


def _check_rate(rate: int) -> None:
    if not MIN_CLIENT_RATE <= rate <= MAX_CLIENT_RATE:
        raise ProtocolViolation(
            f"a sample rate of {rate} Hz is not supported: send {MIN_CLIENT_RATE} to {MAX_CLIENT_RATE} Hz",
            code="sample_rate_unsupported",
        )


def _check_heard(request: ResumeRequest) -> None:
    if request.n < 0 or any(each.chunks < 0 for each in request.heard):
        raise ProtocolViolation("nothing is counted below 0", code="bad_field")
    if len(request.heard) > MAX_HEARD:
        raise ProtocolViolation(f"`heard` may name {MAX_HEARD} speeches at most", code="bad_field")
    for each in request.heard:
        _check_speech(each.utterance, each.target)


def _check_speech(utterance: int, target: str) -> None:
    if not 1 <= utterance <= MAX_UTTERANCE:
        raise ProtocolViolation(f"there is no utterance {utterance}", code="bad_field")
    if not LANGUAGE.fullmatch(target):
        raise ProtocolViolation(f"{target[:40]!r} is no language code", code="bad_field")


def _check_playback(request: PlayingRequest | PlayedRequest) -> None:
    _check_speech(request.utterance, request.target)
    if isinstance(request, PlayingRequest) and not 0 < request.seconds <= MAX_PLAYBACK_S:
        raise ProtocolViolation(f"`seconds` must be over 0 and at most {MAX_PLAYBACK_S:.0f}", code="bad_field")


# --- down -----------------------------------------------------------------------------------------------------------


def write_event(event: ClientEvent) -> str:
    """JSON text."""
    return encode(event).decode()


def write_speech(utterance: int, target: str, chunk: SpeechChunk, speaker: int = 0) -> bytes:
    """A binary speech frame: header of 32 bytes, then PCM16. `speaker` is a number in a room, 0 the client itself."""
    header = _SPEECH_HEADER.pack(SPEECH, speaker, utterance, chunk.sequence, chunk.sample_rate, target.encode("ascii"))
    return header + chunk.pcm
