"""Which session a client means by the way it connects."""

from __future__ import annotations

import pytest

from ingress.openai.realtime import connecting
from ingress.openai.realtime.configuration import Configuration, Detection
from ingress.openai.realtime.interpreting import Interpreting
from ingress.openai.refusals import Refused


@pytest.mark.parametrize(
    ("query", "model"),
    [
        ({"intent": "transcription"}, "whisper-1"),
        ({"intent": "transcription", "model": "gpt-4o-transcribe"}, "gpt-4o-transcribe"),
        ({"intent": "transcription", "model": "gpt-realtime"}, "whisper-1"),
        ({"model": "gpt-4o-mini-transcribe"}, "gpt-4o-mini-transcribe"),
        ({"model": "gpt-realtime-whisper"}, "gpt-realtime-whisper"),
        ({"model": "base"}, "base"),
    ],
)
def test_a_transcription(query: dict[str, str], model: str) -> None:
    assert connecting.transcription(query, None) == Configuration(model=model)


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ({}, "missing_required_parameter", "intent"),
        ({"intent": "conversation"}, "unsupported_value", "intent"),
        ({"model": "gpt-realtime"}, "unsupported_value", "model"),
        ({"model": "gpt-4o-realtime-preview-2024-12-17"}, "unsupported_value", "model"),
        ({"model": "gpt-realtime-translate"}, "unsupported_value", "model"),
        ({"intent": "transcription", "call_id": "rtc_1"}, "unsupported_value", "call_id"),
    ],
)
def test_what_is_none_is_refused_by_name(query: dict[str, str], code: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        connecting.transcription(query, None)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_translation() -> None:
    assert connecting.translation({}, None) == Interpreting()
    assert connecting.translation({"model": "gpt-realtime-translate"}, None) == Interpreting()


@pytest.mark.parametrize(
    "given",
    [Configuration(format="audio/pcmu", detection=None), Configuration(), Interpreting(transcription="whisper-1")],
)
def test_what_a_key_carries_arrives_as_it_was(given: connecting.Kept) -> None:
    assert connecting.brought(connecting.kept(given)) == given
    assert connecting.brought("") is None


def test_what_a_key_carries_holds_and_fits_its_door_alone() -> None:
    configuration = Configuration(detection=Detection(threshold=0.3))
    assert connecting.transcription({"model": "gpt-realtime"}, configuration) == configuration
    assert connecting.translation({}, Interpreting(language="de")) == Interpreting(language="de")
    with pytest.raises(Refused, match="/v1/realtime/translations"):
        connecting.transcription({"intent": "transcription"}, Interpreting())
    with pytest.raises(Refused, match="intent=transcription"):
        connecting.translation({}, configuration)


@pytest.mark.parametrize(
    ("headers", "protocols", "dialect"),
    [
        ([], [], "ga"),
        (["assistants=v2"], ["realtime"], "ga"),
        (["realtime=v1"], [], "beta"),
        (["assistants=v2, realtime=v1"], [], "beta"),
        ([], ["realtime, openai-insecure-api-key.k, openai-beta.realtime-v1"], "beta"),
    ],
)
def test_the_dialect(headers: list[str], protocols: list[str], dialect: str) -> None:
    assert connecting.dialect(headers, protocols) == dialect
