"""What clients ask for: what stays, what changes, and what cannot stand together."""

from __future__ import annotations

from typing import Any

import pytest

from ingress.wishes import MAX_TARGETS, MAX_TERMS, MAX_WORDS, Wishes, asked, changed
from wire.errors import ClientError, LanguageUnsupported
from wire.options import Glossary, Options
from wire.protocol import StartRequest, UpdateRequest


def test_an_opening_without_anything_wants_captions_alone() -> None:
    assert asked(StartRequest()) == Wishes("auto", [], True, Options(captions=True))


def test_speech_may_be_asked_for_by_target() -> None:
    wishes = asked(StartRequest(targets=["en", "de"], speech=["de"]))
    assert (wishes.speech, wishes.options.spoken) == (True, ["de"])
    assert asked(StartRequest(targets=["en"], speech=False)).speech is False
    nobody = asked(StartRequest(targets=["en"], speech=[]))
    assert (nobody.speech, nobody.options.spoken) == (False, [])


def test_between_is_both_ways() -> None:
    wishes = asked(StartRequest(between=["fr", "en"]))
    assert (wishes.source, wishes.targets) == ("auto", ["fr", "en"])
    back = changed(wishes, UpdateRequest(between=[], targets=["de"]))
    assert (back.options.between, back.targets) == ([], ["de"])
    assert changed(wishes, UpdateRequest(between=[])).targets == []
    there = changed(asked(StartRequest(source="fr", targets=["de"])), UpdateRequest(between=["es", "en"]))
    assert (there.source, there.targets) == ("auto", ["es", "en"])
    assert changed(wishes, UpdateRequest(speech=False)).targets == ["fr", "en"]


def test_what_is_left_out_stays() -> None:
    glossary = Glossary(words=["Ana"])
    wishes = asked(StartRequest(source="fr", targets=["en"], live=["en"], words=True, glossary=glossary))
    same = changed(wishes, UpdateRequest())
    assert same == wishes
    other = changed(wishes, UpdateRequest(captions=False, targets=["en", "es"], speech=["es"]))
    assert other.options == Options(live=["en"], spoken=["es"], words=True, glossary=glossary)
    assert changed(other, UpdateRequest(speech=True)).options.spoken is None


def test_a_target_that_goes_takes_its_live_translation_along() -> None:
    wishes = asked(StartRequest(source="fr", targets=["en", "es"], live=["en", "es"], speech=["en"]))
    fewer = changed(wishes, UpdateRequest(targets=["es"]))
    assert (fewer.options.live, fewer.options.spoken) == (["es"], [])


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"targets": ["en", "en"]}, "bad_field", "twice"),
        ({"source": "fr", "targets": ["fr"]}, "target_equals_source", "fr"),
        ({"targets": ["english"]}, "language_unsupported", "english"),
        ({"source": "x"}, "language_unsupported", "'x'"),
        ({"targets": [f"{a}{b}" for a in "abcde" for b in "abcd"][: MAX_TARGETS + 1]}, "bad_field", str(MAX_TARGETS)),
        ({"targets": ["en"], "live": ["de"]}, "bad_field", "live"),
        ({"targets": ["en"], "speech": ["de"]}, "bad_field", "speech"),
        ({"between": ["fr"]}, "bad_field", "two different"),
        ({"between": ["fr", "fr"]}, "bad_field", "two different"),
        ({"between": ["fr", "en"], "source": "fr"}, "bad_field", "auto"),
        ({"between": ["fr", "en"], "targets": ["de"]}, "bad_field", "leave it out"),
        ({"glossary": Glossary(words=["x"] * (MAX_WORDS + 1))}, "bad_field", str(MAX_WORDS)),
        ({"glossary": Glossary(terms={str(n): {} for n in range(MAX_TERMS + 1)})}, "bad_field", str(MAX_TERMS)),
        ({"glossary": Glossary(words=[" "])}, "bad_field", "characters"),
        ({"glossary": Glossary(terms={"a": {"fr": "x" * 81}})}, "bad_field", "characters"),
    ],
)
def test_what_cannot_stand_together_is_refused_by_name(fields: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        asked(StartRequest(**fields))
    assert refused.value.code == code
    if code == "language_unsupported":
        assert isinstance(refused.value, LanguageUnsupported)
