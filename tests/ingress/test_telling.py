"""Each event of a speaker, and who is told it: who reads what is spoken, who reads the target, or everybody."""

from __future__ import annotations

import pytest

from ingress.delivery import Outgoing, SpeechFrame
from ingress.telling import EVERYBODY, KEPT, Audience, Telling, is_own
from wire.jobs import SpeechChunk
from wire.protocol import (
    AudioAck,
    ErrorTold,
    RoomSaid,
    RoomSpeaking,
    SessionReady,
    SessionUpdated,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    TranslationPartial,
    UtteranceEmpty,
)
from wire.rooms import Member

FRAME = SpeechFrame(1, "en", SpeechChunk(job="j", attempt=1, sequence=0, sample_rate=22_050, pcm=b"ab"))


def final(utterance: int = 1, language: str = "fr") -> TranscriptFinal:
    return TranscriptFinal(utterance=utterance, text="x", language=language, start=0, end=1)


def partial(utterance: int = 1) -> TranscriptPartial:
    return TranscriptPartial(utterance=utterance, committed="x", tentative="")


def error(target: str | None = None, utterance: int | None = 1) -> ErrorTold:
    return ErrorTold(code="c", message="m", retryable=False, utterance=utterance, target=target)


def told(telling: Telling, *pieces: Outgoing) -> list[Audience]:
    return [audience for piece in pieces for audience, _ in telling.audience(piece, 1.0)]


@pytest.mark.parametrize(
    ("piece", "audience"),
    [
        (final(), EVERYBODY),
        (UtteranceEmpty(utterance=1, reason="noise", start=0, end=1), EVERYBODY),
        (error(), EVERYBODY),
        (error("en"), Audience("en")),
        (TranslationPartial(utterance=1, target="en", committed="x", tentative=""), Audience("en", captions=True)),
        (TranslationFinal(utterance=1, target="en", text="x"), Audience("en")),
        (SpeechBegan(utterance=1, target="en", sample_rate=1), Audience("en", speech=True)),
        (SpeechFinished(utterance=1, target="en", seconds=1, chunks=1), Audience("en", speech=True)),
        (SpeechMissing(utterance=1, target="en", reason="r"), Audience("en", speech=True)),
        (FRAME, Audience("en", speech=True)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_who_is_told_what(piece: Outgoing, audience: Audience) -> None:
    ((found, message),) = Telling("m1").audience(piece, 1.0)
    assert found == audience
    assert message is piece or (isinstance(message, RoomSaid) and message.event is piece)


@pytest.mark.parametrize("piece", [AudioAck(chunk=1), error(utterance=None), SessionReady(
    session="s", source="fr", targets=[], speech=False, next_chunk=0
)])  # fmt: skip
def test_what_is_between_a_speaker_and_the_server_is_told_nobody(piece: Outgoing) -> None:
    assert told(Telling("m1"), piece) == []


def test_what_was_said_in_a_readers_language_is_not_told_twice() -> None:
    telling = Telling("m1")
    told(telling, final())
    assert told(
        telling,
        TranslationFinal(utterance=1, target="fr", text="x"),
        TranslationPartial(utterance=2, target="fr", committed="x", tentative=""),
        SpeechMissing(utterance=1, target="fr", reason="r"),
    ) == []  # fmt: skip


def test_that_somebody_speaks_is_told_once_and_words_to_who_reads_the_language() -> None:
    telling = Telling("m1")
    assert [message for _, message in telling.audience(partial(), 1.0)] == [RoomSpeaking(speaker="m1", utterance=1)]
    assert told(telling, partial()) == [], "it is not known yet what is spoken"
    told(telling, final())
    assert told(telling, partial(2), partial(2)) == [EVERYBODY, *2 * [Audience("fr", captions=True)]]
    told(telling, SessionUpdated(source="de", targets=[], speech=False))
    assert told(telling, partial(2)) == [Audience("de", captions=True)]


def test_texts_are_known_for_a_while() -> None:
    telling = Telling("m1")
    for utterance in range(1, KEPT + 2):
        told(telling, final(utterance), TranslationFinal(utterance=utterance, target="en", text=f"x{utterance}"))
    assert telling.text(KEPT + 1, "en") == f"x{KEPT + 1}"
    assert telling.text(2, "en") == "x2"
    assert telling.text(1, "en") == telling.text(2, "de") == ""


def test_an_audience() -> None:
    bob = Member(member="b", name="Bob", language="en", speech=False)
    carl = Member(member="c", name="Carl", language="de", captions=False)
    assert [EVERYBODY.includes(bob), Audience("en").includes(bob), Audience("de").includes(bob)] == [True, True, False]
    assert not Audience("en", speech=True).includes(bob)
    assert Audience("en", captions=True).includes(bob)
    assert not Audience("de", captions=True).includes(carl)
    assert Audience("de", speech=True).includes(carl)


def test_nobody_hears_themselves() -> None:
    own: list[Outgoing] = [final(), partial(), error(), AudioAck(chunk=1)]
    others: list[Outgoing] = [
        error("en"), FRAME, TranslationFinal(utterance=1, target="en", text="x"),
        SpeechBegan(utterance=1, target="en", sample_rate=1), SpeechMissing(utterance=1, target="en", reason="r"),
    ]  # fmt: skip
    assert [is_own(each) for each in (*own, *others)] == [True] * 4 + [False] * 5
