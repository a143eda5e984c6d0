from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.delivery import Delivery, Missing, Outgoing, SpeechFrame
from wire.jobs import SpeechChunk
from wire.protocol import (
    AudioAck,
    ClientEvent,
    ErrorTold,
    SessionClosed,
    SpeechBegan,
    SpeechFinished,
    SpeechMissing,
    TranscriptFinal,
)

NOTHING = Missing(False, ())


def final(n: int, utterance: int = 1) -> TranscriptFinal:
    return TranscriptFinal(n=n, utterance=utterance, text="x", language="en", start=0, end=1)


def began(n: int, utterance: int = 1, target: str = "en") -> SpeechBegan:
    return SpeechBegan(n=n, utterance=utterance, target=target, sample_rate=22_050)


def finished(n: int, chunks: int, utterance: int = 1, target: str = "en") -> SpeechFinished:
    return SpeechFinished(n=n, utterance=utterance, target=target, seconds=1.0, chunks=chunks)


def piece(sequence: int, size: int = 10) -> SpeechChunk:
    return SpeechChunk(job="s.1", attempt=1, sequence=sequence, sample_rate=22_050, pcm=bytes(size))


def seen(out: list[Outgoing]) -> list[object]:
    """Numbers of events, (utterance, target, sequence) of frames."""
    return [(p.utterance, p.target, p.chunk.sequence) if isinstance(p, SpeechFrame) else p.n for p in out]


def test_events_go_out_in_order_once() -> None:
    delivery = Delivery()
    assert delivery.event(final(2)) == []
    assert delivery.missing() == Missing(True, ())
    assert delivery.missing()
    assert not NOTHING
    assert seen(delivery.event(final(1))) == [1, 2]
    assert delivery.event(final(1)) == delivery.event(final(2)) == []
    assert delivery.event(final(4)) == delivery.event(final(4)) == []
    assert delivery.delivered == 2


def test_live_events_pass_at_once() -> None:
    delivery = Delivery()
    delivery.event(final(2))
    assert delivery.event(AudioAck(chunk=1)) == [AudioAck(chunk=1)]


def test_speech_waits_until_it_was_announced() -> None:
    delivery = Delivery()
    assert delivery.speech(1, "en", piece(0)) == []
    assert delivery.missing() == NOTHING
    assert seen(delivery.event(began(1))) == [1, (1, "en", 0)]
    assert seen(delivery.speech(1, "en", piece(1))) == [(1, "en", 1)]
    assert delivery.speech(1, "en", piece(1)) == []
    assert seen(delivery.event(finished(2, 2))) == [2]
    assert delivery.speech(1, "en", piece(0)) == []


def test_the_end_of_speech_and_all_after_it_wait_for_the_last_chunk() -> None:
    delivery = Delivery()
    delivery.event(began(1))
    assert delivery.event(finished(2, 2)) == []
    assert delivery.event(final(3)) == []
    assert delivery.missing() == Missing(False, ((1, "en"),))
    assert delivery.speech(1, "en", piece(1)) == []
    assert seen(delivery.speech(1, "en", piece(0))) == [(1, "en", 0), (1, "en", 1), 2, 3]
    assert delivery.missing() == NOTHING


def test_an_end_without_a_beginning_still_brings_its_speech() -> None:
    delivery = Delivery()
    delivery.speech(1, "en", piece(0))
    assert seen(delivery.event(finished(1, 1))) == [(1, "en", 0), 1]


def test_speech_of_the_next_utterance_waits_for_its_turn() -> None:
    delivery = Delivery()
    delivery.event(began(1))
    assert delivery.speech(2, "en", piece(0)) == []
    assert seen(delivery.speech(1, "en", piece(0))) == [(1, "en", 0)]
    assert seen(delivery.event(finished(2, 1))) == [2]
    assert seen(delivery.event(began(3, 2))) == [3, (2, "en", 0)]


def test_what_was_given_up_is_forgotten_and_speech_before_it_is_not() -> None:
    delivery = Delivery()
    delivery.event(began(1))
    delivery.speech(2, "en", piece(0))
    delivery.speech(3, "en", piece(0))
    failed = ErrorTold(n=2, code="translation_failed", message="m", retryable=False, utterance=2, target="en")
    assert seen(delivery.event(failed)) == [2]
    assert seen(delivery.event(SpeechMissing(n=3, utterance=3, target="en", reason="r"))) == [3]
    assert seen(delivery.speech(1, "en", piece(0))) == [(1, "en", 0)]
    assert delivery._held_bytes == 0
    whole = ErrorTold(n=4, code="engine_failed", message="m", retryable=False, utterance=4)
    assert seen(delivery.event(whole)) == [4]


def test_old_speech_that_nobody_announced_goes_with_the_next_end() -> None:
    delivery = Delivery()
    delivery.speech(1, "en", piece(0))
    delivery.speech(1, "de", piece(0))
    delivery.event(began(1, 2))
    delivery.event(finished(2, 0, 2))
    assert delivery._held_bytes == 10
    assert delivery.speech(1, "en", piece(0)) == []


