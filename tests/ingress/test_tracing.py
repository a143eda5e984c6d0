from __future__ import annotations

import pytest

from ingress.delivery import Outgoing, SpeechFrame
from ingress.tracing import REMEMBERED, Arrivals, Told
from tests.recorder import noting
from wire import trace
from wire.jobs import SpeechChunk
from wire.protocol import (
    AudioAck,
    ErrorTold,
    SpeechBegan,
    SpeechFinished,
    TranscriptFinal,
    TranscriptPartial,
    TranslationFinal,
    UtteranceEmpty,
)

TEXT = TranscriptFinal(n=2, utterance=1, text="bonjour", language="fr", start=0.5, end=1.5)


def spoken(arrivals: Arrivals, seconds: float, since: float = 100.0) -> None:
    """In real time, 100 ms a chunk."""
    for chunk in range(round(seconds * 10)):
        arrivals.came(1600, since + (chunk + 1) * 0.1)


def test_audio_is_known_by_when_it_came() -> None:
    arrivals = Arrivals()
    assert arrivals.when(0.0) is None
    spoken(arrivals, 10)
    for position in (0.0, 0.5, 3.3, 9.7):
        assert arrivals.when(position) == pytest.approx(100 + position, abs=0.35)
    assert arrivals.when(11.0) == pytest.approx(110, abs=0.35)  # not all of a chunk need have been noted


def test_what_is_long_ago_is_forgotten() -> None:
    arrivals = Arrivals()
    spoken(arrivals, 200)
    assert len(arrivals._marks) == REMEMBERED
    assert arrivals.when(1.0) is None
    assert arrivals.when(190.0) == pytest.approx(290, abs=0.35)


def test_a_connection_that_came_back_knows_what_came_since() -> None:
    arrivals = Arrivals()
    spoken(arrivals, 1)
    arrivals.begin(5 * 16_000)
    spoken(arrivals, 2, since=500.0)
    assert arrivals.when(4.0) is None
    assert arrivals.when(6.0) == pytest.approx(501, abs=0.35)


def test_what_is_handed_to_a_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told("s1")
    spoken(told.arrivals, 3)
    chunk = SpeechChunk(job="s1.1", attempt=1, sequence=0, sample_rate=8000, pcm=b"")
    pieces: list[Outgoing] = [
        AudioAck(chunk=3),
        TranscriptPartial(utterance=1, committed="bon", tentative="jour"),
        TEXT,
        TranslationFinal(n=3, utterance=1, target="en", text="hello"),
        SpeechBegan(n=4, utterance=1, target="en", sample_rate=8000),
        SpeechFrame(1, "en", chunk),
        SpeechFinished(n=5, utterance=1, target="en", seconds=1.0, chunks=1),
        ErrorTold(n=6, code="x", message="y", retryable=False),
    ]
    with noting(monkeypatch) as notes:
        for piece in pieces:
            told.handed(piece)
    delivered = [each.about["event"] for each in notes.all if each.name == "ingress.deliver"]
    assert delivered == ["transcript.final", "translation.final", "speech.started", "speech.ended"]
    listened, speech = notes.one("ingress.listen"), notes.one("ingress.speech")
    assert listened.start == pytest.approx(100.5, abs=0.35)
    assert listened.end == pytest.approx(101.5, abs=0.35)
    assert speech.about == {"session": "s1", "utterance": 1, "target": "en", "seconds": 1.0, "chunks": 1}
    assert {each.parent for each in notes.all} == {trace.span_id("s1", 1)}
    assert not {"bonjour", "hello"} & {str(value) for each in notes.all for value in each.about.values()}


@pytest.mark.parametrize(
    "event",
    [
        UtteranceEmpty(n=2, utterance=1, reason="noise", start=0.0, end=0.0),
        UtteranceEmpty(n=2, utterance=1, reason="noise", start=0.0, end=1.0),
    ],
)
def test_what_nobody_said_was_not_listened_to(monkeypatch: pytest.MonkeyPatch, event: UtteranceEmpty) -> None:
    """It was written, or said before this connection."""
    told = Told("s1")
    told.arrivals.begin(16_000)
    with noting(monkeypatch) as notes:
        told.handed(event)
    assert notes.names == ["ingress.deliver"]
