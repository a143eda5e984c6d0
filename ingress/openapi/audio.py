"""PURE. Paths of OpenAI's audio API; docs/openai.md says how each parameter differs from theirs."""

from __future__ import annotations

from typing import get_args

from ingress.openai.formats import FORMATS, Granularity
from ingress.openai.spoken import SpeechAsked
from ingress.openapi.parts import (
    BINARY,
    FORM,
    INTEGER,
    NUMBER,
    SSE,
    STRING,
    TEXT,
    Json,
    answer,
    events,
    in_path,
    listed,
    of_structs,
    one_of,
    ref,
    refusal,
    said,
    shaped,
    taken,
)

_MODEL = said(STRING, "`whisper-1` is whatever is there; GET /v1/models has all names.")
_PROMPT = said(STRING, "Words that are to be expected.")
_FORMAT = one_of(FORMATS, "`json` if left out.")
_TEMPERATURE = {"type": "number", "const": 0, "description": "Nothing is left to chance here."}

_UPLOADED: Json = {
    "408": refusal("Nothing more came of the request."),
    "413": refusal("The recording is larger, or longer, than is taken here: /v1/jobs takes more."),
    "415": refusal("The body is no form, or a part of it is encoded."),
    "500": refusal("A model failed on this recording, again and again."),
}

SCHEMAS: dict[str, Json] = {
    "TranscriptionWanted": {
        **shaped(
            {"file": said(BINARY, "Audio or video."), "model": _MODEL},
            language=said(STRING, "ISO 639-1; detected if left out or empty."),
            languages=listed(STRING),
            prompt=_PROMPT,
            keywords=listed(STRING),
            response_format=_FORMAT,
            temperature=_TEMPERATURE,
            timestamp_granularities=listed({"enum": list(get_args(Granularity))}),
            stream={"type": "boolean", "description": "Server-sent events while it is heard."},
            chunking_strategy=said(STRING, "`auto`, or an object `server_vad` as JSON."),
        ),
        "description": "Lists are fields that are repeated; `name[]` is the same field as `name`.",
    },
    "TranslationWanted": shaped(
        {"file": said(BINARY, "Audio or video."), "model": _MODEL},
        prompt=_PROMPT,
        response_format=_FORMAT,
        temperature=_TEMPERATURE,
    ),
    "Transcription": {
        **shaped(
            {"text": STRING},
            task={"enum": ["transcribe", "translate"]},
            language=STRING,
            duration=NUMBER,
            words=listed(shaped({"word": STRING, "start": NUMBER, "end": NUMBER})),
            segments=listed(ref("Segment")),
            usage=shaped({"type": {"const": "duration"}, "seconds": INTEGER}),
        ),
        "description": "All but `text` and `usage` are of `verbose_json`. Times are seconds of the recording.",
    },
    "Segment": shaped(
        {
            "id": INTEGER,
            "seek": INTEGER,
            "start": NUMBER,
            "end": NUMBER,
            "text": STRING,
            "tokens": listed(INTEGER),
            "temperature": NUMBER,
            "avg_logprob": NUMBER,
            "compression_ratio": NUMBER,
            "no_speech_prob": NUMBER,
        }
    ),
    **of_structs(SpeechAsked),
    "Model": shaped({"id": STRING, "object": {"const": "model"}, "created": INTEGER, "owned_by": STRING}),
    "Models": shaped({"object": {"const": "list"}, "data": listed(ref("Model"))}),
}

_WRITTEN: Json = {
    "description": "The text, in the form that was asked for.",
    "content": {
        "application/json": {"schema": ref("Transcription")},
        TEXT: {"schema": STRING},
        "text/vtt": {"schema": STRING},
        SSE: {"schema": events("`transcript.text.delta`, then `transcript.text.done`.")},
    },
}

_SOUND: Json = {
    "description": "Sound, while it is made; with `stream_format` sse as events.",
    "content": {
        **{
            media: {"schema": BINARY}
            for media in ("audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/wav", "audio/pcm")
        },
        SSE: {"schema": events("`speech.audio.delta`, then `speech.audio.done`.")},
    },
}

PATHS: dict[str, Json] = {
    "/v1/audio/transcriptions": {
        "post": {
            "summary": "What a recording says",
            "requestBody": taken(ref("TranscriptionWanted"), FORM),
            "responses": {"200": _WRITTEN, "404": refusal("There is no such model."), **_UPLOADED},
        }
    },
    "/v1/audio/translations": {
        "post": {
            "summary": "What a recording says, in English",
            "requestBody": taken(ref("TranslationWanted"), FORM),
            "responses": {"200": _WRITTEN, "404": refusal("There is no such model."), **_UPLOADED},
        }
    },
    "/v1/audio/speech": {
        "post": {
            "summary": "A text, spoken",
            "requestBody": taken(ref("SpeechAsked")),
            "responses": {
                "200": _SOUND,
                "404": refusal("There is no such model."),
                "408": refusal("Nothing more came of the request."),
                "413": refusal("The body is longer than anything that could be meant."),
                "415": refusal("The body is not JSON."),
                "500": refusal("A voice failed on this text, again and again."),
            },
        }
    },
    "/v1/models": {
        "get": {"summary": "Names of models and voices", "responses": {"200": answer("All.", ref("Models"))}}
    },
    "/v1/models/{model}": {
        "get": {
            "summary": "One of them",
            "parameters": [in_path("model", "Its name.")],
            "responses": {"200": answer("It is there.", ref("Model")), "404": refusal("It is not.")},
        }
    },
}
