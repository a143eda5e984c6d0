from __future__ import annotations

import pytest

from ingress.openai.asked import Asked, transcription, translation
from ingress.openai.fields import Fields
from ingress.openai.refusals import Refused
from wire.options import Endpointing

MODEL = ("model", "whisper-1")


def asked(*pairs: tuple[str, str]) -> Asked:
    return transcription(Fields([MODEL, *pairs]))


def test_what_is_asked_where_nothing_is_said() -> None:
    found = asked()
    assert (found.model, found.task, found.format, found.stream, found.target) == (
        "whisper-1", "transcribe", "json", False, "",
    )  # fmt: skip
    assert found.wishes.source == "auto"
    assert not found.wishes.speech
    options = found.wishes.options
    assert options.recorded
    assert not options.words
    assert options.endpointing == Endpointing()
    assert found.granularities == {"segment"}


def test_a_translation_is_into_english() -> None:
    found = translation(Fields([MODEL, ("prompt", "Dragoman"), ("response_format", "srt")]))
    assert (found.task, found.target, found.format, found.wishes.source) == ("translate", "en", "srt", "auto")
    assert found.wishes.options.glossary.words == ["Dragoman"]
    assert not found.wishes.options.words


def test_everything_that_can_be_asked() -> None:
    found = asked(
        ("language", "FR"), ("prompt", "Dragoman, NATS"), ("keywords[]", "Piper"), ("response_format", "verbose_json"),
        ("temperature", "0.0"), ("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment"),
        ("chunking_strategy", "auto"), ("stream", "false"),
    )  # fmt: skip
    assert found.wishes.source == "fr"
    assert found.wishes.options.glossary.words == ["Dragoman", "NATS", "Piper"]
    assert found.wishes.options.words
    assert found.granularities == {"word", "segment"}


def test_languages_with_one_language_is_that_language() -> None:
    assert asked(("languages[]", "de")).wishes.source == "de"


@pytest.mark.parametrize(
    "pairs",
    [
        [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.7"),
         ("chunking_strategy[silence_duration_ms]", "400"), ("chunking_strategy[prefix_padding_ms]", "200")],
        [("chunking_strategy",
          '{"type":"server_vad","threshold":0.7,"silence_duration_ms":400,"prefix_padding_ms":200}')],
    ],
)  # fmt: skip
def test_where_to_cut_may_be_said(pairs: list[tuple[str, str]]) -> None:
    expected = Endpointing(threshold=0.7, silence_s=0.4, pre_roll_s=0.2)
    assert asked(*pairs).wishes.options.endpointing == expected


def test_a_part_of_it_may_be_said() -> None:
    found = asked(("chunking_strategy[type]", "server_vad"), ("chunking_strategy[silence_duration_ms]", "700"))
    assert found.wishes.options.endpointing == Endpointing(silence_s=0.7)


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ([("include[]", "logprobs")], "include"),
        ([("known_speaker_names[]", "Ada")], "known_speaker_names"),
        ([("known_speaker_references[]", "data:audio/wav;base64,")], "known_speaker_references"),
        ([("response_format", "diarized_json")], "response_format"),
        ([("response_format", "xml")], "response_format"),
        ([("stream", "true"), ("response_format", "srt")], "response_format"),
        ([("stream", "maybe")], "stream"),
        ([("temperature", "0.4")], "temperature"),
        ([("temperature", "hot")], "temperature"),
        ([("temperature", "1.5")], "temperature"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities"),
        ([("response_format", "verbose_json"), ("timestamp_granularities[]", "letter")], "timestamp_granularities"),
        ([("language", "english")], "language"),
        ([("languages[]", "english")], "languages"),
        ([("languages[]", "en"), ("languages[]", "fr")], "languages"),
        ([("language", "en"), ("languages[]", "fr")], "languages"),
        ([("prompt", "This is about something that goes on and on.")], "prompt"),
        ([("chunking_strategy", "never")], "chunking_strategy"),
        ([("chunking_strategy", "auto"), ("chunking_strategy[type]", "server_vad")], "chunking_strategy"),
        ([("chunking_strategy", '{"type":')], "chunking_strategy"),
        ([("chunking_strategy[threshold]", "0.5")], "chunking_strategy.type"),
        ([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "2")],
         "chunking_strategy.threshold"),
        ([("chunking_strategy", '{"type":"server_vad","eagerness":"low"}')], "chunking_strategy.eagerness"),
        ([("strange", "1")], "strange"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_by_name(pairs: list[tuple[str, str]], param: str) -> None:
    with pytest.raises(Refused) as caught:
        asked(*pairs)
    assert caught.value.param == param
    assert caught.value.status == 400


def test_the_model_must_be_named() -> None:
    for call in (transcription, translation):
        with pytest.raises(Refused) as caught:
            call(Fields([]))
        assert (caught.value.param, caught.value.code) == ("model", "missing_required_parameter")


@pytest.mark.parametrize("name", ["language", "stream", "include", "timestamp_granularities", "chunking_strategy"])
def test_a_translation_has_fewer_fields(name: str) -> None:
    with pytest.raises(Refused) as caught:
        translation(Fields([MODEL, (name, "en")]))
    assert caught.value.param == name
