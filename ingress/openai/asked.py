"""What a form asks of a transcription or a translation. PURE.

What OpenAI has and Dragoman has not is refused by name; docs/openai.md has the table.
"""

from __future__ import annotations

from typing import cast

import msgspec

from ingress.openai import hints
from ingress.openai.fields import Fields, within
from ingress.openai.formats import FORMATS, Format, Granularity, Task
from ingress.openai.refusals import Refused, unsupported
from ingress.wishes import LANGUAGE, Wishes
from wire.messages import AUTO
from wire.options import Endpointing, Glossary, Options

ENGLISH = "en"

_SPEAKERS = ("known_speaker_names", "known_speaker_references")


class Asked(msgspec.Struct, frozen=True):
    """`model` as the client names it."""

    model: str
    task: Task
    wishes: Wishes
    format: Format
    granularities: frozenset[Granularity]
    stream: bool = False

    @property
    def target(self) -> str:
        """The language into which all is put, or empty."""
        return self.wishes.targets[0] if self.wishes.targets else ""


def transcription(fields: Fields) -> Asked:
    """Of `POST /v1/audio/transcriptions`."""
    model = _model(fields)
    _refuse_speakers(fields)
    if fields.all("include"):
        raise unsupported("include", "log probabilities are not known here: leave `include` out")
    format = _format(fields)
    granularities = _granularities(fields, format)
    stream = fields.choice("stream", ("true", "false"), "false") == "true"
    if stream and format != "json":
        raise unsupported("response_format", f"a stream is JSON: with `stream`, {format!r} cannot be had")
    endpointing = _chunking(fields)
    options = _options(fields, fields.all("keywords"), format, endpointing)
    wishes = Wishes(source=_source(fields), options=options)
    fields.nothing_else()
    return Asked(model, "transcribe", wishes, format, granularities, stream)


def translation(fields: Fields) -> Asked:
    """Of `POST /v1/audio/translations`: whatever was said, in English."""
    model = _model(fields)
    format = _format(fields)
    wishes = Wishes(source=AUTO, targets=[ENGLISH], options=_options(fields, [], "json", Endpointing()))
    fields.nothing_else()
    return Asked(model, "translate", wishes, format, frozenset({"segment"}))


def _model(fields: Fields) -> str:
    model = fields.one("model")
    if not model:
        raise Refused(
            "`model` is missing: `whisper-1` is always right", param="model", code="missing_required_parameter"
        )
    return model


def _options(fields: Fields, keywords: list[str], format: Format, endpointing: Endpointing) -> Options:
    temperature = fields.number("temperature", 0, 1)
    if temperature:
        raise unsupported("temperature", "nothing is left to chance here: `temperature` is 0")
    return Options(
        words=format in ("srt", "vtt", "verbose_json"),
        glossary=Glossary(words=hints.words(fields.one("prompt"), keywords)),
        endpointing=endpointing,
        recorded=True,
    )


def _format(fields: Fields) -> Format:
    value = fields.one("response_format") or "json"
    if value == "diarized_json":
        raise unsupported("response_format", "who speaks is not told apart here: 'diarized_json' cannot be had")
    if value not in FORMATS:
        raise Refused(
            f"`response_format` is {value[:80]!r}: it is one of {', '.join(FORMATS)}", param="response_format"
        )
    return value


def _granularities(fields: Fields, format: Format) -> frozenset[Granularity]:
    name = "timestamp_granularities"
    asked = fields.all(name)
    for each in asked:
        if each not in ("word", "segment"):
            raise Refused(f"`{name}` has {each[:80]!r}: there are word and segment", param=name)
    if asked and format != "verbose_json":
        raise Refused(f"`{name}` go with the response_format 'verbose_json' alone", param=name)
    return frozenset(cast("list[Granularity]", asked or ["segment"]))


def _source(fields: Fields) -> str:
    """`language`, or the one of `languages`."""
    language, possible = fields.one("language"), fields.all("languages")
    if language and possible:
        raise Refused("`language` and `languages` are both given: give one of them", param="languages")
    if len(possible) > 1:
        raise unsupported("languages", "the language is one, or is detected: `languages` has one, or is left out")
    name = "languages" if possible else "language"
    code = (possible[0] if possible else language).strip().lower() or AUTO
    if code != AUTO and not LANGUAGE.fullmatch(code):
        raise Refused(f"`{name}` is {code[:80]!r}: it is an ISO 639-1 code, such as 'en'", param=name)
    return code


def _refuse_speakers(fields: Fields) -> None:
    for name in _SPEAKERS:
        if fields.all(name):
            raise unsupported(name, f"who speaks is not told apart here: leave `{name}` out")


# --- where the recording is cut ---

_STRATEGY = "chunking_strategy"
_SECONDS = {"prefix_padding_ms": (0, 2000), "silence_duration_ms": (100, 10_000)}


def _chunking(fields: Fields) -> Endpointing:
    given, parts = fields.one(_STRATEGY), fields.parts(_STRATEGY)
    if given.lstrip().startswith("{"):
        parts = _object(given)
    elif given not in ("", "auto") or (given and parts):
        raise Refused(f"`{_STRATEGY}` is {given[:80]!r}: it is 'auto', or an object 'server_vad'", param=_STRATEGY)
    if not parts:
        return Endpointing()
    if parts.pop("type", "") != "server_vad":
        raise Refused(f"the `type` of a `{_STRATEGY}` is 'server_vad'", param=f"{_STRATEGY}.type")
    threshold = parts.pop("threshold", None)
    times = {
        name: within(f"{_STRATEGY}.{name}", parts.pop(name), lowest, highest) / 1000
        for name, (lowest, highest) in _SECONDS.items()
        if name in parts
    }
    for name in parts:
        raise Refused(f"`{_STRATEGY}` has no `{name[:80]}`", param=f"{_STRATEGY}.{name[:80]}", code="unknown_parameter")
    return Endpointing(
        threshold=None if threshold is None else within(f"{_STRATEGY}.threshold", threshold, 0, 1),
        silence_s=times.get("silence_duration_ms"),
        pre_roll_s=times.get("prefix_padding_ms"),
    )


def _object(text: str) -> dict[str, str]:
    try:
        found: dict[str, str | float] = msgspec.json.decode(text, type=dict[str, str | float])
    except msgspec.MsgspecError as error:
        raise Refused(f"`{_STRATEGY}` is no object of strings and numbers: {error}", param=_STRATEGY) from error
    return {name: str(value) for name, value in found.items()}
