from __future__ import annotations

from ingress.demand import Demand, wanted
from wire.rooms import MAX_LANGUAGES, Member


def member(name: str, language: str, **fields: object) -> Member:
    return Member(member=name, name=name, language=language, **fields)  # type: ignore[arg-type]


def anybody(source: str, target: str) -> bool:
    return True


ANNA = member("anna", "fr", session="s1", source="fr")


def test_alone_nobody_wants_anything() -> None:
    assert wanted(ANNA, [ANNA], anybody) == Demand(captions=True)
    assert wanted(member("anna", "fr", captions=False), [], anybody) == Demand()


def test_a_language_is_wanted_once_and_never_the_one_that_is_spoken() -> None:
    others = [member("bob", "en"), member("carl", "en"), member("dora", "fr"), member("emil", "de")]
    assert wanted(ANNA, [ANNA, *others], anybody).targets == ["de", "en"]


def test_where_the_language_is_detected_any_may_be_wanted() -> None:
    auto = member("anna", "fr", session="s1")
    assert wanted(auto, [auto, member("dora", "fr")], anybody).targets == ["fr"]


def test_speech_and_live_words_are_wanted_where_somebody_hears_or_follows() -> None:
    others = [
        member("bob", "en", speech=False),
        member("carl", "en", captions=False),
        member("emil", "de", speech=False),
    ]
    assert wanted(ANNA, others, anybody) == Demand(["de", "en"], ["en"], ["de", "en"], True)


def test_what_nobody_can_translate_is_not_asked_for() -> None:
    others = [member("bob", "en"), member("emil", "de")]
    assert wanted(ANNA, others, lambda source, target: (source, target) == ("fr", "en")).targets == ["en"]


def test_of_too_many_languages_most_read_ones_are_kept() -> None:
    codes = [f"a{chr(97 + number)}" for number in range(MAX_LANGUAGES + 1)]
    others = [member(code, code) for code in codes] + [member("last", codes[-1])]
    found = wanted(ANNA, others, anybody).targets
    assert len(found) == MAX_LANGUAGES
    assert codes[-1] in found
    assert codes[-2] not in found
