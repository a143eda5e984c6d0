from __future__ import annotations

import time

import pytest

from ingress import events
from ingress.delivery import Delivery
from tests.ingress.test_feed import NAME, Side, final, tell
from wire import subjects
from wire.bus import Bus
from wire.errors import ProtocolViolation
from wire.messages import encode
from wire.protocol import SessionClosed, TranscriptFinal


def test_an_event_is_read() -> None:
    closed = SessionClosed(n=3, reason="client", utterances=1)
    assert events.read(encode(closed)) == closed


def test_an_event_of_a_later_version_has_its_turn_and_nobody_waits_for_it() -> None:
    delivery = Delivery()
    text = TranscriptFinal(n=2, utterance=1, text="a", language="fr", start=0.0, end=1.0)
    assert delivery.event(text) == []
    later = events.read(b'{"type":"transcript.guessed","n":1,"odds":0.5}')
    assert later == events.Unknown(n=1)
    assert delivery.event(later) == [later, text]


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        events.read(b"{}")


async def test_a_client_is_not_kept_waiting_for_what_it_cannot_be_told(bus: Bus) -> None:
    """It is not told, and nothing after it is held up: neither live nor read from the stream."""
    side = Side(bus)
    await bus.store(subjects.event(NAME), b'{"type":"transcript.guessed","n":1}')
    await tell(bus, final(2))
    side.feed.hurry()
    await side.feed.keep(time.monotonic())
    side.feed.receive(0, "", b'{"type":"transcript.guessed","n":3}')
    side.feed.receive(0, "", encode(final(4)))
    side.feed.receive(0, "", b'{"type":"mood","n":0}')
    side.feed.receive(1, "en", b'{"type":"speech_chunk@2"}')
    assert side.seen() == [2, 4]
