from __future__ import annotations

import pytest

from node_runtime.engines.detection import believed

SURE_FRENCH = {"en": 0.05, "fr": 0.9, "ru": 0.05}
LIKELY_ENGLISH = {"en": 0.75, "fr": 0.02, "ru": 0.23}
"""As `base` heard a second out of the middle of a French sentence."""


@pytest.mark.parametrize(
    ("probabilities", "expected", "seconds", "language"),
    [
        (LIKELY_ENGLISH, "", 1.0, "en"),
        (LIKELY_ENGLISH, "fr", 1.0, "fr"),  # a short word does not flip it
        (LIKELY_ENGLISH, "fr", 1.5, "en"),
        (SURE_FRENCH, "en", 0.7, "fr"),  # unless it is sure
        (SURE_FRENCH, "fr", 0.7, "fr"),
        ({"en": 0.4, "fr": 0.3, "ru": 0.3}, "fr", 4.0, "fr"),
        (SURE_FRENCH, "xx", 0.7, "fr"),  # what the model does not know cannot be expected
    ],
)
def test_another_language_than_the_expected_must_be_sure(
    probabilities: dict[str, float], expected: str, seconds: float, language: str
) -> None:
    assert believed(probabilities, expected, (), seconds) == (language, probabilities[language])


@pytest.mark.parametrize(
    ("probabilities", "expected", "seconds", "language"),
    [
        ({"en": 0.1, "fr": 0.2, "pt": 0.7}, "", 4.0, "fr"),  # nothing else is a candidate
        ({"en": 0.1, "fr": 0.2, "pt": 0.7}, "en", 4.0, "en"),
        ({"en": 0.1, "fr": 0.5, "pt": 0.4}, "en", 4.0, "fr"),
        ({"en": 0.1, "fr": 0.5, "pt": 0.4}, "en", 1.0, "en"),
        ({"en": 0.02, "fr": 0.5, "pt": 0.48}, "en", 1.0, "fr"),
    ],
)
def test_of_two_languages_only_these_are_weighed(
    probabilities: dict[str, float], expected: str, seconds: float, language: str
) -> None:
    found, probability = believed(probabilities, expected, ("en", "fr"), seconds)
    assert found == language
    assert probability == pytest.approx(probabilities[language] / (probabilities["en"] + probabilities["fr"]))


def test_two_that_the_model_gives_no_chance_are_even() -> None:
    assert believed({"pt": 1.0}, "fr", ("en", "fr"), 4.0)[1] == 0.5
