"""PURE. What clients of the Realtime API are told, as structs with OpenAI's names; `write` makes them text.

Fields without a value are written as null, as OpenAI does. Every event has an `event_id`, which the door stamps.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class ServerEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    event_id: str = ""


def write(event: ServerEvent, event_id: str) -> str:
    """JSON text."""
    return msgspec.json.encode(msgspec.structs.replace(event, event_id=event_id)).decode()


# --- both kinds of sessions ---


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """`event_id` names the client's event that was wrong, `param` the field of it."""

    type: str
    code: str
    message: str
    param: str | None = None
    event_id: str | None = None


class ErrorRaised(ServerEvent, frozen=True, kw_only=True, tag="error"):
    error: Problem


class SessionCreated(ServerEvent, frozen=True, kw_only=True, tag="session.created"):
    """`session` is one of the shapes of `ingress.openai.realtime.configuration`."""

    session: msgspec.Struct


class SessionUpdated(ServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    session: msgspec.Struct


# --- transcription ---


class OldSessionCreated(ServerEvent, frozen=True, kw_only=True, tag="transcription_session.created"):
    session: msgspec.Struct


class OldSessionUpdated(ServerEvent, frozen=True, kw_only=True, tag="transcription_session.updated"):
    session: msgspec.Struct


class SpeechStarted(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"):
    item_id: str
    audio_start_ms: int


class SpeechStopped(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    item_id: str
    audio_end_ms: int


class Committed(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    item_id: str
    previous_item_id: str | None


class Cleared(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    pass


class Content(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["input_audio"] = "input_audio"
    transcript: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["realtime.item"] = "realtime.item"
    type: Literal["message"] = "message"
    status: Literal["completed"] = "completed"
    role: Literal["user"] = "user"
    content: tuple[Content, ...] = (Content(),)


class ItemCreated(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.created"):
    """The old name of `conversation.item.added`."""

    item: Item
    previous_item_id: str | None


class ItemAdded(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.added"):
    item: Item
    previous_item_id: str | None


class ItemDone(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.done"):
    item: Item
    previous_item_id: str | None


class TranscriptDelta(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"):
    item_id: str
    delta: str
    content_index: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Of the audio, in seconds."""

    seconds: float
    type: Literal["duration"] = "duration"


class Language(msgspec.Struct, frozen=True, kw_only=True):
    code: str


class TranscriptCompleted(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    item_id: str
    transcript: str
    usage: Usage
    languages: list[Language] = []
    content_index: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    code: str
    message: str
    param: str | None = None


class TranscriptFailed(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    item_id: str
    error: Failure
    content_index: int = 0


# --- translation ---


class InputTranscriptDelta(ServerEvent, frozen=True, kw_only=True, tag="session.input_transcript.delta"):
    """`elapsed_ms`: of the audio that had come by then, in steps of 200 ms."""

    delta: str
    elapsed_ms: int


class OutputTranscriptDelta(ServerEvent, frozen=True, kw_only=True, tag="session.output_transcript.delta"):
    delta: str
    elapsed_ms: int


class OutputAudioDelta(ServerEvent, frozen=True, kw_only=True, tag="session.output_audio.delta"):
    """`delta`: PCM16 little endian, mono, in base64."""

    delta: str
    elapsed_ms: int
    sample_rate: int
    channels: int = 1
    format: Literal["pcm16"] = "pcm16"


class SessionClosed(ServerEvent, frozen=True, kw_only=True, tag="session.closed"):
    pass
