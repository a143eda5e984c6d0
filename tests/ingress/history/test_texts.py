from __future__ import annotations

import pytest

from ingress.history import texts
from ingress.history.texts import LanguageMissing, written
from wire.history import Failed, Line, Transcript

LINES = [
    Line(utterance=1, start=1.0, end=2.5, language="en", text="Good morning.", translations={"fr": "Bonjour."}),
    Line(utterance=2, start=2.8, end=4.0, language="fr", text="Ça va ?", translations={"en": "How are you?"}),
    Line(utterance=3, start=9.0, end=10.0, errors={"": Failed(n=9, utterance=3, code="timed_out", message="no")}),
    Line(utterance=4, start=12.0, end=14.0, language="en", text="Fine & <well>."),
    Line(utterance=5, start=14.0, end=14.0, language="en", text="Written.", translations={"fr": "Écrit."}),
]
TRANSCRIPT = Transcript(session="s1", lines=LINES)


def test_text_is_what_was_said_in_paragraphs() -> None:
    assert written(TRANSCRIPT, "txt") == "Good morning. Ça va ?\n\nFine & <well>. Written.\n"
    assert written(TRANSCRIPT, "txt", "en") == "Good morning. How are you?\n\nFine & <well>. Written.\n"
    assert written(TRANSCRIPT, "txt", "fr") == "Bonjour. Ça va ?\n\nÉcrit.\n"
    assert written(Transcript(session="s1"), "txt") == ""


def test_subtitles_have_the_times_of_what_was_said() -> None:
    srt = written(TRANSCRIPT, "srt")
    assert "1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n" in srt
    assert srt.count("-->") == 4
    assert "00:00:14,000 --> 00:00:15,000\nWritten." in srt
    french = written(TRANSCRIPT, "vtt", "fr")
    assert french.startswith("WEBVTT\n\n00:00:01.000 --> ")
    assert "Bonjour." in french
    assert "well" not in french
    assert "Fine &amp; &lt;well&gt;." in written(TRANSCRIPT, "vtt", "en")
    assert written(Transcript(session="s1"), "vtt") == "WEBVTT\n\n"


def test_a_language_that_is_not_there_is_answered_with_those_that_are() -> None:
    texts.check(TRANSCRIPT, "")
    texts.check(TRANSCRIPT, "fr")
    with pytest.raises(LanguageMissing, match="there is: en, fr"):
        texts.check(TRANSCRIPT, "de")
    with pytest.raises(LanguageMissing, match="none yet"):
        texts.check(Transcript(session="s1"), "de")
