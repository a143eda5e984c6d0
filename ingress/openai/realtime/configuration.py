"""PURE. What a transcription session is asked for, from its first moment through every `session.update`.

    asked     what a client sends, in today's shape or in the old one; fields that are left out stay as they are
    held      `Configuration`: all that holds now, and what it means for Dragoman (`wishes`)
    shown     the same in the shape in which the client speaks

What OpenAI has and Dragoman has not is refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ingress.openai import hints
from ingress.openai.realtime.messages import convert
from ingress.openai.refusals import Refused, unsupported
from ingress.wishes import LANGUAGE, Wishes
from wire.messages import AUTO
from wire.options import Endpointing, Glossary, Options

MODEL = "whisper-1"
PCM_RATE, G711_RATE = 24_000, 8_000

FormatName = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
OLD_FORMATS: dict[str, FormatName] = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
OLD_NAMES: dict[str, str] = {new: old for old, new in OLD_FORMATS.items()}

PATIENCE_MS = {"low": 2000, "medium": 800, "auto": 800, "high": 400}
"""Silence that ends an utterance, for what OpenAI's `semantic_vad` calls eagerness."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of what is asked. UNSET: left out."""


# --- held -----------------------------------------------------------------------------------------------------------


class Detection(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Utterances end by themselves."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


class Configuration(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcription"):
    """`detection` None: the client says where utterances end. `rate`: of the audio that it sends, in Hz."""

    format: FormatName = "audio/pcm"
    model: str = MODEL
    language: str = ""
    prompt: str = ""
    keywords: list[str] = []
    detection: Detection | None = Detection()

    @property
    def rate(self) -> int:
        return PCM_RATE if self.format == "audio/pcm" else G711_RATE

    def wishes(self) -> Wishes:
        """What its session asks for. Raises Refused."""
        detection = self.detection
        endpointing = Endpointing(manual=True)
        if detection is not None:
            endpointing = Endpointing(
                threshold=detection.threshold,
                silence_s=detection.silence_duration_ms / 1000,
                pre_roll_s=detection.prefix_padding_ms / 1000,
            )
        glossary = Glossary(words=hints.words(self.prompt, self.keywords))
        options = Options(captions=True, boundaries=True, glossary=glossary, endpointing=endpointing)
        return Wishes(source=self.language or AUTO, options=options)


# --- asked ----------------------------------------------------------------------------------------------------------


class Pcm(Part, frozen=True, kw_only=True, tag_field="type", tag="audio/pcm"):
    rate: Literal[24_000] | None = None


class Mulaw(Part, frozen=True, kw_only=True, tag_field="type", tag="audio/pcmu"):
    pass


class Alaw(Part, frozen=True, kw_only=True, tag_field="type", tag="audio/pcma"):
    pass


class AskedTranscription(Part, frozen=True, kw_only=True):
    model: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    languages: list[str] | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET
    keywords: list[str] | UnsetType | None = UNSET
    delay: str | UnsetType | None = UNSET


class _Vad(Part, frozen=True, kw_only=True):
    create_response: bool | None = None
    interrupt_response: bool | None = None
    idle_timeout_ms: int | None = None


class AskedServerVad(_Vad, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=2000)] | None = None
    silence_duration_ms: Annotated[int, Meta(ge=100, le=10_000)] | None = None


class AskedSemanticVad(_Vad, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["low", "medium", "high", "auto"] | None = None


AskedVad = AskedServerVad | AskedSemanticVad


class AskedInput(Part, frozen=True, kw_only=True):
    format: Pcm | Mulaw | Alaw | UnsetType = UNSET
    transcription: AskedTranscription | UnsetType | None = UNSET
    turn_detection: AskedVad | UnsetType | None = UNSET
    noise_reduction: dict[str, Any] | UnsetType | None = UNSET


class AskedAudio(Part, frozen=True, kw_only=True):
    input: AskedInput | UnsetType = UNSET


class AskedSession(Part, frozen=True, kw_only=True):
    type: Literal["transcription"]
    audio: AskedAudio | UnsetType = UNSET
    include: list[str] | UnsetType | None = UNSET


class OldAskedSession(Part, frozen=True, kw_only=True):
    input_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"] | UnsetType = UNSET
    input_audio_transcription: AskedTranscription | UnsetType | None = UNSET
    turn_detection: AskedVad | UnsetType | None = UNSET
    input_audio_noise_reduction: dict[str, Any] | UnsetType | None = UNSET
    include: list[str] | UnsetType | None = UNSET
    modalities: list[Literal["text", "audio"]] | UnsetType | None = UNSET


def updated(now: Configuration, session: dict[str, Any]) -> Configuration:
    """By a `session.update`. Raises Refused; then nothing of it holds."""
    if session.get("type") == "realtime":
        raise unsupported(
            "session.type", "there is no model here that converses: the `type` of a session is 'transcription'"
        )
    asked: AskedSession = convert(session, AskedSession, "session")
    audio = asked.audio or AskedAudio()
    given = audio.input or AskedInput()
    at = "session.audio.input"
    _refuse_include(asked.include)
    _refuse_noise_reduction(given.noise_reduction, f"{at}.noise_reduction")
    if given.format is not UNSET:
        now = msgspec.structs.replace(now, format=str(given.format.__struct_config__.tag))
    now = _transcribing(now, given.transcription, f"{at}.transcription")
    return _detecting(now, given.turn_detection, f"{at}.turn_detection")


def old_updated(now: Configuration, session: dict[str, Any]) -> Configuration:
    """By a `transcription_session.update`. Raises Refused; then nothing of it holds."""
    vad = session.get("turn_detection")
    if isinstance(vad, dict) and "type" not in vad:
        session = session | {"turn_detection": vad | {"type": "server_vad"}}
    asked: OldAskedSession = convert(session, OldAskedSession, "session")
    _refuse_include(asked.include)
    _refuse_noise_reduction(asked.input_audio_noise_reduction, "session.input_audio_noise_reduction")
    if asked.input_audio_format is not UNSET:
        now = msgspec.structs.replace(now, format=OLD_FORMATS[asked.input_audio_format])
    now = _transcribing(now, asked.input_audio_transcription, "session.input_audio_transcription")
    return _detecting(now, asked.turn_detection, "session.turn_detection")


def _transcribing(now: Configuration, asked: AskedTranscription | UnsetType | None, at: str) -> Configuration:
    if asked is UNSET:
        return now
    if asked is None:
        raise unsupported(at, f"a transcription session transcribes: leave `{at}` out, or name a model")
    if asked.delay:
        raise unsupported(f"{at}.delay", f"words are told as soon as they are sure: leave `{at}.delay` out")
    changes: dict[str, Any] = {}
    if asked.model is not UNSET:
        changes["model"] = asked.model or MODEL
    if asked.prompt is not UNSET:
        changes["prompt"] = asked.prompt or ""
    if asked.keywords is not UNSET:
        changes["keywords"] = asked.keywords or []
    if asked.language is not UNSET or asked.languages is not UNSET:
        changes["language"] = _language(asked, at)
    now = msgspec.structs.replace(now, **changes)
    try:
        hints.words(now.prompt, now.keywords)
    except Refused as error:
        raise Refused(str(error), param=f"{at}.{error.param}", code=error.code) from error
    return now


def _language(asked: AskedTranscription, at: str) -> str:
    """Empty: it is detected."""
    one, possible = asked.language or "", asked.languages or []
    if len(possible) > 1:
        raise unsupported(
            f"{at}.languages", f"the language is one, or is detected: `{at}.languages` has one, or is left out"
        )
    if one and possible:
        raise Refused("`language` and `languages` are both given: give one of them", param=f"{at}.languages")
    code = (one or next(iter(possible), "")).strip().lower()
    if code and not LANGUAGE.fullmatch(code):
        name = f"{at}.{'language' if one else 'languages'}"
        raise Refused(f"`{name}` is {code[:80]!r}: it is an ISO 639-1 code, such as 'en'", param=name)
    return code


def _detecting(now: Configuration, asked: AskedVad | UnsetType | None, at: str) -> Configuration:
    """What is left out of a `turn_detection` is as usual."""
    if asked is UNSET:
        return now
    if asked is None:
        return msgspec.structs.replace(now, detection=None)
    if asked.create_response or asked.interrupt_response:
        name = "create_response" if asked.create_response else "interrupt_response"
        raise unsupported(f"{at}.{name}", f"there are no responses here: leave `{at}.{name}` out")
    if asked.idle_timeout_ms is not None:
        raise unsupported(f"{at}.idle_timeout_ms", f"nothing is said into silence: leave `{at}.idle_timeout_ms` out")
    if isinstance(asked, AskedSemanticVad):
        detection = Detection(silence_duration_ms=PATIENCE_MS[asked.eagerness or "auto"])
    else:
        names = ("threshold", "prefix_padding_ms", "silence_duration_ms")
        given = {name: value for name in names if (value := getattr(asked, name)) is not None}
        detection = msgspec.structs.replace(Detection(), **given)
    return msgspec.structs.replace(now, detection=detection)


def _refuse_include(include: list[str] | UnsetType | None) -> None:
    if include:
        raise unsupported("session.include", "log probabilities are not known here: leave `include` out")


def _refuse_noise_reduction(asked: dict[str, Any] | UnsetType | None, at: str) -> None:
    if asked is not UNSET and asked is not None:
        raise unsupported(at, f"noise is not reduced here: `{at}` is null, or is left out")


# --- shown ----------------------------------------------------------------------------------------------------------


class ShownPcm(msgspec.Struct, frozen=True, kw_only=True):
    type: FormatName
    rate: int


class ShownG711(msgspec.Struct, frozen=True, kw_only=True):
    type: FormatName


class ShownTranscription(msgspec.Struct, frozen=True, kw_only=True):
    """`language` None: it is detected."""

    model: str
    language: str | None
    prompt: str
    keywords: list[str]


class ShownInput(msgspec.Struct, frozen=True, kw_only=True):
    format: ShownPcm | ShownG711
    transcription: ShownTranscription
    noise_reduction: None
    turn_detection: Detection | None


class ShownAudio(msgspec.Struct, frozen=True, kw_only=True):
    input: ShownInput


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """`expires_at`: when the session ends, in seconds since the epoch."""

    id: str
    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    type: Literal["transcription"] = "transcription"
    audio: ShownAudio
    include: list[str] | None = None
    expires_at: int


class OldShownTranscription(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    language: str | None
    prompt: str


class OldShown(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    expires_at: int
    input_audio_format: str
    input_audio_transcription: OldShownTranscription
    input_audio_noise_reduction: None = None
    turn_detection: Detection | None
    include: list[str] | None = None
    modalities: list[str] | None = None


def shown(now: Configuration, id: str, expires_at: int) -> Shown:
    sound: ShownPcm | ShownG711 = ShownG711(type=now.format)
    if now.format == "audio/pcm":
        sound = ShownPcm(type=now.format, rate=now.rate)
    transcription = ShownTranscription(
        model=now.model, language=now.language or None, prompt=now.prompt, keywords=now.keywords
    )
    given = ShownInput(format=sound, transcription=transcription, noise_reduction=None, turn_detection=now.detection)
    return Shown(id=id, audio=ShownAudio(input=given), expires_at=expires_at)


def old_shown(now: Configuration, id: str, expires_at: int) -> OldShown:
    transcription = OldShownTranscription(model=now.model, language=now.language or None, prompt=now.prompt)
    return OldShown(
        id=id, expires_at=expires_at, input_audio_format=OLD_NAMES[now.format],
        input_audio_transcription=transcription, turn_detection=now.detection,
    )  # fmt: skip
