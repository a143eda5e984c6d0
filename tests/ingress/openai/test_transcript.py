from __future__ import annotations

import pytest

from ingress.openai.transcript import Transcript, failure
from wire.errors import DragomanError, EngineError, LanguageUnsupported, Unavailable
from wire.protocol import AudioAck, ErrorTold, TranscriptFinal, TranslationFinal, UtteranceEmpty


def said(utterance: int, text: str, language: str = "en", seconds: float = 1.0) -> TranscriptFinal:
    return TranscriptFinal(
        n=utterance, utterance=utterance, text=text, language=language, start=utterance, end=utterance + seconds
    )


def test_what_is_added_joins_to_the_whole() -> None:
    transcript = Transcript()
    events = [
        AudioAck(chunk=3), said(1, "Good morning."), UtteranceEmpty(utterance=2, reason="noise", start=2, end=3),
        said(3, "How are you?"), said(4, "你好。", "zh"), said(5, "再见。", "zh"), said(6, "Bye."),
    ]  # fmt: skip
    deltas = [transcript.hear(event) for event in events]
    assert deltas == ["", "Good morning.", "", " How are you?", "你好。", "再见。", " Bye."]
    assert "".join(deltas) == transcript.text


def test_of_a_translation_the_text_is_the_targets_and_the_times_are_the_speakers() -> None:
    transcript = Transcript("en")
    assert transcript.hear(said(1, "Bonjour.", "fr")) == ""
    assert transcript.hear(TranslationFinal(utterance=1, target="de", text="Guten Tag.")) == ""
    assert transcript.hear(TranslationFinal(utterance=1, target="en", text="Hello.")) == "Hello."
    assert transcript.text == "Hello."
    assert transcript.language == "en"
    assert (transcript.pieces[0].start, transcript.pieces[0].end) == (1, 2)


def test_the_language_is_the_one_that_most_was_said_in() -> None:
    transcript = Transcript()
    assert transcript.language == ""
    for event in (said(1, "Hello.", "en", 2), said(2, "Bonjour.", "fr", 1.5), said(3, "Au revoir.", "fr", 1.5)):
        transcript.hear(event)
    assert transcript.language == "fr"


@pytest.mark.parametrize(
    ("code", "retryable", "kind"),
    [
        ("language_unsupported", True, LanguageUnsupported),
        ("queue_full", True, Unavailable),
        ("engine_failed", False, EngineError),
    ],
)
def test_a_hole_in_the_text_fails_the_whole(code: str, retryable: bool, kind: type[DragomanError]) -> None:
    told = ErrorTold(code=code, message="no", retryable=retryable, utterance=2)
    with pytest.raises(kind) as caught:
        Transcript().hear(told)
    assert (caught.value.code, caught.value.retryable) == (failure(told).code, failure(told).retryable)
    assert caught.value.code == code


def test_what_is_about_the_connection_is_not_about_the_text() -> None:
    assert Transcript().hear(ErrorTold(code="odd", message="", retryable=False)) == ""
