from __future__ import annotations

from actors.audio import AudioBuffer
from wire.messages import AudioChunk


def chunk(number: int, samples: int = 100, *, gap: bool = False) -> AudioChunk:
    return AudioChunk(first=number, last=number, pcm=bytes((number, number)) * samples, speech=b"", gap=gap)


def test_cuts_across_chunks() -> None:
    buffer = AudioBuffer()
    for number in range(3):
        buffer.append(chunk(number), number + 10)
    assert buffer.cut(50, 250) == b"\0\0" * 50 + b"\1\1" * 100 + b"\2\2" * 50
    assert buffer.cut(0, 1000) == b"\0\0" * 100 + b"\1\1" * 100 + b"\2\2" * 100


def test_lets_go_of_whole_messages_only() -> None:
    buffer = AudioBuffer()
    for number in range(3):
        buffer.append(chunk(number), number + 10)
    buffer.let_go(150)
    assert (buffer.start, buffer.end, buffer.sequence, buffer.first_chunk) == (100, 300, 11, 1)
    assert buffer.cut(100, 150) == b"\1\1" * 50
    assert buffer.cut(99, 150) == b"", "all of it or nothing"
    buffer.let_go(300)
    assert (buffer.start, buffer.sequence, buffer.first_chunk) == (300, None, 3)


def test_refill_takes_what_was_held_once() -> None:
    buffer = AudioBuffer(start=100, next_chunk=1)
    for number in (0, 1, 1, 3, 2):
        buffer.refill(chunk(number), number)
    buffer.refill(chunk(9, gap=True), 9)
    buffer.refill(chunk(9, gap=True), 10)
    assert buffer.cut(100, 1000) == b"\1\1" * 100 + b"\2\2" * 100 + b"\x09\x09" * 100


def test_what_the_mailbox_has_lost_is_skipped() -> None:
    buffer = AudioBuffer(start=100, next_chunk=1)
    for number in (2, 3):
        buffer.refill(chunk(number), number)
    buffer.settle(400, 4)
    assert (buffer.start, buffer.end, buffer.next_chunk, buffer.sequence) == (400, 400, 4, None)
    whole = AudioBuffer(start=100, next_chunk=1)
    for number in (1, 2, 3):
        whole.refill(chunk(number), number)
    whole.settle(400, 4)
    assert (whole.start, whole.end, whole.next_chunk) == (100, 400, 4)
