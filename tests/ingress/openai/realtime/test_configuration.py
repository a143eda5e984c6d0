"""What a transcription session is asked for, and what it shows of that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.realtime import RealtimeTranscriptionSessionCreateResponse as Response

from ingress.openai.realtime import configuration
from ingress.openai.realtime.configuration import Configuration, Detection, old_shown, old_updated, shown, updated
from ingress.openai.refusals import Refused
from wire.options import Endpointing

NOW = Configuration()


def given(**fields: Any) -> dict[str, Any]:
    """What is asked of `session.audio.input`."""
    return {"type": "transcription", "audio": {"input": fields}}


def test_what_holds_at_first_is_what_openai_has() -> None:
    text = msgspec.json.encode(shown(NOW, "sess_1", 5))
    session = Response.model_validate_json(text)
    assert session.audio is not None
    assert session.audio.input is not None
    assert not session.model_extra
    assert not session.audio.input.model_extra
    assert session.audio.input.turn_detection is not None
    assert session.audio.input.turn_detection.to_dict() == {
        "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    }  # fmt: skip
    assert session.audio.input.format is not None
    assert session.audio.input.format.to_dict() == {"type": "audio/pcm", "rate": 24000}


def test_what_is_left_out_stays() -> None:
    now = updated(NOW, given(transcription={"model": "gpt-4o-transcribe", "language": "DE", "keywords": ["Silero"]}))
    now = updated(now, given(turn_detection={"type": "server_vad", "threshold": 0.7}))
    now = updated(now, given(transcription={"prompt": "Dragoman"}))
    now = updated(now, {"type": "transcription"})
    assert now == Configuration(
        model="gpt-4o-transcribe", language="de", prompt="Dragoman", keywords=["Silero"],
        detection=Detection(threshold=0.7),
    )  # fmt: skip
    wishes = now.wishes()
    assert (wishes.source, wishes.targets, wishes.speech) == ("de", [], False)
    assert wishes.options.glossary.words == ["Dragoman", "Silero"]
    assert wishes.options.endpointing == Endpointing(threshold=0.7, silence_s=0.5, pre_roll_s=0.3)


def test_null_takes_back() -> None:
    now = updated(NOW, given(transcription={"language": "fr", "prompt": "Dragoman", "model": "x"}))
    now = updated(now, given(transcription={"language": None, "prompt": None, "model": None}, noise_reduction=None))
    now = updated(now, given(turn_detection=None) | {"include": None})
    assert now == Configuration(detection=None)
    assert now.wishes().options.endpointing == Endpointing(manual=True)


@pytest.mark.parametrize(("eagerness", "silence_ms"), [("low", 2000), ("auto", 800), (None, 800), ("high", 400)])
def test_eagerness_is_a_silence(eagerness: str | None, silence_ms: int) -> None:
    now = updated(NOW, given(turn_detection={"type": "semantic_vad", "eagerness": eagerness}))
    assert now.detection == Detection(silence_duration_ms=silence_ms)


@pytest.mark.parametrize(
    ("format", "rate", "old"),
    [("audio/pcm", 24_000, "pcm16"), ("audio/pcmu", 8000, "g711_ulaw"), ("audio/pcma", 8000, "g711_alaw")],
)
def test_formats_by_their_new_and_old_names(format: str, rate: int, old: str) -> None:
    now = updated(NOW, given(format={"type": format}))
    assert (now.format, now.rate) == (format, rate)
    assert now == old_updated(NOW, {"input_audio_format": old})
    assert old_shown(now, "sess_1", 5).input_audio_format == old


def test_the_old_shape() -> None:
    now = old_updated(
        NOW,
        {
            "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": ""},
            "turn_detection": {"silence_duration_ms": 300},
            "input_audio_noise_reduction": None,
            "modalities": ["text"],
        },
    )
    assert now == Configuration(language="en", detection=Detection(silence_duration_ms=300))
    told = msgspec.to_builtins(old_shown(now, "sess_1", 5))
    assert told["input_audio_transcription"] == {"model": "whisper-1", "language": "en", "prompt": ""}
    assert old_updated(now, {"turn_detection": None}).detection is None


INPUT = "session.audio.input"


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "realtime"}, "unsupported_value", "session.type"),
        ({"type": "translation"}, "invalid_value", "session.type"),
        ({"type": "transcription", "instructions": "be nice"}, "unknown_parameter", "session.instructions"),
        (
            {"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]},
            "unsupported_value",
            "session.include",
        ),
        (given(gain=1), "unknown_parameter", f"{INPUT}.gain"),
        (given(format={"type": "audio/pcm", "rate": 16000}), "invalid_value", f"{INPUT}.format.rate"),
        (given(format={"type": "audio/mpeg"}), "invalid_value", f"{INPUT}.format.type"),
        (given(format={"type": "audio/pcmu", "rate": 8000}), "unknown_parameter", f"{INPUT}.format.rate"),
        (given(noise_reduction={"type": "far_field"}), "unsupported_value", f"{INPUT}.noise_reduction"),
        (given(transcription=None), "unsupported_value", f"{INPUT}.transcription"),
        (given(transcription={"language": "english"}), "invalid_value", f"{INPUT}.transcription.language"),
        (given(transcription={"languages": ["en", "fr"]}), "unsupported_value", f"{INPUT}.transcription.languages"),
        (given(transcription={"languages": ["é"]}), "invalid_value", f"{INPUT}.transcription.languages"),
        (
            given(transcription={"languages": ["en"], "language": "en"}),
            "invalid_value",
            f"{INPUT}.transcription.languages",
        ),
        (given(transcription={"delay": "low"}), "unsupported_value", f"{INPUT}.transcription.delay"),
        (
            given(transcription={"prompt": "The following is a talk about many things"}),
            "unsupported_value",
            f"{INPUT}.transcription.prompt",
        ),
        (given(transcription={"keywords": ["x" * 81]}), "invalid_value", f"{INPUT}.transcription.keywords"),
        (given(turn_detection={}), "missing_required_parameter", f"{INPUT}.turn_detection.type"),
        (given(turn_detection={"type": "vad"}), "invalid_value", f"{INPUT}.turn_detection.type"),
        (
            given(turn_detection={"type": "server_vad", "threshold": 1.5}),
            "invalid_value",
            f"{INPUT}.turn_detection.threshold",
        ),
        (
            given(turn_detection={"type": "server_vad", "silence_duration_ms": 50}),
            "invalid_value",
            f"{INPUT}.turn_detection.silence_duration_ms",
        ),
        (
            given(turn_detection={"type": "server_vad", "create_response": True}),
            "unsupported_value",
            f"{INPUT}.turn_detection.create_response",
        ),
        (
            given(turn_detection={"type": "semantic_vad", "interrupt_response": True}),
            "unsupported_value",
            f"{INPUT}.turn_detection.interrupt_response",
        ),
        (
            given(turn_detection={"type": "server_vad", "idle_timeout_ms": 6000}),
            "unsupported_value",
            f"{INPUT}.turn_detection.idle_timeout_ms",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(session: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        updated(NOW, session)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_the_old_shape_is_refused_by_its_own_names() -> None:
    for session, param in (
        ({"input_audio_noise_reduction": {"type": "near_field"}}, "session.input_audio_noise_reduction"),
        ({"input_audio_format": "opus"}, "session.input_audio_format"),
        ({"audio": {}}, "session.audio"),
    ):
        with pytest.raises(Refused) as refused:
            old_updated(NOW, session)
        assert refused.value.param == param


def test_what_does_not_respond_need_not_be_asked_not_to() -> None:
    quiet = {"type": "server_vad", "create_response": False, "interrupt_response": False, "idle_timeout_ms": None}
    assert updated(NOW, given(turn_detection=quiet)) == NOW
    assert NOW.model == configuration.MODEL
