from __future__ import annotations

import pytest

from ingress.openai.hints import words
from ingress.openai.refusals import Refused


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        ("Dragoman, NATS JetStream, Włodarczyk.", ["Dragoman", "NATS JetStream", "Włodarczyk"]),
        ("大谷翔平、肯德基，漏洞", ["大谷翔平", "肯德基", "漏洞"]),
        ("one;two\nthree\n", ["one", "two", "three"]),
        ("ZyntriQix, ZyntriQix, Digique Plus", ["ZyntriQix", "Digique Plus"]),
    ],
)
def test_a_prompt_is_a_list_of_names_and_terms(prompt: str, expected: list[str]) -> None:
    assert words(prompt, []) == expected


def test_keywords_are_too() -> None:
    assert words("Dragoman", ["NATS, the server", " Dragoman "]) == ["Dragoman", "NATS, the server"]


@pytest.mark.parametrize(
    ("prompt", "keywords", "param"),
    [
        ("The following is a talk about whales and what they sing.", [], "prompt"),
        ("a" * 81, [], "prompt"),
        (",".join(f"w{n}" for n in range(101)), [], "prompt"),
        ("", ["a" * 81], "keywords"),
        ("", [f"w{n}" for n in range(101)], "keywords"),
    ],
)
def test_what_would_do_nothing_is_refused(prompt: str, keywords: list[str], param: str) -> None:
    with pytest.raises(Refused) as caught:
        words(prompt, keywords)
    assert caught.value.param == param
