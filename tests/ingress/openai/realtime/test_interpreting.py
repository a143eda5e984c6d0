"""What a translating session is asked for, and what it shows of that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types.realtime.realtime_translation_session import RealtimeTranslationSession

from ingress.openai.realtime.interpreting import Interpreting, begun, shown, updated
from ingress.openai.refusals import Refused


def test_what_is_left_out_stays() -> None:
    now = updated(Interpreting(), {"audio": {"output": {"language": "DE"}}})
    now = updated(now, {"audio": {"input": {"transcription": {"model": "whisper-1"}, "noise_reduction": None}}})
    now = updated(now, {})
    assert now == Interpreting(language="de", transcription="whisper-1")
    assert updated(now, {"audio": {"input": {"transcription": None}}}) == Interpreting(language="de")


def test_what_it_means() -> None:
    wishes = Interpreting(language="de").wishes()
    assert (wishes.source, wishes.targets, wishes.speech) == ("auto", ["de"], True)
    assert (wishes.options.live, wishes.options.captions) == (["de"], False)
    assert Interpreting(transcription="whisper-1").wishes().options.captions


@pytest.mark.parametrize("transcription", [None, "whisper-1"])
def test_what_is_shown_is_what_the_sdk_knows(transcription: str | None) -> None:
    text = msgspec.json.encode(shown(Interpreting(transcription=transcription), "sess_1", 5))
    session = RealtimeTranslationSession.model_validate_json(text)
    assert not session.model_extra
    assert session.audio.output is not None
    assert session.audio.output.language == "en"


def test_what_is_given_for_a_key_names_a_model() -> None:
    assert begun({"model": "m", "audio": {"output": {"language": "fr"}}}) == Interpreting(model="m", language="fr")
    with pytest.raises(Refused) as refused:
        begun({})
    assert refused.value.param == "session.model"


INPUT = "session.audio.input"


def given(**fields: Any) -> dict[str, Any]:
    return {"audio": {"input": fields}}


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"model": "x"}, "unknown_parameter", "session.model"),
        ({"type": "translation"}, "unknown_parameter", "session.type"),
        ({"audio": {"output": {"language": "german"}}}, "invalid_value", "session.audio.output.language"),
        ({"audio": {"output": {"voice": "alloy"}}}, "unknown_parameter", "session.audio.output.voice"),
        (given(transcription={}), "missing_required_parameter", f"{INPUT}.transcription.model"),
        (given(noise_reduction={"type": "near_field"}), "unsupported_value", f"{INPUT}.noise_reduction"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(session: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        updated(Interpreting(), session)
    assert (refused.value.code, refused.value.param) == (code, param)
