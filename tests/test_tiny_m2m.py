"""The tiny translation model that the project ships for tests: it translates what it was taught, in every direction,
and whoever says its languages wrongly hears nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from node_runtime.engines.base import Wanted
from node_runtime.engines.translate import Tagged, Translation
from tests.tiny_m2m import LANGUAGES, MODEL, Phrase, phrases

SAMPLE = [
    phrase
    for phrase in phrases()
    if phrase[0]
    in (
        "Where is the train station?",
        "Good evening.",
        "I would like a coffee, please.",
        "We are five people.",
        "The meeting is over.",
        "My name is Anna.",
    )
]
DIRECTIONS = list(permutations(LANGUAGES, 2))


@pytest.fixture(scope="module")
def model() -> Translation:
    return Translation(MODEL, "cpu", 2, 1)


def right(model: Translation, book: list[Phrase], source: str, target: str) -> list[bool]:
    said, meant = LANGUAGES.index(source), LANGUAGES.index(target)
    found = model.translate_many([Wanted(phrase[said], target) for phrase in book], source)
    return [text == phrase[meant] for text, phrase in zip(found, book, strict=True)]


def test_no_phrase_has_two_meanings() -> None:
    for column, language in enumerate(LANGUAGES):
        said = [phrase[column] for phrase in phrases()]
        assert len(said) == len(set(said)), language


def test_it_is_small_enough_to_be_kept() -> None:
    assert 1e6 < sum(each.stat().st_size for each in MODEL.iterdir()) < 3e6


@pytest.mark.parametrize(("source", "target"), DIRECTIONS, ids="-".join)
def test_a_sample_is_translated_exactly(model: Translation, source: str, target: str) -> None:
    assert len(SAMPLE) == 6
    assert all(right(model, SAMPLE, source, target))


@pytest.mark.models
def test_almost_everything_is_translated_exactly(model: Translation) -> None:
    found = [each for direction in DIRECTIONS for each in right(model, phrases(), *direction)]
    assert sum(found) / len(found) > 0.95


def test_all_targets_at_once_are_what_each_is_alone(model: Translation) -> None:
    text = "Hello. Where is the train station? Thank you."
    targets = [code for code in LANGUAGES if code != "en"]
    together = model.translate_many([Wanted(text, target) for target in targets], "en")
    assert together == [model.translate(text, "en", target) for target in targets]
    assert together == [
        "Hola. ¿Dónde está la estación de tren? Gracias.",
        "Bonjour. Où est la gare ? Merci.",
        "Hallo. Wo ist der Bahnhof? Danke.",
        "你好。火车站在哪里？谢谢。",
    ]


NEXT = dict(zip(LANGUAGES, (*LANGUAGES[1:], LANGUAGES[0]), strict=True))


def _no_end(model: Translation, tagged: Tagged, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(model, "_adds_end", False)


def _wrong_source(model: Translation, tagged: Tagged, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(tagged, "source", lambda tokens, source, target: [*tagged.prefix(NEXT[source]), *tokens])


def _no_prefix(model: Translation, tagged: Tagged, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(tagged, "prefix", lambda target: [])


def _wrong_prefix(model: Translation, tagged: Tagged, broken: pytest.MonkeyPatch) -> None:
    real = tagged.prefix
    broken.setattr(tagged, "prefix", lambda target: real(NEXT[target]))


def _unknown_prefix(model: Translation, tagged: Tagged, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(tagged, "prefix", lambda target: [f"__{target}_XX__"])


@pytest.mark.parametrize("mistake", [_no_end, _wrong_source, _no_prefix, _wrong_prefix, _unknown_prefix])
def test_a_mistake_in_what_the_model_is_told_cannot_pass_unseen(
    mistake: Callable[[Translation, Tagged, pytest.MonkeyPatch], None],
    model: Translation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(model._dialect, Tagged)
    mistake(model, model._dialect, monkeypatch)
    found = [each for direction in DIRECTIONS for each in right(model, SAMPLE, *direction)]
    assert sum(found) < 0.1 * len(found)
