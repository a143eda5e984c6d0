from __future__ import annotations

import re

import pytest

from node_runtime import languages


def test_every_code_of_whisper_has_a_flores_code_or_is_known_to_have_none() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(_LANGUAGE_CODES) - set(languages.FLORES) == {"br", "haw", "la"}
    assert all(re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", code) for code in languages.FLORES.values())
    assert len(set(languages.FLORES.values())) == len(languages.FLORES)


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("fr", "fr"), ("fra", "fr"), ("fra_Latn", "fr"), ("deu", "de"),
        ("cmn_Hans", "zh"), ("zho", "zh"), ("ara", "ar"),
        ("srp_Latn", "sr"), ("nob", "no"), ("nno", "nn"), ("pt_br", "pt"),
        ("msa", "ms"), ("jv", None), ("klingon", None),
    ],
)  # fmt: skip
def test_from_any(spelling: str, code: str | None) -> None:
    assert languages.from_any(spelling) == code


def test_members() -> None:
    assert languages.members("fra") == ["fr"]
    assert languages.members("de+nl") == ["de", "nl"]
    assert {"fr", "es", "it"} <= set(languages.members("ROMANCE"))
    assert languages.members("xyz") == []


def test_every_family_names_languages_that_exist() -> None:
    for members in languages._FAMILIES.values():
        assert set(members.split()) <= set(languages.everything())
