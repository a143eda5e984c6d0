from __future__ import annotations

from collections.abc import Sequence

import pytest

from node_runtime.engines.base import Ask, Engines, Heard, Interpreter, Polyglot, Samples, Wanted
from node_runtime.engines.guards import Reason
from node_runtime.interpreting import Said, translations
from wire.errors import EngineError, LanguageUnsupported
from wire.options import Glossary

BONJOUR = Said("bonjour", "fr", None)
GLOSSARY = Glossary(terms={"Dragoman": {"de": "Dolmetsch", "es": "Trujamán", "en": "Dragoman"}})


class Ear:
    """Of audio and English nothing but this."""

    languages = ["fr", "en"]

    def __init__(self, english: str | Exception, translates: bool = True) -> None:
        self.english, self.translates = english, translates

    def listen(self, audio: Samples) -> Ear:
        return self

    def prepare(self) -> None:
        raise AssertionError

    def transcribe(self, ask: Ask) -> Heard | Reason:
        raise AssertionError

    def sketch(self, ask: Ask) -> Heard | Reason:
        raise AssertionError

    def in_english(self, source: str) -> str:
        if isinstance(self.english, Exception):
            raise self.english
        return self.english


class One:
    """Asked for one target at a time. `answers` are by text, else the text is put into brackets with its target."""

    def __init__(self, *targets: str, answers: dict[str, str] | None = None) -> None:
        self.pairs = {target: ["fr", "en"] for target in targets}
        self.answers = answers or {}
        self.broken: set[str] = set()
        self.calls: list[list[Wanted]] = []

    def translate(self, text: str, source: str, target: str) -> str:
        return self.answered([Wanted(text, target)])[0]

    def answered(self, wanted: Sequence[Wanted]) -> list[str]:
        self.calls.append(list(wanted))
        if self.broken & {each.target for each in wanted}:
            raise RuntimeError("broken")
        return [self.answers.get(each.text, f"[{each.target}] {each.text}") for each in wanted]


class Many(One):
    def translate_many(self, wanted: Sequence[Wanted], source: str) -> list[str]:
        return self.answered(wanted)


def into(
    targets: Sequence[str],
    *interpreters: Interpreter,
    said: Said = BONJOUR,
    english: str | Exception = "hello",
    fixed: Glossary = Glossary(),  # noqa: B008
) -> dict[str, str | Exception]:
    engines = Engines(Ear(english), list(interpreters), [], "cpu", [])
    return dict(translations(engines, said, targets, fixed))


def test_an_interpreter_of_many_is_asked_once_for_all_its_targets() -> None:
    many = Many("de", "es", "zh")
    assert isinstance(many, Polyglot)
    assert into(["de", "es", "zh"], many) == {target: f"[{target}] bonjour" for target in ("de", "es", "zh")}
    assert many.calls == [[Wanted("bonjour", "de"), Wanted("bonjour", "es"), Wanted("bonjour", "zh")]]


def test_an_interpreter_of_one_is_asked_for_each() -> None:
    one = One("de", "es")
    assert not isinstance(one, Polyglot)
    assert into(["de", "es"], one) == {"de": "[de] bonjour", "es": "[es] bonjour"}
    assert len(one.calls) == 2


def test_only_what_is_asked_for_is_translated_and_the_first_that_can_does_it() -> None:
    first, second = One("de"), Many("de", "es", "zh")
    assert into(["es", "de"], first, second) == {"es": "[es] bonjour", "de": "[de] bonjour"}
    assert (first.calls, second.calls) == ([[Wanted("bonjour", "de")]], [[Wanted("bonjour", "es")]])


def test_each_translation_is_there_before_the_next_interpreter_is_asked() -> None:
    many, one = Many("de", "zh"), One("es")
    found = translations(Engines(Ear("hello"), [many, one], [], "cpu", []), BONJOUR, ["de", "es", "zh"], Glossary())
    assert [next(found)[0], next(found)[0]] == ["de", "zh"]
    assert one.calls == []
    assert next(found)[0] == "es"