def test_skip_lets_out_what_came_after_a_gap() -> None:
    delivery = Delivery()
    delivery.event(final(3))
    assert seen(delivery.skip()) == [3]
    assert delivery.missing() == NOTHING

    delivery.event(began(4))
    delivery.speech(1, "en", piece(1))
    delivery.speech(1, "en", piece(3))
    assert delivery.missing() == Missing(False, ((1, "en"),))
    assert seen(delivery.skip()) == [(1, "en", 1), (1, "en", 3)]
    delivery.event(finished(5, 6))
    delivery.event(final(6))
    assert seen(delivery.skip()) == [5, 6]
    assert delivery.skip() == []


def test_what_is_held_is_bounded_and_named_when_its_turn_comes() -> None:
    delivery = Delivery(max_held_events=2, max_held_bytes=25)
    for n in (2, 3, 4):
        delivery.event(final(n))
    assert seen(delivery.event(final(1))) == [1, 2, 3]
    assert seen(delivery.event(began(4))) == [4]
    for sequence in range(1, 5):
        delivery.speech(1, "en", piece(sequence))
    assert seen(delivery.speech(1, "en", piece(0))) == [(1, "en", 0), (1, "en", 1), (1, "en", 2)]
    assert delivery.event(finished(5, 5)) == []
    assert delivery.missing() == Missing(False, ((1, "en"),))
    delivery.speech(1, "en", piece(3))
    assert seen(delivery.speech(1, "en", piece(4))) == [(1, "en", 4), 5]


# --- any order, repeats and losses: the client sees the same ---

Message = ClientEvent | SpeechFrame


def scenario() -> list[Message]:
    """As processes would store it: three utterances, two targets, one without a voice, one that failed."""
    made: list[Message] = []

    def tell(event: type[ClientEvent], **fields: object) -> None:
        n = sum(isinstance(each, ClientEvent) for each in made) + 1
        made.append(event(n=n, **fields))

    for utterance in (1, 2, 3):
        tell(TranscriptFinal, utterance=utterance, text="x", language="fr", start=0.0, end=1.0)
        made.extend(SpeechFrame(utterance, "en", piece(sequence)) for sequence in range(utterance * 2))
    tell(ErrorTold, code="translation_failed", message="m", retryable=False, utterance=2, target="de")
    for utterance in (1, 2, 3):
        tell(SpeechBegan, utterance=utterance, target="en", sample_rate=22_050)
        tell(SpeechFinished, utterance=utterance, target="en", seconds=1.0, chunks=utterance * 2)
    made.extend(SpeechFrame(1, "de", piece(sequence)) for sequence in range(3))
    tell(SpeechBegan, utterance=1, target="de", sample_rate=22_050)
    tell(SpeechFinished, utterance=1, target="de", seconds=1.0, chunks=3)
    tell(SpeechMissing, utterance=3, target="de", reason="no voice")
    tell(SessionClosed, reason="client", utterances=3)
    return made


def feed(delivery: Delivery, message: Message) -> list[Outgoing]:
    if isinstance(message, SpeechFrame):
        return delivery.speech(message.utterance, message.target, message.chunk)
    return delivery.event(message)


def fetch(delivery: Delivery, stored: list[Message]) -> list[Outgoing]:
    """What `ingress.feed` does: the events after the last one, then speech with gaps."""
    out: list[Outgoing] = []
    for message in stored:
        if isinstance(message, ClientEvent) and message.n > delivery.delivered:
            out += feed(delivery, message)
    for key in delivery.missing().speech:
        for message in stored:
            if isinstance(message, SpeechFrame) and (message.utterance, message.target) == key:
                out += feed(delivery, message)
    return out


def check(out: list[Outgoing], stored: list[Message]) -> None:
    events = [each for each in stored if isinstance(each, ClientEvent)]
    assert [each for each in out if isinstance(each, ClientEvent)] == events
    for event in events:
        if isinstance(event, SpeechFinished):
            key = (event.utterance, event.target)
            frames = [
                (at, each.chunk.sequence)
                for at, each in enumerate(out)
                if isinstance(each, SpeechFrame) and (each.utterance, each.target) == key
            ]
            assert [sequence for _, sequence in frames] == list(range(event.chunks))
            begin = next(
                at for at, e in enumerate(out) if isinstance(e, SpeechBegan) and (e.utterance, e.target) == key
            )
            assert all(begin < at < out.index(event) for at, _ in frames)


@settings(max_examples=300)
@given(st.data(), st.sampled_from([10**6, 45]), st.sampled_from([1000, 3]))
def test_any_order_repeats_and_losses_look_the_same_to_the_client(
    data: st.DataObject, max_bytes: int, max_events: int
) -> None:
    stored = scenario()
    heard = data.draw(st.lists(st.sampled_from(stored), max_size=2 * len(stored)))
    if data.draw(st.booleans()):
        heard = data.draw(st.permutations(stored)) + heard
    delivery = Delivery(max_held_events=max_events, max_held_bytes=max_bytes)
    out: list[Outgoing] = []
    for message in heard:
        out += feed(delivery, message)
        if data.draw(st.integers(0, 9)) == 0:
            out += fetch(delivery, stored)
    while delivery.delivered < len([each for each in stored if isinstance(each, ClientEvent)]):
        before = len(out)
        out += fetch(delivery, stored)
        assert len(out) > before, delivery.missing()
    check(out, stored)
    assert delivery.missing() == NOTHING
    assert delivery._held_bytes == sum(
        len(chunk.pcm) for speech in delivery._speech.values() for chunk in speech.held.values()
    )
