"""Two texts that grow for ever, each utterance in its place."""

from __future__ import annotations

from ingress.openai.realtime import rendition
from ingress.openai.realtime.rendition import Rendition
from wire.protocol import (
    AudioAck,
    ErrorTold,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)


def heard(number: int, text: str) -> TranscriptFinal:
    return TranscriptFinal(utterance=number, text=text, language="fr", start=0, end=1)


def put(number: int, text: str, target: str = "en") -> TranslationFinal:
    return TranslationFinal(utterance=number, target=target, text=text)


def growing(number: int, text: str) -> TranslationPartial:
    return TranslationPartial(utterance=number, target="en", committed=text, tentative="…")


def failed(number: int, target: str | None = None) -> ErrorTold:
    return ErrorTold(utterance=number, target=target, code="x", message="y", retryable=False)


def test_what_is_put_together_is_the_whole_text() -> None:
    made = Rendition()
    events = [
        growing(1, "Hello"),
        growing(1, "Hello there"),
        put(1, "Hello there."),
        growing(2, "How"),
        put(2, "How are you?"),
    ]
    assert [made.rendered(each) for each in events] == ["Hello", " there", ".", " How", " are you?"]
    assert made.rendered(growing(3, "")) == ""


def test_what_was_said_is_a_text_of_its_own() -> None:
    made = Rendition()
    partial = TranscriptPartial(utterance=1, committed="Bonjour", tentative="")
    assert [made.said(each) for each in (partial, heard(1, "Bonjour."), put(1, "Hello."))] == ["Bonjour", ".", ""]
    assert made.rendered(put(1, "Hello.")) == "Hello."
    assert made.rendered(AudioAck(chunk=1)) == ""


def test_an_utterance_waits_for_its_turn_and_its_final_says_it_all() -> None:
    made = Rendition()
    assert made.rendered(growing(2, "How")) == ""
    assert made.rendered(put(2, "How are you?", "de")) == "", "the language has changed, and it was the faster one"
    assert made.rendered(put(1, "Hello.")) == "Hello. How are you?"
    assert made.rendered(put(2, "How are you?")) == "", "once is enough"


def test_what_has_no_words_or_failed_leaves_no_hole() -> None:
    made = Rendition()
    empty = UtteranceEmpty(utterance=1, reason="noise", start=0, end=1)
    assert (made.said(empty), made.rendered(empty)) == ("", "")
    assert made.said(heard(2, "Oui.")) == "Oui."
    assert made.rendered(failed(2, "en")) == ""
    assert (made.said(failed(3)), made.rendered(failed(3))) == ("", "")
    assert made.rendered(put(4, "Yes.")) == "Yes."
    assert made.rendered(put(5, "No.")) == " No."


def test_scripts_without_spaces_get_none() -> None:
    made = Rendition()
    assert [made.rendered(put(number, text, "zh")) for number, text in ((1, "你好。"), (2, "再见。"))] == [
        "你好。",
        "再见。",
    ]


def test_one_that_is_lost_is_not_waited_for_for_ever() -> None:
    made = Rendition()
    told = [made.rendered(put(number, f"{number}.")) for number in range(2, rendition.MAX_WAITING + 3)]
    assert told[:-1] == [""] * rendition.MAX_WAITING
    assert told[-1].startswith("2. 3. 4.")
    assert made.rendered(put(1, "1.")) == ""
