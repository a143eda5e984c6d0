from __future__ import annotations

import threading
from typing import Any

import pytest

from node_runtime import glimpse
from node_runtime.engines.ask import ask_of
from node_runtime.engines.base import Ask, Heard
from node_runtime.glimpse import Glimpser
from node_runtime.precedence import Precedence
from tests.node_runtime.conftest import job, partial
from tests.node_runtime.test_pipeline import BONJOUR, PCM, Counting
from wire.errors import LanguageUnsupported
from wire.messages import Hypothesis
from wire.options import Glossary, Word


def ask(engines: Counting, precedence: Precedence | None = None, **fields: Any) -> Hypothesis | None:
    return Glimpser("n1", engines.engines(), precedence or Precedence(1)).glimpse(partial("s", 2, PCM, **fields))


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ({}, ["prepare", "sketch auto"]),
        ({"whole": True}, ["asr auto"]),
        ({"live": ["fr"]}, ["prepare", "sketch auto"]),
        ({"live": ["en", "de"]}, ["prepare", "sketch auto", "english fr", "translate fr de"]),
    ],
)  # fmt: skip
def test_what_nobody_asked_for_is_not_computed(fields: dict[str, Any], calls: list[str]) -> None:
    engines = Counting()
    ask(engines, **fields)
    assert engines.calls == calls


def test_the_answer_carries_everything() -> None:
    engines = Counting(Heard("bonjour", "fr", 0.9, 0.8, (Word("bonjour", 0.1, 0.5),)))
    found = ask(engines, generation=4, start=10.0, timed=True, live=["fr", "en"])
    assert found is not None
    assert found.seconds >= 0
    assert found == Hypothesis(
        session="s",
        utterance=2,
        generation=4,
        node="n1",
        text="bonjour",
        language="fr",
        language_probability=0.9,
        confidence=0.8,
        words=[Word("bonjour", 10.1, 10.5)],
        translations={"fr": "bonjour", "en": "hello"},
        seconds=found.seconds,
    )


def test_what_the_job_says_reaches_the_ear() -> None:
    engines = Counting()
    glossary = Glossary(words=["Anna"], terms={"Dragoman": {"en": "Dragoman"}, "Anna": {}})
    said: dict[str, Any] = {
        "prompt": "said before", "expected": "fr", "between": ["fr", "en"], "voiced": 0.7, "glossary": glossary,
    }  # fmt: skip
    ask(engines, **said, timed=True)
    assert engines.asked == [Ask("auto", "said before", "fr", ("fr", "en"), ("Anna", "Dragoman"), True, 0.7)]
    assert engines.asked == [ask_of(job("s", 1, PCM, **said, words=True))]  # its final asks the very same


def test_between_two_languages_only_the_other_is_translated_into() -> None:
    found = ask(Counting(), between=["fr", "en"], live=["fr", "en"])
    assert found is not None
    assert found.translations == {"en": "hello"}


def test_no_words_are_an_answer() -> None:
    found = ask(Counting("noise"), live=["en"])
    assert found is not None
    assert (found.text, found.empty, found.translations) == ("", "noise", {})


def test_a_translation_that_fails_is_left_out() -> None:
    engines = Counting()
    engines.german = RuntimeError("broken")
    found = ask(engines, live=["de", "en", "zh"])
    assert found is not None
    assert found.translations == {"en": "hello"}


def test_what_the_ear_raises_is_raised() -> None:
    with pytest.raises(RuntimeError, match="broken"):
        ask(Counting(RuntimeError("broken")))
    with pytest.raises(LanguageUnsupported, match="'ko'"):
        ask(Counting(), source="ko")
    with pytest.raises(LanguageUnsupported, match="'ko'"):
        ask(Counting(), between=["fr", "ko"])


class Interrupted(Counting):
    """A final comes while the audio is prepared."""

    def __init__(self, precedence: Precedence) -> None:
        super().__init__(BONJOUR)
        self.precedence = precedence
        self.prepared = threading.Event()

    def prepare(self) -> None:
        super().prepare()
        self.precedence.final_came()
        self.prepared.set()


def test_a_final_that_comes_goes_first() -> None:
    precedence = Precedence(1)
    engines = Interrupted(precedence)
    answers: list[Hypothesis | None] = []
    glimpsing = threading.Thread(target=lambda: answers.append(ask(engines, precedence)))
    glimpsing.start()
    assert engines.prepared.wait(5)
    glimpsing.join(0.1)
    assert engines.calls == ["prepare"]
    precedence.final_went()
    glimpsing.join(5)
    assert engines.calls == ["prepare", "sketch auto"]
    assert answers[0] is not None
    assert answers[0].text == "bonjour"


def test_what_comes_too_late_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glimpse, "USEFUL_S", 0.05)
    precedence = Precedence(1)
    engines = Interrupted(precedence)
    assert ask(engines, precedence) is None
    assert engines.calls == ["prepare"]
    assert ask(Counting(), precedence) is None
