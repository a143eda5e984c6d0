"""What `POST /v1/audio/speech` asks for, and its text in parts that are spoken one after another. PURE.

A part is some sentences: the first is one alone, so that something is heard soon, and what has failed is said again in
parts and not as a whole. Where sentences end the voice would pause anyway.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from ingress.openai.refusals import Refused, unsupported

MAX_CHARACTERS = 4096
PART_CHARACTERS = 400
LONGEST = 800
"""A sentence that goes on for longer is cut between words."""

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|$)|[。！？]++[」』”’）]*+|\n")
"""A run of marks is tried once, from its beginning: it may be thousands long, and end nothing."""

Named = Annotated[str, Meta(min_length=1, max_length=200)]


class VoiceNamed(msgspec.Struct, forbid_unknown_fields=True):
    id: Named


class SpeechAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input: Annotated[str, Meta(max_length=MAX_CHARACTERS)]
    model: Named
    voice: Named | VoiceNamed
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id


def asked(body: bytes) -> SpeechAsked:
    found = decoded(body, SpeechAsked)
    if (found.instructions or "").strip():
        raise unsupported("instructions", "voices here speak in one way: leave `instructions` out")
    if not any(map(str.isalnum, found.input)):
        raise Refused("`input` has no word that could be said", param="input")
    return found


T = TypeVar("T")


def decoded(body: bytes, kind: type[T]) -> T:
    """JSON into `kind`. Raises Refused, which names the field."""
    try:
        given: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"the body is no JSON: {error}", code="bad_request") from error
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        absent = re.search(r"missing required field `([^`]*)`", text)
        strange = re.search(r"unknown field `([^`]*)`", text)
        within = re.search(r"`\$\.(\w+)", text)
        named = absent or strange or within
        code = "missing_required_parameter" if absent else "unknown_parameter" if strange else None
        raise Refused(text[:300], param=named[1][:80] if named else None, code=code) from error


def parts(text: str) -> list[str]:
    """In order; each has something to say, and nothing of the text is left out but white space."""
    made: list[str] = []
    for sentence in _sentences(text):
        if made and _goes_on(made, sentence):
            made[-1] = f"{made[-1]} {sentence}"
        else:
            made.append(sentence)
    return made


def _goes_on(made: list[str], sentence: str) -> bool:
    """Whether the last part takes this, too."""
    if not _says(sentence) or not _says(made[-1]):
        return True
    return len(made) > 1 and len(made[-1]) + len(sentence) < PART_CHARACTERS


def _sentences(text: str) -> list[str]:
    ends = [0, *(end.end() for end in _END.finditer(text)), len(text)]
    found = (text[begin:end].strip() for begin, end in pairwise(ends))
    return [piece for sentence in found if sentence for piece in _shortened(sentence)]


def _shortened(sentence: str) -> list[str]:
    pieces: list[str] = []
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", 0, LONGEST)
        at = at if at > 0 else LONGEST
        pieces.append(sentence[:at])
        sentence = sentence[at:].strip()
    return [*pieces, sentence]


def _says(text: str) -> bool:
    return any(map(str.isalnum, text))
