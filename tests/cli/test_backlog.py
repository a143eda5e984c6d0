from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from cli.backlog import MAX_SECONDS, Backlog

TENTH = bytes(3200)


def taken(backlog: Backlog) -> list[int | str]:
    """All that is to be sent now: numbers of chunks, and words."""
    out: list[int | str] = []
    while (message := backlog.take()) is not None:
        out.append(message if isinstance(message, str) else struct.unpack_from("<I", message)[0])
    return out


def of(count: int) -> Backlog:
    backlog = Backlog(0, 16_000)
    for _ in range(count):
        backlog.add(TENTH)
    return backlog


def test_everything_is_sent_once_and_again_after_a_break() -> None:
    backlog = of(5)
    assert taken(backlog) == [0, 1, 2, 3, 4]
    assert taken(backlog) == []
    backlog.acknowledge(1)
    backlog.go_back(3)
    assert taken(backlog) == [3, 4]
    assert backlog.next_chunk == 5


def test_30_seconds_are_kept() -> None:
    backlog = of(int(MAX_SECONDS * 10) - 1)
    assert not backlog.full
    backlog.add(TENTH)
    assert backlog.full
    taken(backlog)
    backlog.acknowledge(0)
    assert not backlog.full


def test_what_was_not_sent_cannot_be_acknowledged_but_the_server_may_say_that_it_has_it() -> None:
    backlog = of(4)
    backlog.acknowledge(3)
    assert taken(backlog) == [0, 1, 2, 3]
    backlog.go_back(9)
    assert backlog.empty
    assert taken(backlog) == []


def test_on_one_connection_only_what_is_newer_is_skipped() -> None:
    backlog = of(4)
    backlog.take()
    backlog.skip(2)
    assert taken(backlog) == [2, 3]


def test_words_stay_behind_the_audio_that_they_follow() -> None:
    backlog = of(2)
    backlog.say("now")
    backlog.add(TENTH)
    assert taken(backlog) == [0, 1, "now", 2]
    backlog.go_back(1)
    assert taken(backlog) == [1, "now", 2]
    backlog.acknowledge(1)
    backlog.go_back(2)
    assert taken(backlog) == [2]
    backlog.say("last")
    backlog.acknowledge(2)
    assert taken(backlog) == ["last"]


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "ack", "break"]), st.integers(0, 20)), max_size=80))
def test_whatever_breaks_the_server_gets_all_in_order(steps: list[tuple[str, int]]) -> None:
    """A server that takes what is next, and forgets at a break what it had not acknowledged."""
    backlog, expects, added = Backlog(0, 16_000), 0, 0
    for what, number in [*steps, ("break", 0), ("take", 10**6)]:
        match what:
            case "add":
                backlog.add(TENTH)
                added += 1
            case "take":
                for _ in range(number):
                    if (message := backlog.take()) is None:
                        break
                    assert isinstance(message, bytes)
                    (chunk,) = struct.unpack_from("<I", message)
                    assert chunk <= expects
                    expects = max(expects, chunk + 1)
            case "ack":
                backlog.acknowledge(min(expects - 1, number))
            case _:
                backlog.go_back(expects)
    assert expects == added
