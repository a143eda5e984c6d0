from __future__ import annotations

from typing import Any

from node_runtime.engines.ask import Ask, ask_of
from tests.node_runtime.conftest import job, partial
from wire.options import Glossary

SAID: dict[str, Any] = {
    "source": "auto",
    "prompt": "said before",
    "expected": "fr",
    "between": ["fr", "en"],
    "voiced": 0.7,
    "glossary": Glossary(words=["Anna"], terms={"Dragoman": {"en": "Dragoman"}, "Anna": {}}),
}


def test_a_whole_partial_is_asked_as_its_final_will_be() -> None:
    expected = Ask("auto", "said before", "fr", ("fr", "en"), ("Anna", "Dragoman"), True, 0.7)
    assert ask_of(job("s", 1, b"", **SAID, words=True)) == expected
    assert ask_of(partial("s", 1, b"", **SAID, whole=True, timed=True)) == expected
