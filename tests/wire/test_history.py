from __future__ import annotations

import pytest

from wire.history import (
    AnyEntry,
    Erased,
    Failed,
    LanguagesChosen,
    Rendered,
    Said,
    SessionBegan,
    SessionEnded,
    entry_of,
    gathered,
)
from wire.messages import decode, encode
from wire.options import Word
from wire.protocol import (
    AudioAck,
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SessionReady,
    SessionUpdated,
    SpeechFinished,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
)

TIMED = [Word("hello", 1.0, 1.4)]
SAID = Said(n=2, utterance=1, text="hello", language="en", start=1.0, end=1.5, words=TIMED)

KEPT: list[tuple[ClientEvent, AnyEntry]] = [
    (
        SessionReady(n=1, session="s1", source="en", targets=["fr"], speech=True, next_chunk=0, between=["en", "fr"]),
        SessionBegan(n=1, at=5.0, source="en", targets=["fr"], between=["en", "fr"]),
    ),
    (TranscriptFinal(n=2, utterance=1, text="hello", language="en", start=1.0, end=1.5, words=TIMED), SAID),
    (
        TranslationFinal(n=3, utterance=1, target="fr", text="salut"),
        Rendered(n=3, utterance=1, target="fr", text="salut"),
    ),
    (
        SessionUpdated(n=4, source="de", targets=["en"], speech=False),
        LanguagesChosen(n=4, source="de", targets=["en"]),
    ),
    (
        ErrorTold(n=5, code="timed_out", message="no", retryable=True, utterance=2),
        Failed(n=5, utterance=2, code="timed_out", message="no"),
    ),
    (
        ErrorTold(n=6, code="x", message="no", retryable=True, utterance=3, target="fr"),
        Failed(n=6, utterance=3, target="fr", code="x", message="no"),
    ),
    (SessionClosed(n=7, reason="client", utterances=3), SessionEnded(n=7, reason="client", utterances=3)),
]


@pytest.mark.parametrize(("event", "entry"), KEPT, ids=lambda each: type(each).__name__)
def test_what_was_said_and_what_became_of_it_is_kept(event: ClientEvent, entry: AnyEntry) -> None:
    assert entry_of(event, 5.0) == entry
    assert decode(AnyEntry, encode(entry)) == entry


@pytest.mark.parametrize(
    "event",
    [
        AudioAck(chunk=1),
        UtteranceEmpty(n=1, utterance=1, reason="noise", start=0, end=1),
        SpeechFinished(n=1, utterance=1, target="en", seconds=1, chunks=1),
        ErrorTold(n=1, code="x", message="about the connection", retryable=False),
    ],
)
def test_what_has_no_words_is_not(event: ClientEvent) -> None:
    assert entry_of(event, 5.0) is None


def test_entries_make_a_transcript() -> None:
    made = gathered("s1", [(entry, 100.0 + entry.n) for _, entry in KEPT])
    assert (made.began, made.ended, made.reason, made.last) == (5.0, 107.0, "client", 7)
    assert (made.source, made.targets, made.between) == ("de", ["en"], [])
    assert [line.utterance for line in made.lines] == [1, 2, 3]
    first, second, third = made.lines
    assert (first.text, first.translations, first.words, first.errors) == ("hello", {"fr": "salut"}, TIMED, {})
    assert (second.text, second.errors[""].code) == (None, "timed_out")
    assert third.errors["fr"].code == "x"
    assert made.languages == ["en", "fr"]
    assert not made.erased
    assert gathered("s1", []).languages == []


def test_the_newest_word_about_an_utterance_wins_and_an_erased_session_says_so() -> None:
    entries: list[AnyEntry] = [
        Failed(n=2, utterance=1, code="gave_up", message="no"),
        Failed(n=3, utterance=1, target="fr", code="gave_up", message="no"),
        SessionEnded(n=4, reason="client", utterances=1),
        Said(n=5, utterance=1, text="hello", language="en", start=1.0, end=1.5),
        Rendered(n=6, utterance=1, target="fr", text="salut"),
        Failed(n=7, utterance=1, target="fr", code="speech_failed", message="no voice"),
    ]
    made = gathered("s1", [(entry, 0.0) for entry in entries])
    (line,) = made.lines
    assert (line.text, line.translations, line.errors) == ("hello", {"fr": "salut"}, {})
    assert gathered("s1", [(Erased(), 0.0)]).erased
