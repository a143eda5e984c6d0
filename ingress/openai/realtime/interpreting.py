"""PURE. What a translating session is asked for, from its first moment through every `session.update`.

As `ingress.openai.realtime.configuration` is for one that transcribes.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ingress.openai.realtime.configuration import Part
from ingress.openai.realtime.messages import convert
from ingress.openai.refusals import Refused, unsupported
from ingress.wishes import LANGUAGE, Wishes
from wire.options import Options

LANGUAGE_AT_FIRST = "en"
MODEL = "gpt-realtime-translate"


class Interpreting(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="translation"):
    """What holds of a translating session. `transcription`: what was said is told, too; the model's name."""

    model: str = MODEL
    language: str = LANGUAGE_AT_FIRST
    transcription: str | None = None

    def wishes(self) -> Wishes:
        options = Options(captions=self.transcription is not None, live=[self.language])
        return Wishes(targets=[self.language], speech=True, options=options)


# --- asked ----------------------------------------------------------------------------------------------------------


class AskedTranscription(Part, frozen=True, kw_only=True):
    model: str


class AskedInput(Part, frozen=True, kw_only=True):
    transcription: AskedTranscription | UnsetType | None = UNSET
    noise_reduction: dict[str, Any] | UnsetType | None = UNSET


class AskedOutput(Part, frozen=True, kw_only=True):
    language: str | UnsetType = UNSET


class AskedAudio(Part, frozen=True, kw_only=True):
    input: AskedInput | UnsetType = UNSET
    output: AskedOutput | UnsetType = UNSET


class AskedSession(Part, frozen=True, kw_only=True):
    audio: AskedAudio | UnsetType = UNSET


class AskedNewSession(AskedSession, frozen=True, kw_only=True):
    """As it is given for a client secret."""

    model: str


def begun(session: dict[str, Any]) -> Interpreting:
    """From what is given for a client secret. Raises Refused."""
    asked: AskedNewSession = convert(session, AskedNewSession, "session")
    return _updated(Interpreting(model=asked.model), asked)


def updated(now: Interpreting, session: dict[str, Any]) -> Interpreting:
    """By a `session.update`. Raises Refused; then nothing of it holds."""
    return _updated(now, convert(session, AskedSession, "session"))


def _updated(now: Interpreting, asked: AskedSession) -> Interpreting:
    audio = asked.audio or AskedAudio()
    given, wanted = audio.input or AskedInput(), audio.output or AskedOutput()
    if given.noise_reduction is not UNSET and given.noise_reduction is not None:
        at = "session.audio.input.noise_reduction"
        raise unsupported(at, f"noise is not reduced here: `{at}` is null, or is left out")
    if given.transcription is not UNSET:
        now = msgspec.structs.replace(now, transcription=given.transcription.model if given.transcription else None)
    if wanted.language is not UNSET:
        code, at = wanted.language.strip().lower(), "session.audio.output.language"
        if not LANGUAGE.fullmatch(code):
            raise Refused(f"`{at}` is {code[:80]!r}: it is an ISO 639-1 code, such as 'en'", param=at)
        now = msgspec.structs.replace(now, language=code)
    return now


# --- shown ----------------------------------------------------------------------------------------------------------


class ShownTranscription(msgspec.Struct, frozen=True, kw_only=True):
    model: str


class ShownInput(msgspec.Struct, frozen=True, kw_only=True):
    transcription: ShownTranscription | None
    noise_reduction: None = None


class ShownOutput(msgspec.Struct, frozen=True, kw_only=True):
    language: str


class ShownAudio(msgspec.Struct, frozen=True, kw_only=True):
    input: ShownInput
    output: ShownOutput


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_at`: when the session ends, in seconds since the epoch."""

    id: str
    type: Literal["translation"] = "translation"
    model: str
    expires_at: int
    audio: ShownAudio


def shown(now: Interpreting, id: str, expires_at: int) -> Shown:
    transcription = ShownTranscription(model=now.transcription) if now.transcription is not None else None
    audio = ShownAudio(input=ShownInput(transcription=transcription), output=ShownOutput(language=now.language))
    return Shown(id=id, model=now.model, expires_at=expires_at, audio=audio)
