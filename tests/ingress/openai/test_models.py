from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from ingress.openai.models import check_hears, described, language_of, name_of, offered
from ingress.openai.refusals import Refused
from tests.ingress.stand_in import NODE
from wire.errors import NoNode
from wire.records import NodeRecord


def node(name: str, models: list[str], voices: dict[str, str]) -> NodeRecord:
    return msgspec.structs.replace(NODE, node=name, models=models, voices=voices)


ONE = node("n1", ["/models/whisper-large-v3", "m2m100-418m", "en_US-joe"], {"en": "en_US-joe"})
OTHER = node("n2", ["base", "m2m100-418m", "en_US-amy", "fr_FR-siwis"], {"en": "en_US-amy", "fr": "fr_FR-siwis"})


def test_what_nodes_have_is_offered_and_openais_names_for_it() -> None:
    assert offered([]) == []
    names = offered([ONE, OTHER])
    assert names == sorted(names)
    assert {"whisper-large-v3", "base", "m2m100-418m", "en_US-joe", "fr_FR-siwis", "whisper-1", "tts-1"} < set(names)
    silent = offered([node("n3", ["base"], {})])
    assert "whisper-1" in silent
    assert "tts-1" not in silent


def test_a_model_is_described_as_openai_does() -> None:
    from openai.types import Model

    assert Model.model_validate(described("base"), strict=True).id == "base"


@pytest.mark.parametrize(
    ("model", "name"), [("base", "base"), ("hub:Org/name", "hub:Org/name"), ("/a/b/", "b"), ("~/m/x", "x")]
)
def test_paths_are_nobodys_business(model: str, name: str) -> None:
    assert name_of(model) == name


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe", "m2m100-418m"])
def test_what_hears(model: str) -> None:
    check_hears(model, [ONE, OTHER])


@pytest.mark.parametrize(
    ("model", "voice", "language"),
    [
        ("tts-1", "alloy", "en"),
        ("gpt-4o-mini-tts", "fr_FR-siwis", "fr"),
        ("fr_FR-siwis", "alloy", "fr"),
        ("fr_FR-siwis", "fr_FR-siwis", "fr"),
    ],
)
def test_a_voice_has_a_language(model: str, voice: str, language: str) -> None:
    assert language_of(model, voice, [ONE, OTHER]) == language


def test_without_english_the_first_language_is_the_usual_one() -> None:
    assert language_of("tts-1", "alloy", [node("n1", ["base"], {"fr": "a", "de": "b"})]) == "de"


@pytest.mark.parametrize(
    ("call", "param", "status"),
    [
        (lambda: check_hears("base", [ONE, OTHER]), "model", 400),
        (lambda: check_hears("tts-1", [ONE]), "model", 400),
        (lambda: check_hears("gpt-4o-transcribe-diarize", [ONE]), "model", 400),
        (lambda: check_hears("en_US-joe", [ONE]), "model", 404),
        (lambda: check_hears("large", [ONE]), "model", 404),
        (lambda: language_of("whisper-1", "alloy", [ONE]), "model", 400),
        (lambda: language_of("tts-9", "alloy", [ONE]), "model", 404),
        (lambda: language_of("tts-1", "bob", [ONE]), "voice", 400),
        (lambda: language_of("tts-1", "en_US-joe", [ONE, OTHER]), "voice", 400),
        (lambda: language_of("en_US-joe", "fr_FR-siwis", [ONE, OTHER]), "voice", 400),
    ],
)
def test_what_chooses_nothing_is_refused(call: Callable[[], object], param: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        call()
    assert (caught.value.param, caught.value.status) == (param, status)


def test_nobody_there_is_no_fault_of_the_client() -> None:
    for call in (lambda: check_hears("whisper-1", []), lambda: language_of("tts-1", "alloy", [])):
        with pytest.raises(NoNode):
            call()
    with pytest.raises(NoNode, match="voice"):
        language_of("tts-1", "alloy", [node("n1", ["base"], {})])
