from __future__ import annotations

import pytest

from ingress.openai import languages


@pytest.mark.parametrize(
    ("code", "name"), [("en", "english"), ("ht", "haitian creole"), ("yue", "cantonese"), ("xx", "xx"), ("", "")]
)
def test_languages_have_the_names_that_whisper_gives_them(code: str, name: str) -> None:
    assert languages.name(code) == name


def test_there_is_a_name_for_all_that_whisper_hears() -> None:
    from node_runtime.languages import everything

    assert set(languages.NAMES) == set(everything())


def test_where_no_spaces_are_written_sentences_have_none_between_them() -> None:
    assert (languages.space("zh"), languages.space("en"), languages.space("ko")) == ("", " ", " ")
