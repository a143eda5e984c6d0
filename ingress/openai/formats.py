"""A transcript in each of the forms that OpenAI's API has. PURE.

What a field of `verbose_json` has where Dragoman does not know it is in docs/openai.md.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, Literal, get_args

import msgspec

from ingress.openai import languages
from ingress.openai.segments import Segment, cut
from ingress.openai.transcript import Transcript

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[Format, ...] = get_args(Format)
Granularity = Literal["word", "segment"]
Task = Literal["transcribe", "translate"]

CONTENT_TYPES: dict[Format, str] = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain",
    "srt": "text/plain",
    "vtt": "text/vtt",
}

AUDIO_TOKENS_PER_SECOND = 10
CHARACTERS_PER_TOKEN = 4


def written(
    format: Format, transcript: Transcript, task: Task, seconds: float, granularities: frozenset[Granularity]
) -> str:
    """`seconds` is how long the recording is."""
    match format:
        case "text":
            return transcript.text + "\n"
        case "srt":
            return srt(cut(transcript.pieces))
        case "vtt":
            return vtt(cut(transcript.pieces))
        case "verbose_json":
            return _json(verbose(transcript, task, seconds, granularities))
        case "json":
            answer: dict[str, Any] = {"text": transcript.text}
            return _json(answer | {"usage": duration(seconds)} if task == "transcribe" else answer)


def verbose(
    transcript: Transcript, task: Task, seconds: float, granularities: frozenset[Granularity]
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "task": task,
        "language": languages.name(transcript.language),
        "duration": round(seconds, 3),
        "text": transcript.text,
    }
    if "word" in granularities:
        answer["words"] = [
            {"word": word.text, "start": word.start, "end": word.end}
            for piece in transcript.pieces
            for word in piece.words
        ]
    if "segment" in granularities:
        answer["segments"] = [_segment(number, each) for number, each in enumerate(cut(transcript.pieces))]
    return answer | {"usage": duration(seconds)} if task == "transcribe" else answer


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    said = segment.text.encode()
    return {
        "id": number,
        "seek": math.floor(100 * segment.start),
        "start": segment.start,
        "end": segment.end,
        "text": segment.space + segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(said) / len(zlib.compress(said)), 3),
        "no_speech_prob": 0.0,
    }


def duration(seconds: float) -> dict[str, Any]:
    """Usage in seconds of audio, rounded up."""
    return {"type": "duration", "seconds": math.ceil(seconds)}


def tokens(seconds: float, text: str) -> dict[str, Any]:
    """Usage in tokens, where a type has no room for seconds: an estimate, for nothing here counts tokens."""
    heard, said = audio_tokens(seconds), text_tokens(text)
    return {
        "type": "tokens",
        "input_tokens": heard,
        "output_tokens": said,
        "total_tokens": heard + said,
        "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
    }


def audio_tokens(seconds: float) -> int:
    return math.ceil(AUDIO_TOKENS_PER_SECOND * seconds)


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def srt(segments: list[Segment]) -> str:
    return "".join(
        f"{number}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_line(each.text)}\n\n"
        for number, each in enumerate(segments, 1)
    )


def vtt(segments: list[Segment]) -> str:
    cues = (
        f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_escaped(_line(each.text))}\n\n" for each in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"


def _line(text: str) -> str:
    """An empty line would end the subtitle."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(answer: dict[str, Any]) -> str:
    return msgspec.json.encode(answer).decode()
