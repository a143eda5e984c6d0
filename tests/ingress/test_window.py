from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingress.window import GATHER_S, HASTE_S, MAX_GATHERED, MAX_MESSAGES, MAX_PATIENCE_S, PATIENCE_S, Window
from wire.messages import AudioChunk

TENTH = bytes(3200)
"""0.1 s at 16 kHz: enough for a message."""


def test_small_chunks_are_gathered() -> None:
    window = Window()
    twentieth = bytes(range(64)) * 10  # 20 ms
    made = [window.add(twentieth, bytes([number]), 0) for number in range(5)]
    assert made[:4] == [None] * 4
    assert made[4] == AudioChunk(first=0, last=4, pcm=twentieth * 5, speech=bytes(range(5)))
    assert len(twentieth * 5) >= GATHER_S * 32_000
    assert window.flush(0) is None


def test_flush_gives_what_there_is_and_the_next_message_goes_on() -> None:
    window = Window()
    window.add(b"ab", b"", 0)
    assert window.flush(0) == AudioChunk(first=0, last=0, pcm=b"ab", speech=b"")
    message = window.add(TENTH, b"\1\2\3", 0)
    assert message is not None
    assert (message.first, message.last) == (1, 1)


def test_chunks_without_audio_cannot_gather_for_ever() -> None:
    window = Window()
    made = [window.add(b"", b"", 0) for _ in range(MAX_GATHERED + 1)]
    assert [each is not None for each in made].count(True) == 1
    for _ in range(MAX_MESSAGES * (MAX_GATHERED + 1)):
        window.add(b"", b"", 0)
    assert window.full


def test_what_is_acknowledged_is_let_go() -> None:
    window = Window()
    for _ in range(4):
        window.add(TENTH, b"", 0)
    window.acknowledge(1, 1)
    assert [each.first for each in window.unacknowledged()] == [2, 3]
    for chunk in (0, 1, -1, 99):  # old or impossible
        window.acknowledge(chunk, 9)
    assert (window.acknowledged, len(window.unacknowledged())) == (1, 2)
    assert window.silence(5) == 4
    window.acknowledge(3, 9)
    assert window.silence(99) == 0
    assert window._bytes == 0


def test_30_seconds_are_kept_and_no_more() -> None:
    window = Window()
    for number in range(300):
        assert not window.full, number
        window.add(TENTH, b"", 0)
    assert window.full
    window.acknowledge(0, 1)
    assert not window.full


def test_silence_of_the_actor_makes_it_overdue_less_and_less_often() -> None:
    window = Window()
    assert not window.overdue(100)
    window.add(TENTH, b"", 100)
    assert not window.overdue(100 + PATIENCE_S - 0.1)
    due, now = [], 100.0
    while now < 160:
        now += 0.25
        if window.overdue(now):
            due.append(now - 100)
    assert due == [3, 9, 15, 21, 27, 33, 39, 45, 51, 57]
    assert due[-1] - due[-2] == MAX_PATIENCE_S
    window.add(TENTH, b"", 160)
    window.acknowledge(0, 160)
    assert not window.overdue(160 + PATIENCE_S - 0.1)
    assert window.overdue(160 + PATIENCE_S)


def test_after_a_lost_connection_it_is_tried_again_soon() -> None:
    window = Window()
    window.add(TENTH, b"", 0)
    window.hasten(1)
    assert not window.overdue(1 + HASTE_S - 0.1)
    assert window.overdue(1 + HASTE_S)
    assert not window.overdue(1 + 2 * HASTE_S)


@given(st.lists(st.tuples(st.integers(0, 4000), st.booleans(), st.integers(-1, 40)), max_size=40))
def test_messages_hold_all_audio_in_order_whatever_happens(steps: list[tuple[int, bool, int]]) -> None:
    window = Window()
    sent: list[AudioChunk] = []
    added = b""
    for number, (size, flushed, acknowledged) in enumerate(steps):
        pcm = bytes([number]) * size
        added += pcm
        sent += [each for each in (window.add(pcm, b"", 0), window.flush(0) if flushed else None) if each]
        window.acknowledge(acknowledged, 0)
        kept = window.unacknowledged()
        assert kept == sent[len(sent) - len(kept) :]
        assert all(each.last <= window.acknowledged for each in sent[: len(sent) - len(kept)])
    sent += [each for each in (window.flush(0),) if each]
    assert b"".join(each.pcm for each in sent) == added
    assert [(a.last + 1) for a in sent[:-1]] == [b.first for b in sent[1:]]
    assert window._bytes == sum(len(each.pcm) for each in window.unacknowledged())