def test_english_comes_from_the_audio_where_no_model_serves_it() -> None:
    audio = Said("bonjour", "fr", Ear("hello"))
    assert into(["en"], said=audio) == {"en": "hello"}
    assert into(["en"], One("en"), said=audio) == {"en": "[en] bonjour"}
    assert isinstance(into(["en"])["en"], LanguageUnsupported)


def test_what_nobody_serves_is_said_and_the_others_go_on() -> None:
    found = into(["ko", "de"], Many("de"))
    assert isinstance(found["ko"], LanguageUnsupported)
    assert "'fr' into 'ko'" in str(found["ko"])
    assert found["de"] == "[de] bonjour"


def test_a_batch_that_breaks_is_asked_again_one_by_one() -> None:
    many = Many("de", "es")
    many.broken = {"es"}
    found = into(["de", "es"], many)
    assert found["de"] == "[de] bonjour"
    assert isinstance(found["es"], RuntimeError)
    assert [len(call) for call in many.calls] == [2, 1, 1]


@pytest.mark.parametrize("kind", [One, Many])
def test_an_empty_translation_is_an_error(kind: type[One]) -> None:
    empty = into(["de"], kind("de", answers={"bonjour": ""}))["de"]
    assert isinstance(empty, EngineError)
    assert not empty.retryable
    audio = into(["en"], said=Said("bonjour", "fr", Ear("")))["en"]
    assert isinstance(audio, EngineError)


def test_an_ear_that_raises_fails_english_alone() -> None:
    found = into(["en", "de"], Many("de"), said=Said("bonjour", "fr", Ear(RuntimeError("out of memory"))))
    assert isinstance(found["en"], RuntimeError)
    assert found["de"] == "[de] bonjour"


# --- fixed renderings -------------------------------------------------------------------------------------------------

NAMED = Said("Je parle de Dragoman. Merci.", "fr", None)


@pytest.mark.parametrize("kind", [One, Many])
def test_a_placeholder_that_comes_back_becomes_the_rendering(kind: type[One]) -> None:
    asked = kind("de", "zh")
    found = into(["de", "zh"], asked, said=NAMED, fixed=GLOSSARY)
    assert found["de"] == "[de] Je parle de Dolmetsch. [de] Merci."
    assert found["zh"] == "[zh] Je parle de Dragoman. Merci."  # no rendering in Chinese: the model's business
    assert len(asked.calls) == (1 if kind is Many else 3)


def test_a_lost_placeholder_costs_one_more_call_and_the_bare_translation_keeps_a_trace() -> None:
    many = Many(
        "de", answers={"Je parle de XQ1.": "Ich spreche.", "Je parle de Dragoman.": "Ich spreche von Dragomann."}
    )
    assert into(["de"], many, said=NAMED, fixed=GLOSSARY)["de"] == "Ich spreche von Dolmetsch. [de] Merci."
    assert [[each.text for each in call] for call in many.calls] == [
        ["Je parle de XQ1.", "Merci."],
        ["Je parle de Dragoman.", "Je parle de"],
    ]


def test_without_a_trace_the_parts_are_translated_around_the_rendering() -> None:
    answers = {
        "Je parle de XQ1.": "Ich spreche.",
        "Je parle de Dragoman.": "Ich spreche von ihm.",
        "Je parle de": "Ich spreche von.",
    }
    many = Many("de", "es", answers=answers)
    found = into(["de", "es"], many, said=NAMED, fixed=GLOSSARY)
    assert found == {
        "de": "Ich spreche von Dolmetsch. [de] Merci.",
        "es": "Ich spreche von Trujamán. [es] Merci.",
    }
    assert len(many.calls) == 2


@pytest.mark.parametrize("english", ["I talk about Dragoman.", "I talk about the dragonman.", "I talk about him."])
def test_english_from_the_audio_has_the_rendering_too(english: str) -> None:
    found = into(["en"], said=NAMED._replace(hearing=Ear(english)), fixed=GLOSSARY)["en"]
    assert isinstance(found, str)
    assert found.count("Dragoman") == 1
    assert "dragonman" not in found
