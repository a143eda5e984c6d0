"""What a session tells, folded: complete utterances in order, whatever the order of their parts."""

from __future__ import annotations

import itertools

import pytest

from ingress.delivery import Outgoing
from ingress.recordings.gathering import Finished, Gathering, Unspoken
from wire.options import Word
from wire.protocol import (
    AudioAck,
    ErrorTold,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranslationFinal,
    UtteranceEmpty,
    UtteranceEnded,
)


def final(number: int, language: str = "fr") -> TranscriptFinal:
    return TranscriptFinal(
        utterance=number, text=f"text {number}", language=language, start=10.0 * number, end=10.0 * number + 8,
        words=[Word("text", 10.0 * number, 10.0 * number + 1)],
    )  # fmt: skip


def translated(number: int, target: str = "en") -> TranslationFinal:
    return TranslationFinal(utterance=number, target=target, text=f"{target} {number}")


def spoken(number: int, target: str = "en") -> SpeechFinished:
    return SpeechFinished(utterance=number, target=target, seconds=1.0, chunks=1)


def failed(number: int, target: str | None = None) -> ErrorTold:
    return ErrorTold(utterance=number, target=target, code="timed_out", message="m", retryable=True)


def told(gathering: Gathering, *pieces: Outgoing) -> list[Finished | Unspoken]:
    return [found for piece in pieces for found in gathering.take(piece)]


def numbers(found: list[Finished | Unspoken]) -> list[int]:
    return [each.told.utterance for each in found if isinstance(each, Finished)]


def test_an_utterance_is_finished_when_all_its_translations_are_there() -> None:
    gathering = Gathering(["en", "es"], ["en"], [])
    assert told(gathering, AudioAck(chunk=1), final(1), translated(1, "es")) == []
    (found,) = told(gathering, translated(1, "en"))
    assert isinstance(found, Finished)
    assert (found.told.text, found.told.start, found.told.end) == ("text 1", 10.0, 18.0)
    assert list(found.told.translations.items()) == [("en", "en 1"), ("es", "es 1")]
    assert found.words == [Word("text", 10.0, 11.0)]
    assert told(gathering, spoken(1)) == []
    assert (gathering.finished, gathering.failures) == (1, 0)


Piece = TranscriptFinal | TranslationFinal


def test_they_are_told_in_order_whatever_comes_first() -> None:
    """Each lane is in order, the lanes among one another are not."""
    lanes: list[list[Piece]] = [
        [final(1), final(2)],
        [translated(1), translated(2)],
        [translated(1, "es"), translated(2, "es")],
    ]
    tried = 0
    for order in set(itertools.permutations([0, 0, 1, 1, 2, 2])):
        waiting = [list(lane) for lane in lanes]
        pieces = [waiting[lane].pop(0) for lane in order]
        if any(pieces.index(each) < pieces.index(final(each.utterance)) for each in pieces):
            continue  # no session tells a translation before its text
        gathering = Gathering(["en", "es"], [], [])
        assert numbers(told(gathering, *pieces)) == [1, 2]
        assert gathering.reached().translated == {"en": 28.0, "es": 28.0}
        tried += 1
    assert tried > 10


def test_what_is_empty_or_failed_is_finished_too_and_holds_nothing_up() -> None:
    gathering = Gathering(["en"], ["en"], [])
    empty = UtteranceEmpty(utterance=1, reason="noise", start=0, end=5)
    found = told(
        gathering, empty, UtteranceEnded(utterance=2, start=6.0, end=9.0), failed(2), final(3), failed(3, "en")
    )
    assert numbers(found) == [1, 2, 3]
    one, two, three = (each for each in found if isinstance(each, Finished))
    assert one.empty == "noise"
    assert (two.told.text, two.told.start, two.told.end) == ("", 6.0, 9.0)
    assert [(each.target, each.code) for each in two.told.errors] == [(None, "timed_out")]
    assert [(each.target, each.code) for each in three.told.errors] == [("en", "timed_out")]
    assert gathering.failures == 2
    reached = gathering.reached()
    assert (reached.heard, reached.translated, reached.spoken) == (38.0, {"en": 38.0}, {"en": 38.0})


@pytest.mark.parametrize("first", ["speech", "text"])
def test_missing_speech_is_told_apart_so_that_the_order_makes_no_difference(first: str) -> None:
    gathering = Gathering(["en", "es"], ["en"], [])
    missing: Outgoing = SpeechMissing(utterance=1, target="en", reason="no voice")
    rest = [missing, translated(1, "es")] if first == "speech" else [translated(1, "es"), missing]
    found = told(gathering, final(1), translated(1), *rest)
    (text,) = (each for each in found if isinstance(each, Finished))
    (speech,) = (each for each in found if isinstance(each, Unspoken))
    assert text.told.errors == []
    assert (speech.utterance, speech.failure.code, speech.failure.message) == (1, "speech_unavailable", "no voice")
    assert gathering.failures == 0
    assert gathering.reached().spoken == {"en": 18.0}


def test_speech_that_failed_is_no_failed_translation() -> None:
    gathering = Gathering(["en"], ["en"], [])
    found = told(gathering, final(1), translated(1), failed(1, "en"))
    assert [type(each) for each in found] == [Finished, Unspoken]
    assert gathering.failures == 1


def test_between_two_languages_that_which_was_spoken_is_not_waited_for() -> None:
    gathering = Gathering(["fr", "en"], ["fr", "en"], ["fr", "en"])
    assert numbers(told(gathering, final(1, "fr"), translated(1, "en"))) == [1]
    assert numbers(told(gathering, final(2, "en"), translated(2, "fr"))) == [2]
    told(gathering, spoken(1, "en"), spoken(2, "fr"))
    assert gathering.reached().spoken == {"fr": 28.0, "en": 28.0}


def test_how_far_each_stage_is() -> None:
    gathering = Gathering(["en"], ["en"], [])
    assert (gathering.reached().heard, gathering.reached().translated) == (0.0, {"en": 0.0})
    told(gathering, UtteranceEnded(utterance=1, start=10.0, end=18.0), final(1), final(2), translated(1), spoken(1))
    reached = gathering.reached()
    assert (reached.heard, reached.translated, reached.spoken) == (28.0, {"en": 20.0}, {"en": 20.0})
    told(gathering, UtteranceEnded(utterance=3, start=30.0, end=38.0))
    assert gathering.reached().heard == 28.0
    assert gathering.start(2) == 20.0
    assert gathering.start(1) == 28.0


def test_few_utterances_are_remembered() -> None:
    gathering = Gathering(["en"], ["en"], [])
    for number in range(1, 500):
        told(gathering, final(number), translated(number), spoken(number))
    assert gathering.finished == 499
    assert gathering._open == {}
