from __future__ import annotations

from cli.events import SpeechFrame, UnknownEvent
from cli.hearing import Hearing
from wire.protocol import AudioAck, ErrorTold, SpeechBegan, SpeechFinished, SpeechHeard, SpeechMissing


def frame(sequence: int, utterance: int = 1) -> SpeechFrame:
    return SpeechFrame(utterance, "en", sequence, 22_050, b"")


def test_the_last_number_is_that_of_any_numbered_event() -> None:
    hearing = Hearing()
    for event in (SpeechMissing(n=1, utterance=1, target="en", reason="x"), AudioAck(chunk=9), UnknownEvent("x", 2)):
        assert hearing.take(event)
    assert hearing.n == 2


def test_speech_is_counted_until_it_is_over() -> None:
    hearing = Hearing()
    for utterance in (1, 2, 3):
        hearing.take(SpeechBegan(n=utterance, utterance=utterance, target="en", sample_rate=22_050))
    assert [hearing.take(frame(sequence)) for sequence in (0, 1, 1, 0, 2)] == [True, True, False, False, True]
    hearing.take(SpeechFinished(n=4, utterance=2, target="en", seconds=0, chunks=0))
    assert hearing.speech == [
        SpeechHeard(utterance=1, target="en", chunks=3), SpeechHeard(utterance=3, target="en", chunks=0),
    ]  # fmt: skip
    hearing.take(ErrorTold(n=5, code="speech_failed", message="m", retryable=False, utterance=3, target="en"))
    hearing.take(SpeechMissing(n=6, utterance=1, target="en", reason="x"))
    assert hearing.speech == []
