"""A transcript in each of the forms that OpenAI's API has. PURE.

What a field of `verbose_json` has where Dragoman does not know it is in docs/openai.md.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, Literal, get_args

import msgspec

from ingress.openai import languages
from ingress.openai.transcript import Piece, Transcript
from ingress.subtitles import cues, files, segments
from ingress.subtitles.segments import Segment

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
            return files.srt(_cues(transcript.pieces))
        case "vtt":
            return files.vtt(_cues(transcript.pieces))
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
        answer["segments"] = list(map(_segment, _segments(transcript)))
    return answer | {"usage": duration(seconds)} if task == "transcribe" else answer


def _cues(pieces: list[Piece]) -> list[cues.Cue]:
    if any(piece.original for piece in pieces):
        return cues.of_translation([(piece.passage, piece.text) for piece in pieces])
    return cues.of_original([piece.passage for piece in pieces])


def _segments(transcript: Transcript) -> list[Segment]:
    """As Whisper has them, with the space before each."""
    pieces, space = transcript.pieces, languages.space(transcript.language)
    if any(piece.original for piece in pieces):
        found = segments.of_translation([(piece.passage, piece.text) for piece in pieces])
    else:
        found = segments.of_original([piece.passage for piece in pieces])
    return [msgspec.structs.replace(each, text=space + each.text) for each in found]


def _segment(segment: Segment) -> dict[str, Any]:
    said = segment.text.encode()
    return {
        "id": segment.id,
        "seek": math.floor(100 * segment.start),
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
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


def _json(answer: dict[str, Any]) -> str:
    return msgspec.json.encode(answer).decode()
