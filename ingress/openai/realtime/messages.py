"""PURE. What clients of the Realtime API say: a JSON object with a `type`, as a struct.

`parse`, then `event_id_of`, so that even a wrong event is answered by its name, then `read`. What is wrong raises
`Refused`, which says which field (`param`) it is about, in OpenAI's words: `session.audio.input.format.rate`. Events
that OpenAI has and Dragoman has not are refused by name.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

import msgspec

from ingress.openai.refusals import Refused, unsupported

MAX_EVENT_ID = 512
MAX_QUOTED = 80


class ClientMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True, omit_defaults=True
):
    """`event_id` is the client's own name for it."""

    event_id: str | None = None


class Update(ClientMessage, frozen=True, kw_only=True, tag="session.update"):
    """`session` is read by `ingress.openai.realtime.configuration`."""

    session: dict[str, Any]


class OldUpdate(ClientMessage, frozen=True, kw_only=True, tag="transcription_session.update"):
    session: dict[str, Any]


class Append(ClientMessage, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    """`audio` is base64: see `audio_of`."""

    audio: str


class Commit(ClientMessage, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    pass


class Clear(ClientMessage, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    pass


class TranslationAppend(ClientMessage, frozen=True, kw_only=True, tag="session.input_audio_buffer.append"):
    audio: str


class Close(ClientMessage, frozen=True, kw_only=True, tag="session.close"):
    pass


TranscriptionMessage = Update | OldUpdate | Append | Commit | Clear
TranslationMessage = Update | TranslationAppend | Close

_NO_CONVERSATION = "there is no model here that converses: a session transcribes or translates"
_OF_CONVERSATIONS = frozenset(
    {
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "output_audio_buffer.clear",
        "response.cancel",
        "response.create",
    }
)


def parse(text: str | bytes) -> dict[str, Any]:
    """Raises Refused (invalid_json)."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refused(f"the event is no JSON: {error}", code="invalid_json") from error
    if not isinstance(message, dict):
        raise Refused("the event is no JSON object", code="invalid_json")
    return message


def event_id_of(message: dict[str, Any]) -> str | None:
    """What an answer to it may name."""
    found = message.get("event_id")
    return found if isinstance(found, str) and len(found) <= MAX_EVENT_ID else None


def read(message: dict[str, Any], kinds: Any) -> Any:
    """One of `kinds`, a union. Raises Refused."""
    name = message.get("type")
    if not isinstance(name, str):
        raise Refused("the event has no `type`", param="type", code="missing_required_parameter")
    if name in _OF_CONVERSATIONS:
        raise unsupported("type", f"{name} is not to be had: {_NO_CONVERSATION}")
    known = sorted(str(kind.__struct_config__.tag) for kind in kinds.__args__)
    if name not in known:
        raise Refused(f"there is no event {name[:MAX_QUOTED]!r} here; there are: {', '.join(known)}", param="type")
    if message.get("event_id") is not None and event_id_of(message) is None:
        raise Refused(f"an `event_id` is a string of at most {MAX_EVENT_ID} characters", param="event_id")
    return convert(message, kinds)


def convert(value: Any, kind: Any, at: str = "") -> Any:
    """Plain JSON as a struct. `at`: what `param` begins with. Raises Refused."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _refused(str(error), at) from error


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)


def _refused(said: str, at: str) -> Refused:
    what, _, path = said.partition(" - at `$")
    place = at + path.removesuffix("`")
    for pattern, code, words in (
        (_UNKNOWN, "unknown_parameter", "there is no field `{}`"),
        (_MISSING, "missing_required_parameter", "`{}` is missing"),
    ):
        if found := pattern.fullmatch(what):
            name = f"{place}.{found[1][:MAX_QUOTED]}".lstrip(".")
            return Refused(words.format(name), param=name, code=code)
    name = place.lstrip(".") or "event"
    return Refused(f"`{name}`: {what[:200]}", param=name)


def audio_of(message: Append | TranslationAppend) -> bytes:
    """Raises Refused where it is no base64."""
    try:
        return binascii.a2b_base64(message.audio, strict_mode=True)
    except ValueError as error:  # binascii.Error is one, and so is what is no ASCII
        raise Refused(f"`audio` is no base64: {error}", param="audio") from error
